package incident

import (
	"fmt"
	"strings"

	"github.com/rollbackd/rollbackd/internal/diagnosis"
)

// This file holds the parts of a diagnosis, each of which stands in the summary and, in full, in a file of its own.

// What is shown of long lists in the summary.
const (
	shownShapes = 8
	shownEvents = 10
)

func (d diagnosed) pods(p *page) {
	if len(d.Pods) == 0 {
		p.line("No pod of either version was there.")
		return
	}
	p.line("| pod | version | phase | ready | restarts | why |")
	p.line("|---|---|---|---|---|---|")
	for _, pod := range d.Pods {
		phase := text(pod.Phase)
		if pod.Deleting {
			phase += ", being deleted"
		}
		restarts := 0
		for _, c := range pod.Containers {
			restarts = max(restarts, c.Restarts)
		}
		p.line("| %s | %s | %s | %s | %d | %s |", text(pod.Name), d.name(pod.Side), phase, yesNo(pod.Ready), restarts, whyOf(pod))
	}
	if d.MorePods > 0 {
		p.line("\n%s more.", many(d.MorePods, "pod"))
	}
}

// containers writes the pods, and then what the kubelet says of each container.
func (d diagnosed) containers(p *page) {
	d.pods(p)
	if len(d.Pods) == 0 {
		return
	}
	p.line("\n| pod | container | image | state | ready | restarts | last ended |")
	p.line("|---|---|---|---|---|---|---|")
	for _, pod := range d.Pods {
		for _, c := range pod.Containers {
			state, ended := text(c.State), ""
			if c.Reason != "" || c.Message != "" {
				state += ", " + strings.TrimSuffix(text(c.Reason)+": "+text(c.Message), ": ")
			}
			if c.Ended != nil {
				ended = strings.TrimSuffix(exit(*c.Ended)+": "+text(c.Ended.Message), ": ")
			}
			p.line("| %s | %s | %s | %s | %s | %d | %s |", text(pod.Name), text(c.Name), text(c.Image), state, yesNo(c.Ready), c.Restarts, ended)
		}
	}
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// whyOf says what the kubelet and the scheduler say of a pod that is not well.
func whyOf(pod diagnosis.Pod) string {
	var why []string
	if pod.Unplaced != "" {
		why = append(why, "no node takes it: "+text(pod.Unplaced))
	}
	if pod.Evicted != "" {
		why = append(why, text(pod.Evicted))
	}
	for _, c := range pod.Containers {
		words := ""
		if c.State != "running" {
			words = strings.TrimSuffix(fmt.Sprintf("%s: %s", text(or(c.Reason, c.State)), text(c.Message)), ": ")
		}
		if e := c.Ended; e != nil && (e.Code != 0 || c.Restarts > 0) {
			words = strings.TrimPrefix(words+"; last ended "+exit(*e), "; ")
		}
		if words != "" {
			why = append(why, text(c.Name)+": "+words)
		}
	}
	return strings.Join(why, "; ")
}

func exit(e diagnosis.Exit) string {
	words := fmt.Sprintf("with code %d", e.Code)
	if e.Reason != "" && e.Reason != "Error" {
		words += " (" + text(e.Reason) + ")"
	}
	if !e.At.IsZero() {
		words += " at " + e.At.UTC().Format("15:04:05")
	}
	return words
}

func (d diagnosed) changes(p *page, diff string) {
	switch {
	case len(d.Changes) > 0:
		for _, c := range d.Changes {
			p.line("- %s", sentence(text(strings.TrimPrefix(c.String(), "the release "))))
		}
	case d.Before == "":
		p.line("There is no version to compare it with.")
	case d.Diff == "":
		p.line("Nothing of the pod template.")
	default:
		p.line("Nothing of the pod template that decides what runs.")
	}
	if d.Diff != "" {
		p.line("\nThe whole of it, with secrets hidden, is in [%s](%s).", diff, diff)
	}
}

// shapes writes what error lines look like, the most increased first.
func (d diagnosed) shapes(p *page, most int) {
	l := d.Logs
	if len(l.Shapes) == 0 {
		p.line("No error lines in %s.", many(len(l.Read), "log"))
		return
	}
	p.line("Error lines a minute and container, grouped by what they have in common; a line of each.\n")
	p.line("| %s | %s | | pods | line |", d.release(), d.before())
	p.line("|---|---|---|---|---|")
	for i, s := range l.Shapes {
		if i == most {
			break
		}
		p.line("| %s | %s | %s | %d | %s |", rate(s.Release, l.ReleaseMinutes), rate(s.Before, l.BeforeMinutes), text(string(s.Trend)), s.Pods, text(s.Example))
	}
	if more := max(0, len(l.Shapes)-most) + l.MoreShapes; more > 0 {
		p.line("\n%s of lines more.", many(more, "kind"))
	}
}

// rate writes how often lines came, with how many there were.
func rate(n int, minutes float64) string {
	if minutes <= 0 {
		if n == 0 {
			return "not known"
		}
		return fmt.Sprintf("(%s)", count(uint64(n)))
	}
	return fmt.Sprintf("%.1f (%s)", float64(n)/minutes, count(uint64(n)))
}

// logs writes all shapes, the last words of what crashed, and what was read.
func (d diagnosed) logs(p *page) {
	d.shapes(p, len(d.Logs.Shapes))
	for _, w := range d.Logs.LastWords {
		p.line("\nThe last words of pod %s, container %s, before it ended:\n", text(w.Pod), text(w.Container))
		for _, l := range w.Lines {
			p.line("- %s", code(l))
		}
	}
	if len(d.Logs.Read) == 0 {
		p.line("\nNo log was read.")
		return
	}
	p.line("\nWhat was read: %.1f minutes of %s and %.1f minutes of %s, added up over the containers.\n", d.Logs.ReleaseMinutes, d.release(), d.Logs.BeforeMinutes, d.before())
	p.line("| pod | container | version | lines | errors | |")
	p.line("|---|---|---|---|---|---|")
	for _, l := range d.Logs.Read {
		var notes []string
		if l.Previous {
			notes = append(notes, "before its last restart")
		}
		if l.Cut {
			notes = append(notes, "not all of it")
		}
		p.line("| %s | %s | %s | %s | %s | %s |", text(l.Pod), text(l.Container), d.name(l.Side), count(uint64(l.Lines)), count(uint64(l.Errors)), strings.Join(notes, ", "))
	}
}

func (d diagnosed) events(p *page) { d.eventTable(p, len(d.Events)) }

// eventTable writes the newest events.
func (d diagnosed) eventTable(p *page, most int) {
	if len(d.Events) == 0 {
		p.line("None about the workload, its revision or its pods.")
		return
	}
	p.line("| last | times | about | reason | |")
	p.line("|---|---|---|---|---|")
	for i, e := range d.Events {
		if i == most {
			break
		}
		p.line("| %s | %d | %s | %s | %s |", e.Last.UTC().Format("15:04:05"), e.Count, text(e.Object), text(e.Reason), text(e.Message))
	}
	if more := max(0, len(d.Events)-most) + d.MoreEvents; more > 0 {
		p.line("\n%s more.", many(more, "event"))
	}
}

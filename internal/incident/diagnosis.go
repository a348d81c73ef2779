package incident

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/diagnosis"
)

// This file renders the folder diagnosis/ of an incident: what the cluster told of the release while it was there, and what may be
// the cause.

// The names of the files.
const (
	diagnosisSummary = "diagnosis/summary.md"
	diagnosisDiff    = "diagnosis/template.diff"
	diagnosisLogs    = "diagnosis/logs.md"
	diagnosisEvents  = "diagnosis/events.md"
	diagnosisPods    = "diagnosis/pods.md"
	// diagnosisAfter is what was there after a rollback that failed or did not help, all in one file.
	diagnosisAfter = "diagnosis/after-rollback.md"
)

// unproven is said wherever a guess is shown.
const unproven = "Guesses are made by rules from what stands below. None is proven, and nothing was decided by them."

// diagnosisFiles renders the diagnoses among the entries; none if there is none yet.
func diagnosisFiles(entries []Entry) []File {
	var files []File
	after := diagnosisAt(entries, diagnosis.Ended)
	if e := diagnosisAt(entries, diagnosis.Regressed); e != nil {
		d := diagnosed{Diagnosis: *e.Diagnosis, found: foundAt(entries)}
		files = append(files,
			File{diagnosisSummary, d.summary(after != nil)},
			File{diagnosisLogs, d.file("Logs", d.logs)},
			File{diagnosisEvents, d.file("Events", d.events)},
			File{diagnosisPods, d.file("Pods", d.containers)})
		if d.Diff != "" {
			files = append(files, File{diagnosisDiff, []byte(d.Diff)})
		}
	}
	if after != nil {
		files = append(files, File{diagnosisAfter, diagnosed{Diagnosis: *after.Diagnosis, found: foundAt(entries)}.whole()})
	}
	return files
}

// diagnosisAt returns the entry with the diagnosis of a moment; nil if there is none.
func diagnosisAt(entries []Entry, moment diagnosis.Moment) *Entry {
	for i := range entries {
		if d := entries[i].Diagnosis; d != nil && d.Moment == moment {
			return &entries[i]
		}
	}
	return nil
}

// foundAt is when the release was found to be bad; zero if that is not among the entries.
func foundAt(entries []Entry) time.Time {
	for _, e := range entries {
		if e.State != nil && e.State.To == stateRegressed {
			return e.At
		}
	}
	return time.Time{}
}

const stateRegressed = "Regressed"

// firstGuess shows the likeliest guess in one line, with where to read more.
func firstGuess(p *page, entries []Entry) {
	e := diagnosisAt(entries, diagnosis.Regressed)
	if e == nil {
		return
	}
	if len(e.Diagnosis.Guesses) == 0 {
		p.line("\n**First guess:** none; [what was gathered](%s) points to no cause.", diagnosisSummary)
		return
	}
	p.line("\n**First guess (by rules, not proven):** %s. [What it rests on](%s).", text(e.Diagnosis.Guesses[0].Text), diagnosisSummary)
}

// tellDiagnosis tells of a diagnosis in one line of the journal.
func tellDiagnosis(d *diagnosis.Diagnosis) string {
	told := fmt.Sprintf("Diagnosis: looked at %s, %s and %s", many(len(d.Pods)+d.MorePods, "pod"), many(len(d.Events)+d.MoreEvents, "event"), many(len(d.Logs.Read), "log"))
	if len(d.Guesses) > 0 {
		told += "; first guess, not proven: " + text(d.Guesses[0].Text)
	}
	return told
}

// many writes a number of things.
func many(n int, noun string) string { return plural(uint64(max(n, 0)), noun) }

// diagnosed is a diagnosis with what of the incident it is shown with.
type diagnosed struct {
	diagnosis.Diagnosis
	found time.Time
}

// The versions may have no names.
func (d diagnosed) release() string { return or(text(d.Release), "the release") }
func (d diagnosed) before() string  { return or(text(d.Before), "the version before") }

func (d diagnosed) name(side diagnosis.Side) string {
	if side == diagnosis.Before {
		return d.before()
	}
	return d.release()
}

// head writes the title and when it was gathered: evidence that was gathered late may be of what came after.
func (d diagnosed) head(p *page, title string) {
	p.line("# %s\n", title)
	when := "Gathered " + instant(d.GatheredAt)
	if delay := d.GatheredAt.Sub(d.found); !d.found.IsZero() && delay >= 0 {
		when += fmt.Sprintf(", %s after the release was found to be bad", span(delay))
	}
	p.line("%s. Logs and events are looked at from %s on.", when, instant(d.Since))
}

// summary is what to read first.
func (d diagnosed) summary(after bool) []byte {
	var p page
	d.head(&p, "Diagnosis of "+d.release())
	d.guesses(&p)
	p.section("Pods")
	d.pods(&p)
	p.section("What the release changed")
	d.changes(&p, "template.diff")
	p.section("Errors in the logs")
	d.shapes(&p, shownShapes)
	p.line("\nMore in [logs.md](logs.md).")
	p.section("Events")
	d.eventTable(&p, shownEvents)
	p.line("\nMore in [events.md](events.md), and of each container in [pods.md](pods.md).")
	if after {
		p.line("\nWhat was there after the rollback is in [after-rollback.md](after-rollback.md).")
	}
	d.missing(&p)
	return p.Bytes()
}

// whole is everything in one file.
func (d diagnosed) whole() []byte {
	var p page
	d.head(&p, "After the rollback: diagnosis of what was there instead")
	d.guesses(&p)
	p.section("Pods")
	d.pods(&p)
	p.section("Errors in the logs")
	d.logs(&p)
	p.section("Events")
	d.events(&p)
	d.missing(&p)
	return p.Bytes()
}

// file is one part in a file of its own.
func (d diagnosed) file(title string, part func(*page)) []byte {
	var p page
	d.head(&p, title)
	p.line("")
	part(&p)
	d.missing(&p)
	return p.Bytes()
}

func (d diagnosed) guesses(p *page) {
	p.section("Guess")
	if len(d.Guesses) == 0 {
		p.line("No guess: what was gathered points to no cause.")
		return
	}
	p.line("%s\n", unproven)
	for i, g := range d.Guesses {
		p.line("%d. **%s**", i+1, sentence(text(g.Text)))
		for _, f := range g.Facts {
			p.line("   - %s", text(f))
		}
	}
}

// sentence begins with a capital letter.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// missing says what could not be had.
func (d diagnosed) missing(p *page) {
	if len(d.Missing) == 0 {
		return
	}
	p.section("What is missing here")
	for _, m := range d.Missing {
		p.line("- %s", text(m))
	}
}

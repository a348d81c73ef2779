package report

import (
	"bufio"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/rollbackd/rollbackd/internal/chart"
)

//go:embed page.html page.css
var files embed.FS

// Page writes the report as one HTML document that needs nothing else: no network, no script, no font.
func Page(out io.Writer, r Report) error {
	look, err := template.ParseFS(files, "page.html")
	if err != nil {
		return err
	}
	own, err := files.ReadFile("page.css")
	if err != nil {
		return err
	}
	style := chart.CSS() + string(own)
	sum := sha256.Sum256([]byte(style))
	buffered := bufio.NewWriter(out)
	if err := look.Execute(buffered, r.page(style, base64.StdEncoding.EncodeToString(sum[:]))); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return buffered.Flush()
}

// page is what the template shows. Its strings are escaped there, the pictures where they are drawn.
type page struct {
	// Rules let the browser draw nothing but what the page was written with.
	Rules           string
	Style           template.CSS
	Title, Sentence string
	Warnings        []string
	Rows            []figureRow
	Pictures        []picture
	Services        []groupRow
	Namespaces      []groupRow
	MoreServices    int
	Weeks           []weekRow
	Failures        []failureRow
	MoreFailures    int
	Drills          []drillRow
	Rehearsals      string
	Reviews         []reviewRow
	Overdue         int
}

type picture struct {
	Name, About string
	SVG         template.HTML
}

type groupRow struct {
	Name, Rate, Detect, Restore string
	Deployments                 int
}

type weekRow struct {
	Name, Rate, Restore string
	Deployments         int
}

type failureRow struct{ Deployed, Workload, Version, State, Signal, Detect, RollBack, Restore, Record string }

type drillRow struct{ Deployed, Workload, State, Detect, Restore, Record, Result string }

type reviewRow struct {
	Name, Workload, Incident, Due string
	Overdue                       bool
}

func (r Report) page(style, hash string) page {
	p := page{
		Rules: "default-src 'none'; style-src 'sha256-" + hash + "'", Style: template.CSS(style),
		Title: r.title(), Sentence: r.sentence(), Warnings: r.warnings(), Rows: r.rows(), Pictures: r.pictures(),
		Namespaces: groupRows(r.Namespaces), Services: groupRows(r.Services[:min(len(r.Services), mostRows)]), MoreServices: max(0, len(r.Services)-mostRows),
		MoreFailures: max(0, len(r.Failures)-mostPage),
	}
	for _, w := range r.Weeks {
		p.Weeks = append(p.Weeks, weekRow{Name: w.name(), Deployments: w.Deployments, Rate: w.FailureRate.String(), Restore: w.Restore.String()})
	}
	for _, f := range r.Failures[:min(len(r.Failures), mostPage)] {
		state := plain(f.State)
		if f.ByHand {
			state += " (by hand)"
		}
		p.Failures = append(p.Failures, failureRow{
			Deployed: moment(f.Deployed), Workload: plain(f.Namespace + "/" + f.Workload), Version: plain(f.Version), State: state, Signal: plain(f.Signal),
			Detect: maybe(f.Detect), RollBack: maybe(f.RollBack), Restore: maybe(f.Restore), Record: plain(f.Incident),
		})
	}
	for _, d := range r.Drills[:min(len(r.Drills), mostPage)] {
		p.Drills = append(p.Drills, drillRow{
			Deployed: moment(d.Deployed), Workload: plain(d.Namespace + "/" + d.Workload), State: plain(d.State), Detect: maybe(d.Detect), Restore: maybe(d.Restore), Record: plain(d.Record), Result: d.result(),
		})
	}
	p.Rehearsals = r.Rehearsals.String()
	for _, v := range r.Reviews {
		p.Overdue += count(v.Overdue)
		p.Reviews = append(p.Reviews, reviewRow{Name: v.Name, Workload: plain(v.Namespace + "/" + v.Workload), Incident: plain(v.Incident), Due: v.due(), Overdue: v.Overdue})
	}
	return p
}

// mostPage bounds the lists of the page.
const mostPage = 200

func groupRows(groups []Group) []groupRow {
	var out []groupRow
	for _, g := range groups {
		out = append(out, groupRow{Name: plain(g.name()), Deployments: g.Deployments, Rate: g.FailureRate.String(), Detect: g.Detect.String(), Restore: g.Restore.String()})
	}
	return out
}

func (r Report) pictures() []picture {
	var detect, rollBack, restore, drills []dot
	for _, f := range r.Failures {
		for _, one := range []struct {
			to      *[]dot
			seconds *float64
		}{{&detect, f.Detect}, {&rollBack, f.RollBack}, {&restore, f.Restore}} {
			if one.seconds != nil {
				*one.to = append(*one.to, dot{at: f.Deployed, seconds: *one.seconds, hollow: f.ByPerson})
			}
		}
	}
	for _, d := range r.Drills {
		if d.Restore != nil {
			drills = append(drills, dot{at: d.Deployed, seconds: *d.Restore})
		}
	}
	show := func(name, about, svg string) picture {
		return picture{Name: name, About: about, SVG: template.HTML(svg)} // which lets no markup through
	}
	out := []picture{
		show("Deployments", "How often is deployed, and how many of these were bad.", r.deploymentsPicture()),
		show("Change failure rate", "The part of the deployments that were bad. The fewer there are in a week, the wider its interval.", r.ratePicture()),
		show("Time to restore", "From the first bad measurement until the service was seen to be well again after a rollback; a dot for each.", r.spansPicture("Time to restore", r.Period.Restore, restore)),
		show("Time to detect", "From the first bad measurement until the release was proven bad.", r.spansPicture("Time to detect", r.Period.Detect, detect)),
		show("Time to roll back", "From the proof to the change of the cluster; where a person must approve, most of it is that person's.", r.spansPicture("Time to roll back", r.Period.RollBack, rollBack)),
	}
	if len(r.Services) > 0 {
		out = append(out, show("Services", "Those with the most bad deployments first. Where the intervals of two overlap widely, chance alone may tell them apart.", r.servicesPicture()))
	}
	if len(drills) > 0 {
		all := make([]float64, 0, len(drills))
		for _, d := range drills {
			all = append(all, d.seconds)
		}
		out = append(out, show("Drills", "From the deployment of the bad version until the service was well again; a dot for each drill.", r.spansPicture("Time to restore in drills", spansOf(all), drills)))
	}
	return out
}

// sentence sums the period up.
func (r Report) sentence() string {
	f := r.Period
	if f.Deployments == 0 {
		return "Nothing was deployed in this period, as far as rollbackd knows."
	}
	s := fmt.Sprintf("%s of the deployments were bad: %s.", or(map[bool]string{true: "None"}[f.FailureRate.Count == 0], "Some"), f.FailureRate)
	if f.FailureRate.Count > 0 {
		s = fmt.Sprintf("%d of %d deployments were bad (%s %%; 95 %%: %s to %s %%).", f.FailureRate.Count, f.FailureRate.Of, percent(f.FailureRate.Value), percent(f.FailureRate.Low), percent(f.FailureRate.High))
	}
	switch {
	case f.Restore.Count == 1:
		s += fmt.Sprintf(" The one that was restored took %s.", span(f.Restore.Median))
	case f.Restore.Count > 1:
		s += fmt.Sprintf(" Half of the %d that were restored took at most %s.", f.Restore.Count, span(f.Restore.Median))
	}
	return s
}

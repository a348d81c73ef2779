package backtest

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/chart"
	"github.com/rollbackd/rollbackd/internal/watch"
)

//go:embed page.html page.css page.js
var pageFiles embed.FS

func parsePage() (*template.Template, error) { return template.ParseFS(pageFiles, "page.html") }

// embedded reads a file that was compiled in, and so is there.
func embedded(name string) string {
	text, _ := pageFiles.ReadFile(name)
	return string(text)
}

func style() template.CSS { return template.CSS(embedded("page.css") + chart.CSS()) }
func script() template.JS { return template.JS(embedded("page.js")) }
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// pageHead is what the page begins with.
type pageHead struct {
	// Rules let the browser run and draw nothing but what the page was written with.
	Rules                                string
	Style                                template.CSS
	Deployments, Span, Sentence, Besides string
	// Placebos is what came of placebos, in sentences; empty of a page about deployments.
	Placebos []string
	Counts   []pageCount
	Unjudged []pageUnjudged
	Policies []pagePolicy
	Rows     []pageRow
}

type pageCount struct {
	Verdict, Meaning string
	Count, Width     int
}

type pageUnjudged struct {
	Why   string
	Count int
	Which []pageRow
	More  int
}

type pagePolicy struct {
	Name, Text string
	Count      int
}

// maxNamed bounds how many deployments are named behind a reason.
const maxNamed = 12

func (p *Page) head() pageHead {
	h := pageHead{
		Rules: "default-src 'none'; style-src " + hash(string(style())) + "; script-src " + hash(string(script())),
		Style: style(), Deployments: count(p.summary.deployments, "deployment"), Span: p.summary.span(),
		Sentence: p.summary.sentence(), Besides: p.summary.besides(), Rows: p.inOrder(),
	}
	if p.placebos != nil {
		h.Deployments, h.Placebos = count(p.summary.deployments, "placebo"), p.placebos.Sentences()
	}
	most := 1
	for _, n := range p.summary.verdicts {
		most = max(most, n)
	}
	for _, v := range verdicts() {
		if n := p.summary.verdicts[v]; n > 0 {
			h.Counts = append(h.Counts, pageCount{Verdict: string(v), Meaning: meaning(v), Count: n, Width: max(2, 200*n/most)})
		}
	}
	for _, r := range p.summary.reasons() {
		u := pageUnjudged{Why: plain(r.why, maxReason), Count: len(r.which), More: max(0, len(r.which)-maxNamed)}
		for _, i := range r.which[:min(maxNamed, len(r.which))] {
			u.Which = append(u.Which, p.rows[i])
		}
		h.Unjudged = append(h.Unjudged, u)
	}
	for _, policy := range p.policies {
		if n := p.summary.policies[policy.Name]; n > 0 {
			h.Policies = append(h.Policies, pagePolicy{Name: plain(policy.Name, maxName), Count: n, Text: promise(policy)})
		}
	}
	return h
}

// promise says what a policy's alpha means.
func promise(p watch.Policy) string {
	return fmt.Sprintf("alpha %g: at most %.4g of 1000 healthy deployments are rolled back by mistake; watched for %s", p.Alpha, 1000*p.Alpha, short(p.End()))
}

// pageSection is what the page shows of one deployment.
type pageSection struct {
	pageRow
	Open               bool
	Headline, Reason   string
	Facts              []pageFact
	Evidence, Required string
	EvidenceWidth      int
	Signals            []pageSignal
}

type pageFact struct{ Name, Text string }

// pageSignal is one signal with its chart, if there is anything to draw.
type pageSignal struct {
	Name, Verdict, Reason, Compared, Evidence string
	Chart                                     template.HTML
}

func (p *Page) section(o Outcome, row pageRow) pageSection {
	s := pageSection{pageRow: row, Open: o.Verdict != analyzer.Healthy, Headline: o.headline(), Reason: plain(o.Reason, maxReason)}
	fact := func(name, text string) {
		if text != "" {
			s.Facts = append(s.Facts, pageFact{Name: name, Text: text})
		}
	}
	fact("Announced", clock(o.Event.Timestamp))
	began := "T0, first seen in the metrics"
	if o.Evidence.T0.Equal(o.Event.Timestamp) { // nothing new was seen, or nothing tells it from what was there before
		began = "T0, the event's time"
	}
	fact(began, clock(o.Evidence.T0))
	if o.DecidedAt != nil && o.Verdict != analyzer.Healthy {
		fact("Decided", fmt.Sprintf("%s, %s after T0", clock(*o.DecidedAt), row.After))
	}
	if o.Compared != "" {
		fact("Compared", o.Compared.words())
	} else {
		fact("What followed", plain(o.Next, maxReason))
	}
	fact("Policy", plain(o.Policy, maxName))
	fact("Event", plain(o.ID, 2*maxName))
	if o.Evidence.Required > 0 {
		s.Evidence, s.Required = grouped(o.Evidence.EValue), grouped(o.Evidence.Required)
		s.EvidenceWidth = meter(o.Evidence.EValue, o.Evidence.Required)
	}
	for _, c := range o.Courses {
		if c.Signal.Name == o.Signal { // the one that decided comes first
			s.Signals = slices.Insert(s.Signals, 0, c.shown(o))
			continue
		}
		s.Signals = append(s.Signals, c.shown(o))
	}
	return s
}

// meter is how full a bar of 200 is: on a logarithmic scale, as evidence multiplies.
func meter(value, required float64) int {
	if !(value > 1) || !(required > 1) {
		return 0
	}
	return int(200 * min(1, math.Log(value)/math.Log(required)))
}

func clock(at time.Time) string { return at.UTC().Format("2 Jan 2006 15:04:05 UTC") }

// headline says in a few words what rollbackd would have done.
func (o Outcome) headline() string {
	l := o.line()
	switch {
	case o.Evidence.Asks:
		return "would have asked a person after " + l.After
	case o.Verdict == analyzer.Regressed:
		return "would have been rolled back after " + l.After
	case o.Verdict == analyzer.Healthy:
		return "left alone"
	case o.unjudged() != "":
		return "left alone: " + plain(o.unjudged(), maxReason)
	}
	return "left alone: " + meaning(o.Verdict)
}

func (c Course) shown(o Outcome) pageSignal {
	s := pageSignal{Name: plain(c.Signal.Name, maxName), Compared: plain(c.compared(), maxReason)}
	for _, a := range o.Evidence.Signals {
		if a.Signal == c.Signal.Name {
			s.Verdict, s.Reason = plain(string(a.Verdict), maxName), plain(a.Reason, maxReason)
			if a.RequiredEvidence > 0 {
				s.Evidence = grouped(a.Evidence)
			}
		}
	}
	if picture, ok := c.chart(o); ok {
		s.Chart = template.HTML(chart.SVG(picture)) // which lets no markup through
	}
	return s
}

package incident

import (
	"strings"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/chart"
)

// File is one file of an incident's folder.
type File struct {
	// Name is its path below the folder, with slashes. Of what came from outside it holds signals' names alone, made safe.
	Name string
	Body []byte
}

// The files of every incident's folder.
const (
	timelineFile   = "timeline.md"
	incidentFile   = "incident.json"
	journalFile    = "journal.jsonl"
	postmortemFile = "postmortem.md"
	changelogFile  = "changelog-entry.md"
	statusPageFile = "status-page.md"
)

// Files renders the folder of an incident from the entries of its journal and annex: the same entries always give the same files.
// Whoever shows an incident, wherever, shows these.
func Files(entries []Entry) []File {
	s := Fold(entries)
	pictures := s.pictures(entries)
	out := []File{
		{timelineFile, s.timeline(entries, pictures)},
		{statusPageFile, StatusPage(entries)},
		{incidentFile, s.json()},
		{journalFile, JournalLines(entries)},
		{postmortemFile, s.postmortemPage(entries, pictures)},
		{changelogFile, s.changelogEntry("")},
	}
	for _, p := range pictures {
		out = append(out, File{p.name, chart.File(p.chart)})
	}
	return s.wanted(append(out, diagnosisFiles(entries)...))
}

// folder lists the files of the folder, so that whoever opens one finds the others.
func (s Summary) folder(p *page, pictures []picture, diagnosis []File) {
	p.section("Files")
	for _, f := range []struct{ name, what string }{
		{postmortemFile, "the postmortem, with the facts filled in"},
		{changelogFile, "the entry for the change log"},
		{statusPageFile, "a draft for a status page; it is sent to nobody"},
		{incidentFile, "the facts for programs"},
		{journalFile, "all that was recorded, one entry a line"},
	} {
		if s.wants(f.name) {
			p.line("- %s: %s", link(f.name, f.name), f.what)
		}
	}
	for _, pic := range pictures {
		p.line("- %s: %s", link(pic.name, pic.name), pic.what())
	}
	for _, f := range diagnosis {
		p.line("- %s: what was gathered in the cluster", link(f.Name, f.Name))
	}
}

func (p picture) what() string {
	what := "chart of " + text(p.signal)
	if p.whole {
		return what + " over the whole watch"
	}
	return what
}

// of returns the pictures of one signal.
func of(pictures []picture, signal string) []picture {
	var out []picture
	for _, p := range pictures {
		if p.signal == signal {
			out = append(out, p)
		}
	}
	return out
}

func spanOf(p picture) analyzer.Span { return analyzer.Span{From: p.chart.From, At: p.chart.To} }

// charted links to the pictures of one signal.
func charted(pictures []picture) string {
	var links []string
	for _, p := range pictures {
		words := "before, during and after"
		if p.whole {
			words = "the whole watch"
		}
		links = append(links, link(words, p.name))
	}
	return strings.Join(links, ", ")
}

// charted links to the pictures and the graphs of a signal that did not decide.
func (s Summary) charted(p *page, pictures []picture, signal string) string {
	shown := of(pictures, signal)
	if len(shown) == 0 {
		return ""
	}
	out := "; " + link("chart", shown[0].name)
	if graphs := s.graphs(p, signal, spanOf(shown[0])); graphs != "" {
		out += ", in Prometheus " + graphs
	}
	return out
}

package incident

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// graphTime is how Prometheus' page writes the end of a graph, which is in UTC.
const graphTime = "2006-01-02 15:04:05"

// longestQuery bounds the queries that links hold. Browsers and proxies refuse addresses that are much longer.
const longestQuery = 4000

// pageAddress returns an address as links may begin with it: without credentials, a query or a slash at its end. It is empty if it is none.
func pageAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment, u.ForceQuery = nil, "", "", "", false
	return strings.TrimRight(u.String(), "/")
}

// graph returns the address of Prometheus' page with a query drawn over a span, empty if it is not known where people open Prometheus.
func (s Summary) graph(query string, span analyzer.Span) string {
	if s.prometheus == "" || query == "" || len(query) > longestQuery || !span.At.After(span.From) {
		return ""
	}
	// Versions 2 and 3 of Prometheus both understand these.
	end := span.At.UTC().Truncate(time.Minute).Add(time.Minute)
	length := end.Sub(span.From.UTC().Truncate(time.Minute))
	return s.prometheus + "/graph?" + url.Values{
		"g0.expr": {query}, "g0.tab": {"0"}, "g0.range_input": {brief(length)}, "g0.end_input": {end.Format(graphTime)},
	}.Encode()
}

// link writes a link in Markdown to a file of the folder.
func link(words, address string) string {
	if strings.IndexFunc(address, func(r rune) bool { return !plain(r) }) < 0 {
		return "[" + words + "](" + address + ")"
	}
	return "[" + words + "](<" + unbracketed(address) + ">)"
}

// refer links to an address by its number. It is as long as a paragraph, and would make the lines around it hard to read as plain text.
func (p *page) refer(words, address string) string {
	i := slices.Index(p.addresses, address)
	if i < 0 {
		i = len(p.addresses)
		p.addresses = append(p.addresses, address)
	}
	return fmt.Sprintf("[%s][graph %d]", words, i+1)
}

// define ends a page with the addresses that it refers to.
func (p *page) define() {
	for i, address := range p.addresses {
		if i == 0 {
			p.line("")
		}
		p.line("[graph %d]: <%s>", i+1, unbracketed(address))
	}
}

func unbracketed(address string) string {
	return strings.NewReplacer("<", "%3C", ">", "%3E", "\n", "", "\\", "%5C").Replace(address)
}

// graphs returns links to Prometheus for one signal: of the release, and of what was live after a rollback.
func (s Summary) graphs(p *page, signal string, span analyzer.Span) string {
	var links []string
	judged := s.Decision
	if judged == nil {
		judged = s.Latest
	}
	for _, of := range []struct {
		words string
		by    *Judgement
	}{{"the release", judged}, {"after the rollback", s.Verification}} {
		if of.by == nil {
			continue
		}
		if address := s.graph(of.by.Graphs[signal], span); address != "" {
			links = append(links, p.refer(of.words, address))
		}
	}
	return strings.Join(links, ", ")
}

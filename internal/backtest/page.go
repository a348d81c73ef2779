package backtest

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// Page shows outcomes as one HTML document that needs nothing else: no network, no script of others, no font.
//
// What comes first in it is known last. So the sections, which are nearly all of it, are written into a temporary file as they
// come, and of each outcome only a row is kept.
type Page struct {
	out      io.Writer
	policies []watch.Policy
	look     *template.Template
	sections *os.File
	written  *countingWriter
	rows     []pageRow
	summary  summary
	// placebos is set where the outcomes are those of placebos.
	placebos *PlaceboSummary
}

// pageRow is a row of the page's table.
type pageRow struct {
	line
	// ID is what links to the section.
	ID         string
	at         time.Time
	from, size int64
}

// countingWriter knows how much was written.
type countingWriter struct {
	*bufio.Writer
	n int64
}

// Write implements io.Writer.
func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.n += int64(n)
	return n, err
}

// NewPage returns a page that writes to out when it ends. It must be closed.
func NewPage(out io.Writer, policies []watch.Policy) (*Page, error) {
	look, err := parsePage()
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp("", "rollbackd-report-*")
	if err != nil {
		return nil, fmt.Errorf("the page needs a temporary file: %w", err)
	}
	return &Page{out: out, policies: policies, look: look, sections: file, written: &countingWriter{Writer: bufio.NewWriter(file)}}, nil
}

// NewPlaceboPage returns a page about placebos, which take the place of deployments in it.
func NewPlaceboPage(out io.Writer, policies []watch.Policy, summary *PlaceboSummary) (*Page, error) {
	p, err := NewPage(out, policies)
	if err == nil {
		p.placebos = summary
	}
	return p, err
}

// Add takes an outcome up.
func (p *Page) Add(o Outcome) error {
	row := pageRow{line: o.line(), ID: fmt.Sprintf("d%d", len(p.rows)+1), at: o.Event.Timestamp, from: p.written.n}
	if err := p.look.ExecuteTemplate(p.written, "section", p.section(o, row)); err != nil {
		return fmt.Errorf("write the section of %s: %w", o.ID, err)
	}
	row.size = p.written.n - row.from
	p.rows = append(p.rows, row)
	p.summary.add(o)
	if p.placebos != nil {
		p.placebos.Add(o)
	}
	return nil
}

// End writes the page.
func (p *Page) End() error {
	if err := p.written.Flush(); err != nil {
		return fmt.Errorf("write the temporary file: %w", err)
	}
	out := bufio.NewWriter(p.out)
	if err := p.look.ExecuteTemplate(out, "head", p.head()); err != nil {
		return err
	}
	for _, row := range p.inOrder() {
		if _, err := io.Copy(out, io.NewSectionReader(p.sections, row.from, row.size)); err != nil {
			return fmt.Errorf("copy a section: %w", err)
		}
	}
	if err := p.look.ExecuteTemplate(out, "foot", script()); err != nil {
		return err
	}
	return out.Flush()
}

// Close removes the temporary file.
func (p *Page) Close() error { return errors.Join(p.sections.Close(), os.Remove(p.sections.Name())) }

// inOrder are the rows, what is not healthy first.
func (p *Page) inOrder() []pageRow {
	return slices.SortedStableFunc(slices.Values(p.rows), func(a, b pageRow) int {
		return cmp.Or(cmp.Compare(gravity(a.Verdict), gravity(b.Verdict)), a.at.Compare(b.at))
	})
}

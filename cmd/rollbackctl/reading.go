package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/common/model"
	"golang.org/x/term"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
)

const (
	// pageTries is how often a page is asked for that cannot be had at once.
	pageTries = 4
	// pagePause is between two tries.
	pagePause = 500 * time.Millisecond
)

// pages asks for all pages of records and hands on each line. It ends with an error if one of them cannot be had: what came until then
// are the first ones.
func (p *person) pages(ctx context.Context, verb control.Verb, target event.Target, request control.Request, take func(line []byte) error) error {
	progress := p.progress(string(verb))
	defer progress.end()
	for {
		reply, err := p.page(ctx, verb, target, request)
		if err != nil {
			return err
		}
		lines, err := reply.Unpack()
		if err != nil {
			return err
		}
		for _, line := range lines {
			if err := take(line); err != nil {
				return fmt.Errorf("the answer cannot be read: %w", err)
			}
		}
		progress.add(len(lines))
		if reply.Next <= request.After { // zero at the end; the place never goes back
			return nil
		}
		request.After = reply.Next
	}
}

// page asks for one page, again where the daemon has too much to do.
func (p *person) page(ctx context.Context, verb control.Verb, target event.Target, request control.Request) (control.Reply, error) {
	for try := 1; ; try++ {
		reply, err := p.ask(ctx, verb, target, request)
		if err == nil {
			err = refused(reply)
		}
		if err == nil || reply.Code != control.CodeBusy || try == pageTries {
			return reply, err
		}
		select {
		case <-time.After(pagePause):
		case <-ctx.Done():
			return reply, ctx.Err()
		}
	}
}

// progress tells on a terminal how much was read, so that nobody takes a long reading for a hanging one.
type progress struct {
	to    *os.File
	what  string
	count int
}

func (p *person) progress(what string) *progress {
	file, ok := p.around.err.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		file = nil
	}
	return &progress{to: file, what: what}
}

func (p *progress) add(n int) {
	p.count += n
	if p.to != nil {
		fmt.Fprintf(p.to, "\rreading %s: %d", p.what, p.count)
	}
}

func (p *progress) end() {
	if p.to != nil && p.count > 0 {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}

// parseSince reads a span of time such as 30d, or a day or an instant; "" and "0" are the beginning.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" || text == "0" {
		return time.Time{}, nil
	}
	if span, err := model.ParseDuration(text); err == nil {
		return now.Add(-time.Duration(span)).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %s is neither a span of time, such as 30d or 12h, nor a day or an instant, such as 2026-11-22 or 2026-11-22T10:00:00Z", event.Quote(text))
}

// scope is the namespace, or the whole environment, that records are asked for.
func (p *person) scope(namespace string) (event.Target, error) {
	if p.environment == "" {
		return event.Target{}, errors.New("in which environment? give --env or $ROLLBACKD_ENV")
	}
	t := event.Target{Environment: p.environment, Namespace: namespace, Workload: control.AllWorkloads}
	if namespace == "" {
		t.Namespace = control.AllNamespaces
	}
	if !event.IsName(t.Environment) || namespace != "" && !event.IsName(namespace) {
		return event.Target{}, fmt.Errorf("--env %s and --namespace %s must be names as Kubernetes has them", event.Quote(t.Environment), event.Quote(namespace))
	}
	return t, nil
}

// whole adds to a refusal what to do where only all namespaces are forbidden.
func whole(err error, t event.Target, fix string) error {
	if _, no := errors.AsType[refusal](err); no && t.Namespace == control.AllNamespaces {
		return refusal{fmt.Errorf("%w; you may be allowed some namespaces only: %s", err, fix)}
	}
	return err
}

// decodeLine reads one record.
func decodeLine[T any](line []byte) (T, error) {
	var v T
	err := json.Unmarshal(line, &v)
	return v, err
}

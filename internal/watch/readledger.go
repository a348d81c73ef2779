package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// readFor is how long one page is filled; where little is found in that time, whoever asks goes on with the next.
const readFor = 3 * time.Second

// errPageFull ends the reading of a page.
var errPageFull = errors.New("the page is full")

// incidents answers with a page of the ledger.
func (s *Supervisor) incidents(ctx context.Context, in control.Asked) control.Reply {
	page := page{until: time.Now().Add(readFor)}
	err := s.opts.Ledger.Each(ctx, patterns(in.Target, in.All), in.After, func(place uint64, value []byte) error {
		d, ok := decodeDigest(value)
		return page.add(place, value, ok && listed(d.Digest, in))
	})
	return page.reply(err, "the ledger")
}

// listed reports whether a digest is among those that are asked for. Its key does not tell the workload.
func listed(d incident.Digest, in control.Asked) bool {
	switch {
	case in.Target.Workload != control.AllWorkloads && d.Workload != in.Target.Workload,
		d.At().Before(in.Since),
		in.Open && !d.Open():
		return false
	}
	return in.Find == "" || named(d, in.Find)
}

func named(d incident.Digest, name string) bool {
	return name == d.Watch || name == d.Incident || name == d.EventID || d.Postmortem != nil && name == d.Postmortem.Name()
}

// journalPage answers with a page of the journal and the annex of a watch. The watch must be of the target: the permissions of NATS are
// about subjects.
func (s *Supervisor) journalPage(ctx context.Context, in control.Asked) control.Reply {
	unknown := control.Refuse(control.CodeUnknown, "there is no watch %s of %s/%s", event.Quote(in.Watch), in.Target.Namespace, in.Target.Workload)
	if !strings.HasPrefix(in.Watch, in.Target.Environment+"."+in.Target.Namespace+".") {
		return unknown
	}
	if in.Target.Workload != control.AllWorkloads {
		of, err := s.targetOf(ctx, in.Watch)
		switch {
		case err != nil:
			return control.Refuse(control.CodeBusy, "the journal cannot be read now: %v", err)
		case of != in.Target:
			return unknown
		}
	}
	page := page{until: time.Now().Add(readFor)}
	err := s.opts.Annex.ReadFrom(ctx, in.Watch, in.After, func(seq uint64, data []byte) error {
		var e incident.Entry
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		e.Seq = seq
		return page.add(seq, bytes.TrimSpace(incident.JournalLines(incident.Hide([]incident.Entry{e}, s.opts.Mask))), true)
	})
	if err == nil && in.After == 0 && page.lines.Len() == 0 {
		return unknown
	}
	if err == nil {
		page.stillTold(s.opts.stillTold(in.Watch, now()))
	}
	return page.reply(err, "the journal")
}

// targetOf returns what a watch is about; nothing if there is no such watch. It may have been forgotten by all but its journal.
func (s *Supervisor) targetOf(ctx context.Context, key string) (event.Target, error) {
	if w, ok := s.Get(key); ok {
		return w.Event.Target(), nil
	}
	var found event.Target
	err := s.opts.Journal.Read(ctx, key, func(_ uint64, data []byte) error {
		var e incident.Entry
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		if e.Accepted != nil {
			found, _ = event.ParseSubject(e.Accepted.Subject) // what cannot be read is nobody's
		}
		return errPageFull
	})
	if errors.Is(err, errPageFull) {
		err = nil
	}
	return found, err
}

// page collects records until it is full.
type page struct {
	lines bytes.Buffer
	// last is the place of the newest record that was looked at.
	last  uint64
	until time.Time
}

// add takes a record, unless it is not wanted or has no room; then the page is full, and the next begins with it.
func (p *page) add(place uint64, line []byte, wanted bool) error {
	if p.lines.Len() > 0 && wanted && p.lines.Len()+len(line) >= control.PageBytes || p.last > 0 && time.Now().After(p.until) {
		return errPageFull
	}
	p.last = place
	if wanted {
		p.lines.Write(line)
		p.lines.WriteByte('\n')
	}
	return nil
}

// stillTold adds what nobody has stored, as far as there is room: it is of this moment only.
func (p *page) stillTold(entries []incident.Entry) {
	for _, e := range entries {
		if line, err := json.Marshal(e); err == nil && p.lines.Len()+len(line) < control.PageBytes {
			p.lines.Write(append(line, '\n'))
		}
	}
}

func (p *page) reply(err error, what string) control.Reply {
	full := errors.Is(err, errPageFull)
	if err != nil && !full {
		return control.Refuse(control.CodeBusy, "%s cannot be read now: %v", what, err)
	}
	reply := control.Reply{OK: true}
	if p.lines.Len() > 0 {
		reply.Lines = control.Pack(p.lines.Bytes())
	}
	if full {
		reply.Next = p.last
	}
	return reply
}

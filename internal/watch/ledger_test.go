package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// entry is a record of the world's ledger.
type entry struct {
	place uint64
	value []byte
}

type ledgerOf struct{ *world }

func (l ledgerOf) Put(ctx context.Context, key string, change func([]byte) []byte) error {
	return l.call(ctx, "ledger.put", func() error {
		if value := change(l.ledger[key].value); value != nil {
			l.seq++
			l.ledger[key] = entry{l.seq, value}
		}
		return nil
	})
}

// Each knows of patterns what the supervisor uses of them.
func (l ledgerOf) Each(ctx context.Context, patterns []string, after uint64, fn func(uint64, []byte) error) error {
	var all []entry
	err := l.call(ctx, "ledger.each", func() error {
		for key, e := range l.ledger {
			matches := slices.ContainsFunc(patterns, func(p string) bool {
				if rest, ok := strings.CutSuffix(p, ">"); ok {
					return strings.HasPrefix(key, rest)
				}
				ok, _ := path.Match(strings.ReplaceAll(p, ".", "/"), strings.ReplaceAll(key, ".", "/"))
				return ok
			})
			if matches && e.place > after {
				all = append(all, e)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b entry) int { return int(a.place) - int(b.place) })
	for _, e := range all {
		if err := fn(e.place, e.value); err != nil {
			return err
		}
	}
	return nil
}

// digests are all that the ledger holds, by key.
func (w *world) digests() map[string]incident.Digest {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]incident.Digest{}
	for key, e := range w.ledger {
		var d incident.Digest
		require.NoError(w.t, json.Unmarshal(e.value, &d))
		out[key] = d
	}
	return out
}

// entriesOf are those of a watch as they are stored.
func (w *world) entriesOf(key string) []incident.Entry {
	var out []incident.Entry
	require.NoError(w.t, journalOf{w}.ReadAll(w.t.Context(), key, func(seq uint64, data []byte) error {
		var e incident.Entry
		require.NoError(w.t, json.Unmarshal(data, &e))
		e.Seq = seq
		out = append(out, e)
		return nil
	}))
	return out
}

// An incident is in the ledger while it goes on, and how it ended is afterwards.
func TestIncidentIsInTheLedgerFromItsBeginning(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Verifying)
		synctest.Wait()
		all := w.digests()
		require.Len(t, all, 1)
		for key, d := range all {
			require.Equal(t, "incident."+d.Watch, key)
			require.True(t, d.Open())
		}
		ended := w.await(p, RolledBack)
		synctest.Wait()
		d := w.digests()["incident."+ended.Key]
		require.Equal(t, incident.DigestOf(w.entriesOf(ended.Key)), d)
		require.True(t, d.Final && d.RolledBack && d.Recovered)
		require.Equal(t, []string{"v2", "v1"}, []string{d.Version, d.Target})
	})
}

// What a crash kept out of the ledger, the next run writes: killed before the ledger took it, or where the ledger was lost altogether.
func TestLedgerIsMadeUpFor(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.failing(func(call string, _ bool) error {
			if call == "ledger.put" {
				return errors.New("killed")
			}
			return nil
		})
		p := w.run()
		w.errorsIn = 0
		require.NoError(t, p.Accept(t.Context(), w.document()))
		ended := w.await(p, Healthy)
		synctest.Wait()
		p.stop()
		require.Empty(t, w.digests())
		w.failing(nil)

		p = w.run()
		synctest.Wait()
		want := w.digests()["watch."+ended.Key]
		require.Equal(t, "Healthy", want.State)
		p.stop()

		w.mu.Lock()
		stored := maps.Clone(w.stored)
		clear(w.ledger)
		w.mu.Unlock()
		p = w.run()
		synctest.Wait()
		require.Equal(t, want, w.digests()["watch."+ended.Key])
		p.stop()
		require.True(t, maps.EqualFunc(stored, w.stored, bytes.Equal), "a picture in memory is smaller than what is stored, and must not take its place")
	})
}

// A watch whose journal was lost is not open in the ledger for ever, and keeps what was known of it.
func TestLostJournalEndsInTheLedger(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		open := w.await(p, Verifying)
		synctest.Wait()
		before := w.digests()["incident."+open.Key]
		p.stop()
		w.mu.Lock()
		clear(w.journal)
		w.seq = 0 // a stream that is made anew counts from the beginning
		w.mu.Unlock()
		w.run()
		time.Sleep(time.Minute)
		synctest.Wait()
		after := w.digests()["incident."+open.Key]
		require.True(t, before.Open() && !after.Open())
		require.Equal(t, string(RolledBackUnverified), after.State)
		require.Equal(t, before.Signal, after.Signal)
		require.NotEmpty(t, after.Signal)
	})
}

// listOf asks for all pages of incidents.
func listOf(t *testing.T, s *Supervisor, target event.Target, reading control.Reading) []incident.Digest {
	t.Helper()
	out := []incident.Digest{}
	for pages := 0; ; pages++ {
		reply := s.Ask(t.Context(), control.Asked{By: "ana", Verb: control.Incidents, Target: target, Request: control.Request{Reading: reading}})
		require.True(t, reply.OK, reply.Message)
		lines, err := reply.Unpack()
		require.NoError(t, err)
		for _, line := range lines {
			var d incident.Digest
			require.NoError(t, json.Unmarshal(line, &d))
			out = append(out, d)
		}
		if reading.After = reply.Next; reading.After == 0 {
			return out
		}
		require.Less(t, pages, 100)
	}
}

// A list tells of what was asked for and of nothing else; however many pages it takes, each record comes once.
func TestIncidentsAreListed(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		at := w.t0
		add := func(class, namespace, workload, id string, edit func(*incident.Digest)) {
			d := incident.Digest{Watch: "production." + namespace + "." + id, EventID: "event-" + id, Environment: "production", Namespace: namespace, Workload: workload,
				Final: true, Times: incident.DigestTimes{Accepted: at}, Reason: strings.Repeat("x", 1000)}
			if class == classIncident {
				d.Incident = "incident-" + id
			}
			edit(&d)
			require.NoError(t, ledgerOf{w}.Put(t.Context(), class+"."+d.Watch, func([]byte) []byte { return d.Line() }))
		}
		keep := func(*incident.Digest) {}
		add(classIncident, "shop", "checkout", "a", keep)
		add(classIncident, "shop", "cart", "b", func(d *incident.Digest) { d.Final = false })
		add(classIncident, "bank", "checkout", "c", func(d *incident.Digest) { d.Postmortem = &incident.Review{Number: 3} })
		add(classWatch, "shop", "checkout", "d", keep)
		add(classIncident, "shop", "checkout", "old", func(d *incident.Digest) { d.Times.Accepted = at.Add(-time.Hour) })
		for range 1200 {
			add(classIncident, "many", "web", "m"+string(rune('a'+len(w.ledger)%26))+strings.Repeat("i", len(w.ledger)), keep)
		}
		target := func(namespace, workload string) event.Target {
			return event.Target{Environment: "production", Namespace: namespace, Workload: workload}
		}
		for name, c := range map[string]struct {
			of      event.Target
			reading control.Reading
			want    []string
		}{
			"a workload":          {target("shop", "checkout"), control.Reading{}, []string{"a", "old"}},
			"a namespace":         {target("shop", control.AllWorkloads), control.Reading{}, []string{"a", "b", "old"}},
			"deployments, too":    {target("shop", "checkout"), control.Reading{All: true}, []string{"a", "d", "old"}},
			"since":               {target("shop", "checkout"), control.Reading{Since: at.Add(-time.Minute)}, []string{"a"}},
			"open":                {target(control.AllNamespaces, control.AllWorkloads), control.Reading{Open: true}, []string{"b"}},
			"by incident":         {target("shop", control.AllWorkloads), control.Reading{Find: "incident-b"}, []string{"b"}},
			"by event":            {target("shop", control.AllWorkloads), control.Reading{Find: "event-a"}, []string{"a"}},
			"by watch":            {target("shop", control.AllWorkloads), control.Reading{Find: "production.shop.a"}, []string{"a"}},
			"by review":           {target("bank", control.AllWorkloads), control.Reading{Find: "DEC-INCIDENT-0003"}, []string{"c"}},
			"another environment": {event.Target{Environment: "staging", Namespace: control.AllNamespaces, Workload: control.AllWorkloads}, control.Reading{}, nil},
		} {
			var got []string
			for _, d := range listOf(t, p.Supervisor, c.of, c.reading) {
				got = append(got, strings.TrimPrefix(d.EventID, "event-"))
			}
			require.Equal(t, c.want, got, name)
		}
		seen := map[string]bool{}
		for _, d := range listOf(t, p.Supervisor, target("many", control.AllWorkloads), control.Reading{}) {
			require.False(t, seen[d.Watch])
			seen[d.Watch] = true
		}
		require.Len(t, seen, 1200)
	})
}

// The journal is read in pages, which together are the journal and the annex, and only under the subject of its workload.
func TestJournalIsReadInPages(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		watching := w.await(p, Watching)
		require.NoError(t, p.annex(t.Context(), watching, "told", incident.Entry{Kind: incident.KindTold, Told: &incident.Told{Sink: "log", Title: strings.Repeat("t", control.PageBytes)}}))
		w.await(p, Verifying)
		p.stop()
		want := w.entriesOf(watching.Key)

		read := func(target event.Target) (got []incident.Entry, pages int, last control.Reply) {
			for after := uint64(0); ; pages++ {
				last = p.Ask(t.Context(), control.Asked{By: "ana", Verb: control.Journal, Target: target,
					Request: control.Request{Watch: watching.Key, Reading: control.Reading{After: after}}})
				lines, err := last.Unpack()
				require.NoError(t, err)
				for _, line := range lines {
					var e incident.Entry
					require.NoError(t, json.Unmarshal(line, &e))
					got = append(got, e)
				}
				if after = last.Next; after == 0 {
					return got, pages + 1, last
				}
			}
		}
		for _, workload := range []string{"checkout", control.AllWorkloads} {
			got, pages, _ := read(event.Target{Environment: "production", Namespace: "shop", Workload: workload})
			require.Equal(t, string(incident.JournalLines(want)), string(incident.JournalLines(got)))
			require.Equal(t, 3, pages, "before, the large one, and after")
		}
		for _, target := range []event.Target{
			{Environment: "production", Namespace: "shop", Workload: "cart"},
			{Environment: "production", Namespace: "bank", Workload: control.AllWorkloads},
			{Environment: "staging", Namespace: "shop", Workload: "checkout"},
		} {
			got, _, reply := read(target)
			require.Empty(t, got)
			require.Equal(t, control.CodeUnknown, reply.Code)
		}
	})
}

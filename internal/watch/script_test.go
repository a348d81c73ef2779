package watch

import (
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// play runs a script, one input a line:
//
//	when | input | entries that must follow | state and effect wanted after it
//
// When is counted from the start of the deployment. See parse for the inputs and summary for the entries.
func (s *story) play(script string) {
	s.t.Helper()
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		cells := strings.Split(line, "|")
		require.Len(s.t, cells, 4, line)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		now := start.Add(s.duration(cells[0]))
		entries := s.feed(s.parse(strings.Fields(cells[1]), now), now)
		got := summary(entries) + " | " + strings.TrimSpace(string(s.watch.State)+" "+string(s.want))
		require.Equal(s.t, cells[2]+" | "+cells[3], got, "at %s: %s\nreason: %s", cells[0], cells[1], s.watch.Reason)
	}
}

func (s *story) duration(text string) time.Duration {
	s.t.Helper()
	d, err := time.ParseDuration(text)
	require.NoError(s.t, err)
	return d
}

func (s *story) parse(words []string, now time.Time) input {
	s.t.Helper()
	args := words[1:]
	switch words[0] {
	case "clock":
		return clock{}
	case "see":
		return observed{snapshot: s.shows(args[0], args[1:]...)}
	case "step": // to so many per cent
		return s.stepTo(args[0])
	case "gone": // since so long ago
		return missing{since: now.Add(-s.duration(args[0]))}
	case "forbidden": // since so long ago
		return unreadable{since: now.Add(-s.duration(args[0])), words: "said the API server"}
	case "superseded":
		return superseded{by: event.Event{Version: args[0]}}
	case "updated":
		return updated{accepted: incident.Accepted{Subject: s.watch.Subject, StreamSeq: 8, Event: completion()}}
	case "ticks": // kind and end: every tick of the grid that ends by then
		return s.ticks(args[0], start.Add(s.duration(args[1])))
	case "tick": // phase, kind and end: one tick that no grid asked for
		at := start.Add(s.duration(args[2]))
		return measured{phase: incident.Phase(args[0]), ticks: []analyzer.Tick{tickOf(args[1], at.Add(-5*time.Second), at)}}
	case "baseline":
		n, err := strconv.ParseUint(args[0], 10, 64)
		require.NoError(s.t, err)
		return baselined{baselines: baselinesOf(n, n/100)}
	case "incident":
		return incidentOpened{id: args[0]}
	case "plan":
		return planOf(s.watch, s.shows(args[0], args[1:]...))
	case "refuse":
		return planned{refusal: &rollback.Refusal{Code: rollback.RefusalCode(args[0]), Reason: "said the planner"}}
	case "applied":
		return applied{result: rollback.Result(args[0]), detail: "said the cluster"}
	case "withdrawn":
		return withdrawn{refusal: &rollback.Refusal{Code: rollback.RefusalCode(args[0]), Reason: "said the planner"}}
	case "ana": // asks for something: a verb, and to which revision
		q := control.Asked{By: "ana", Verb: control.Verb(args[0]), Target: s.watch.Event.Target()}
		if len(args) > 1 {
			q.Revision = args[1]
		}
		return asked{Asked: q}
	case "planpause":
		plan, refusal := rollback.MakePause(*s.watch.Pin, s.shows(args[0], args[1:]...), rollback.PauseMark{})
		return pausePlanned{plan: plan, refusal: refusal}
	case "paused":
		return pauseTried{result: rollback.Result(args[0]), detail: "said the cluster"}
	case "resumed":
		return pauseEnded{result: rollback.Result(args[0]), detail: "said the cluster"}
	case "stuckpause":
		return pauseStuck{}
	case "unsure":
		return unsure{}
	case "notlanded":
		return notLanded{}
	}
	s.t.Fatalf("no input %q", words)
	return nil
}

// ticks asks the watch itself which ticks are due.
func (s *story) ticks(kind string, until time.Time) input {
	phase := incident.PhaseWatch
	if s.watch.State == Verifying {
		phase = incident.PhaseVerify
	}
	var ticks []analyzer.Tick
	for _, span := range s.watch.due(until.Add(s.watch.Policy.Scrape())) {
		ticks = append(ticks, tickOf(kind, span.From, span.At))
	}
	require.NotEmpty(s.t, ticks, "no tick is due by %s", until)
	return measured{phase: phase, ticks: ticks}
}

// completion is the second event of the pair that testEvent begins.
func completion() []byte {
	return []byte(`{"id":"d1","timestamp":"2026-11-22T10:01:00Z","environment":"production",` +
		`"namespace":"shop","workload":"checkout","version":"v2","status":"success"}`)
}

// planOf plans as the actor does, of what the cluster shows.
func planOf(w Watch, snapshot rollback.Snapshot) planned {
	pin, in := w.destination(snapshot)
	if in.refusal == nil {
		in.plan, in.refusal = rollback.MakePlan(pin, snapshot, w.failsMostly())
	}
	return in
}

package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// fact is one line of a watch's page.
type fact struct{ Name, Value, Link string }

// signalRow is one signal with its newest numbers.
type signalRow struct {
	Name, Value, Limit, Reason string
	Verdict                    analyzer.Verdict
}

type watchBody struct {
	Facts   []fact
	Signals []signalRow
}

// watch is the page of one watch: as it stands, or, of one that was forgotten, as the ledger has it.
func (s *site) watch(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if found, ok := s.Watches.Get(id); ok {
		v := found.View()
		refresh := 0
		if !v.Final {
			refresh = 15
		}
		s.show(w, r, http.StatusOK, "watch", page{Title: v.Namespace + "/" + v.Workload + " " + v.Version, Root: rootOf(r.URL.Path), Refresh: refresh, Body: bodyOf(v)})
		return
	}
	d, err := s.Records.Digest(r.Context(), id)
	switch {
	case err != nil:
		s.problem(w, r, http.StatusServiceUnavailable, "The ledger cannot be read now; try again in a moment.")
	case d.Watch == "":
		s.problem(w, r, http.StatusNotFound, "There is no such watch.")
	default:
		s.show(w, r, http.StatusOK, "watch", page{Title: d.Namespace + "/" + d.Workload + " " + d.Version, Root: rootOf(r.URL.Path), Body: rememberedBody(d)})
	}
}

func bodyOf(v watch.View) watchBody {
	facts := []fact{
		{Name: "State", Value: string(v.State) + " since " + when(v.Since)}, {Name: "Reason", Value: v.Reason},
		{Name: "Environment", Value: v.Environment}, {Name: "Kind", Value: v.Kind}, {Name: "Policy", Value: v.Policy},
		{Name: "Announced", Value: when(v.AcceptedAt)}, {Name: "Event", Value: v.EventID}, {Name: "Deployed", Value: when(v.T0)},
		{Name: "Goes back to", Value: v.Target}, {Name: "No way back", Value: v.NoTarget}, {Name: "Rolled back", Value: when(v.LandedAt)},
		{Name: "Came back", Value: v.CameBack}, {Name: "Verdict", Value: string(v.Verdict)}, {Name: "Measured", Value: when(v.LastTick)},
		{Name: "Incident", Value: v.Incident, Link: recordOf(v.Incident)}, {Name: "Watch", Value: v.ID},
	}
	if v.Canary != "" {
		facts = append(facts, fact{Name: "Canary", Value: v.Canary + " at " + strconv.Itoa(v.Step) + " %"})
	}
	body := watchBody{Facts: known(facts)}
	for _, a := range v.Signals {
		value, limit := a.Shown()
		if a.Outcome == analyzer.OutcomeNoData || a.Outcome == analyzer.OutcomeError {
			value = "no data"
		}
		body.Signals = append(body.Signals, signalRow{Name: a.Signal, Verdict: a.Verdict, Value: value, Limit: limit, Reason: a.Reason})
	}
	return body
}

func rememberedBody(d incident.Digest) watchBody {
	broke := d.Signal
	if d.ValueText != "" {
		broke += ": " + d.ValueText + ", limit " + d.LimitText
	}
	return watchBody{Facts: known([]fact{
		{Name: "State", Value: d.State}, {Name: "Reason", Value: d.Reason}, {Name: "Environment", Value: d.Environment},
		{Name: "Kind", Value: d.Kind}, {Name: "Policy", Value: d.Policy}, {Name: "Announced", Value: when(d.Times.Accepted)},
		{Name: "Event", Value: d.EventID}, {Name: "Deployed", Value: when(d.Times.Started)}, {Name: "Target", Value: d.Target},
		{Name: "What broke", Value: broke}, {Name: "Rolled back", Value: when(d.Times.Landed)}, {Name: "Ended", Value: when(d.Times.Ended)},
		{Name: "Incident", Value: d.Incident, Link: recordOf(d.Incident)}, {Name: "Watch", Value: d.Watch},
	})}
}

// recordOf leads from the page of a watch to that of its incident.
func recordOf(id string) string {
	if id == "" {
		return ""
	}
	return "../incidents/" + id + "/"
}

// known leaves out what is not known.
func known(facts []fact) (out []fact) {
	for _, f := range facts {
		if f.Value != "" && f.Value != when(time.Time{}) {
			out = append(out, f)
		}
	}
	return out
}

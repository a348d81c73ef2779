package analyzer

import (
	"strings"
	"testing"
	"time"
)

// clusterTicks are ticks of 15 s in which the cluster says one thing after another; nil says nothing.
func clusterTicks(speaks bool, said ...*Rollout) []Tick {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	var ticks []Tick
	for _, r := range said {
		errors := Measurement{Control: Counts{N: 50}}
		if speaks {
			errors.Samples, errors.Pods = 3, map[string]Counts{"web-a": {N: 50}}
		}
		ticks = append(ticks, Tick{From: at, At: at.Add(15 * time.Second), Signals: map[string]Measurement{"errors": errors, "rollout": {Rollout: r}}})
		at = at.Add(15 * time.Second)
	}
	return ticks
}

// repeated is the same thing said n times.
func repeated(n int, r Rollout) []*Rollout {
	var all []*Rollout
	for range n {
		all = append(all, &r)
	}
	return all
}

func TestRolloutIsJudgedByWhatTheClusterSays(t *testing.T) {
	crash := Rollout{Release: PodCounts{Pods: 3, Ready: 1, Crashing: 2, Restarts: 5}, Old: PodCounts{Pods: 2, Ready: 2}}
	alike := crash
	alike.Old = PodCounts{Pods: 2, Crashing: 2, Restarts: 9}
	pull := Rollout{Release: PodCounts{Pods: 1, Unpullable: 1}, Old: PodCounts{Pods: 3, Ready: 3}}
	starting := Rollout{Release: PodCounts{Pods: 1}, Old: PodCounts{Pods: 3, Ready: 3}}
	overdue, oldToo, unplaced := starting, starting, starting
	overdue.Overdue = true
	oldToo.Old.Ready = 1
	oldToo.Overdue = true
	unplaced.Release.Unplaced, unplaced.Overdue = 1, true
	sick := Rollout{Release: PodCounts{Pods: 2, Ready: 1, Crashing: 1, Restarts: 7}, Overdue: true}
	well := Rollout{Release: PodCounts{Pods: 3, Ready: 3}}
	none := Rollout{Old: PodCounts{Pods: 3, Ready: 3}, Overdue: true}
	for name, c := range map[string]struct {
		said   []*Rollout
		speaks bool
		want   Verdict
		says   string
	}{
		"crash loop":                       {repeated(5, crash), false, Regressed, "2 of 3 pods crash (CrashLoopBackOff, 5 restarts) for 1m15s"},
		"crash loop of pods that report":   {repeated(5, crash), true, Regressed, "2 of 3 pods crash"},
		"crash loop not yet for long":      {repeated(4, crash), false, Insufficient, "it is given 1m0s"},
		"crash loop with a short gap":      {append(append(repeated(3, crash), nil), repeated(2, crash)...), false, Regressed, "2 of 3 pods crash"},
		"crash loop with a long gap":       {append(append(repeated(3, crash), nil, nil, nil), repeated(3, crash)...), false, Insufficient, "for 45s"},
		"crash loop that was over":         {append(append(repeated(4, crash), &well), repeated(3, crash)...), true, Insufficient, "for 45s"},
		"the old version crashes alike":    {repeated(9, alike), false, External, "of the old version 2 of 2 pods crash"},
		"image pull":                       {repeated(5, pull), false, Regressed, "1 of 1 pods cannot pull their image for 1m15s"},
		"slow start":                       {repeated(39, starting), false, Insufficient, "1 of 1 pods are not ready for 9m45s; it is given 10m0s"},
		"slow start, well in the end":      {append(repeated(30, starting), &well), true, Healthy, "the release's pods report"},
		"never ready":                      {repeated(41, starting), false, Regressed, "1 of 1 pods are not ready for 10m15s"},
		"never ready, as the cluster says": {repeated(5, overdue), false, Regressed, "the rollout has made no progress within its deadline"},
		"the old version is not either":    {repeated(5, oldToo), false, External, "of the old version 2 of 3 are not ready either"},
		"no node takes them":               {repeated(5, unplaced), false, External, "no node takes 1 of them"},
		"one sick pod of several":          {repeated(50, sick), true, SickPod, "1 of 2 pods crash (CrashLoopBackOff, 7 restarts), and most"},
		"well":                             {repeated(50, well), true, Healthy, "the release's pods report"},
		"well and silent":                  {repeated(21, well), false, Regressed, "the release has reported nothing for 5m15s"},
		"there are no pods":                {repeated(5, none), false, Insufficient, "the release has reported nothing for 1m15s"},
		"nothing is known of the cluster":  {make([]*Rollout, 5), false, Insufficient, "the release has reported nothing for 1m15s"},
	} {
		t.Run(name, func(t *testing.T) {
			var st State
			var j Judgement
			for _, tick := range clusterTicks(c.speaks, c.said...) {
				st, j = Step(rolloutRules(), nil, st, tick)
			}
			a := j.Signals[1]
			if a.Verdict != c.want || !strings.Contains(a.Reason, c.says) {
				t.Errorf("judged %s: %s\nwant %s: …%s…", a.Verdict, a.Reason, c.want, c.says)
			}
			if proven := c.want == Regressed; proven != (j.Verdict == Regressed && !j.Unproven) {
				t.Errorf("the judgement is %s, unproven %t: %s", j.Verdict, j.Unproven, j.Reason)
			}
		})
	}
}

// A release whose counters are there from the start and stay at zero gets to serve no more than one without any.
func TestCountersAtZeroAreNoService(t *testing.T) {
	for name, c := range map[string]struct {
		// served is how many requests the release answers in each of its first four ticks, asked what the old version does in each.
		served, asked uint64
		want          Verdict
		says          string
	}{
		"none ever":                            {0, 50, Regressed, "has answered no request for 5m15s while the old version goes on serving"},
		"some, and then a lull":                {9, 50, Healthy, "the release's pods report"},
		"none, where hardly any could be its":  {0, 5, Insufficient, "that answered 105 requests meanwhile, of which by chance none may have been the release's"},
		"none, where a few more tell":          {0, 7, Regressed, "has answered no request for 5m15s"},
		"none, and the old version serves not": {0, 0, Healthy, "the release's pods report"},
	} {
		t.Run(name, func(t *testing.T) {
			var st State
			var j Judgement
			for i, tick := range clusterTicks(false, make([]*Rollout, 21)...) {
				m := Measurement{Samples: 3, Pods: map[string]Counts{"web-a": {}}, Control: Counts{N: c.asked}}
				if i < 4 {
					m.Pods["web-a"] = Counts{N: c.served}
				}
				tick.Signals["errors"] = m
				st, j = Step(rolloutRules(), nil, st, tick)
			}
			if a := j.Signals[1]; a.Verdict != c.want || !strings.Contains(a.Reason, c.says) {
				t.Errorf("judged %s: %s\nwant %s: …%s…", a.Verdict, a.Reason, c.want, c.says)
			}
		})
	}
}

func rolloutRules() Rules {
	return Rules{Signals: []Signal{
		{Name: "errors", Kind: KindErrorRate, Scrape: 15 * time.Second, Rule: Sustained{Window: time.Minute, For: 5 * time.Minute, MinRequests: 100}},
		{Name: "rollout", Kind: KindRollout, Rule: Sustained{For: 5 * time.Minute}},
	}}
}

// TestRolloutIsNotJudgedWhereTelemetryIsMissingEverywhere: neither version is seen, and the pods are well.
func TestRolloutIsNotJudgedWhereTelemetryIsMissingEverywhere(t *testing.T) {
	var st State
	var j Judgement
	for _, tick := range clusterTicks(false, repeated(40, Rollout{Release: PodCounts{Pods: 3, Ready: 3}})...) {
		tick.Signals["errors"] = Measurement{}
		st, j = Step(rolloutRules(), nil, st, tick)
	}
	if j.Verdict != NoData {
		t.Errorf("judged %s: %s", j.Verdict, j.Reason)
	}
}

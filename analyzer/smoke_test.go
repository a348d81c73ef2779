package analyzer

import (
	"strings"
	"testing"
	"time"
)

func TestSmokeTestsAreJudgedByRounds(t *testing.T) {
	ok := SmokeRound{N: 2}
	bad := SmokeRound{N: 2, K: 1, Error: "GET http://web/: status 500, want 200"}
	before, badBefore, everybody, notEverybody := ok, bad, bad, bad
	before.Before, badBefore.Before = true, true
	everybody.OthersFailed = 3
	notEverybody.OthersFailed, notEverybody.OthersPassed = 3, 1
	none := []SmokeRound(nil)
	job := func(name string, failed int) SmokeRound {
		return SmokeRound{N: 1, K: failed, Job: name, Error: "exit code 1"}
	}
	missed := SmokeRound{Error: "the quota does not allow it"}
	missedBefore := missed
	missedBefore.Before = true
	for name, c := range map[string]struct {
		rounds   []SmokeRound
		want     Verdict
		unproven bool
		says     string
	}{
		"no round yet":                           {none, Insufficient, true, "no round was run yet"},
		"only before the release":                {[]SmokeRound{before}, Insufficient, true, "no round was run yet"},
		"passed":                                 {[]SmokeRound{ok}, Healthy, true, "all 2 checks passed"},
		"failed twice":                           {[]SmokeRound{ok, bad, bad}, Insufficient, true, "in 2 rounds in a row: GET http://web/: status 500, want 200; 3 rounds are needed"},
		"failed three times":                     {[]SmokeRound{ok, bad, bad, bad}, Regressed, false, "1 of 2 checks failed in 3 rounds in a row"},
		"failed, and had passed before":          {[]SmokeRound{before, bad, bad, bad}, Regressed, false, "in 3 rounds in a row"},
		"failed with a pass between":             {[]SmokeRound{bad, bad, ok, bad, bad}, Insufficient, true, "in 2 rounds in a row"},
		"recovered":                              {[]SmokeRound{ok, bad, bad, bad, ok}, Healthy, true, "all 2 checks passed"},
		"never seen to pass":                     {[]SmokeRound{bad, bad, bad}, Regressed, true, "a person must decide"},
		"failed before too":                      {[]SmokeRound{badBefore, bad, bad, bad}, External, true, "it failed before the release too: GET http://web/"},
		"all other workloads fail too":           {[]SmokeRound{ok, bad, bad, everybody}, External, true, "the smoke tests of all other workloads (3) fail too"},
		"not all of the other workloads fail":    {[]SmokeRound{ok, bad, bad, notEverybody}, Regressed, false, "in 3 rounds in a row"},
		"no data is no failure":                  {[]SmokeRound{ok, bad, bad, missed}, NoData, true, "the newest round gave no data: the quota does not allow it"},
		"no data before the release":             {[]SmokeRound{missedBefore, ok}, Healthy, true, "all 2 checks passed"},
		"no data ends no row of failures":        {[]SmokeRound{ok, bad, missed, bad, bad}, Regressed, false, "in 3 rounds in a row"},
		"data again":                             {[]SmokeRound{missed, ok}, Healthy, true, "all 2 checks passed"},
		"Jobs that fail":                         {[]SmokeRound{job("a", 0), job("b", 1), job("c", 1), job("d", 1)}, Regressed, false, "in 3 rounds in a row: exit code 1"},
		"one Job told of three times":            {[]SmokeRound{job("a", 0), job("b", 1), job("b", 1), job("b", 1)}, Insufficient, true, "in 1 rounds in a row"},
		"failed before, passed once, then fails": {[]SmokeRound{badBefore, ok, bad, bad, bad}, Regressed, false, "in 3 rounds in a row"},
	} {
		t.Run(name, func(t *testing.T) {
			r := Rules{Signals: []Signal{{Name: "smoke", Kind: KindSmoke, Smoke: Smoke{Every: time.Minute, Failures: 3}}}}
			at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
			st, _ := Step(r, nil, State{}, Tick{From: at, At: at.Add(time.Minute)})
			for _, round := range c.rounds {
				round.At = at
				st, _ = Step(r, nil, st, Tick{From: at, At: at.Add(time.Minute), Signals: map[string]Measurement{"smoke": {Smoke: []SmokeRound{round}}}})
				at = at.Add(time.Minute)
			}
			_, j := Step(r, nil, st, Tick{From: at, At: at.Add(time.Second)}) // what the newest round showed holds
			if j.Verdict != c.want || j.Unproven != c.unproven || !strings.Contains(j.Reason, c.says) {
				t.Errorf("judged %s, unproven %t: %s\nwant %s, unproven %t: …%s…", j.Verdict, j.Unproven, j.Reason, c.want, c.unproven, c.says)
			}
		})
	}
}

package analyzer

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// surrounded is a release and everything around it, told in ticks of five seconds. A line is what was served in each tick, as
// requests/failures; 250/1*20 is twenty such ticks. Before the deployment, each workload failed one request of 500.
type surrounded struct {
	name string
	// release is the new version's line, old that of the old version beside it, if it serves.
	release, old string
	// peers are the other workloads' lines. Those whose names hold a slash are of other namespaces.
	peers map[string]string
	// calls are those between workloads, by what is called: the release's own, and all others'.
	calls map[string][2]string
	// unanswered has an x for each tick in which nothing around the release can be measured.
	unanswered string
	// verdicts has a letter for each tick: r for REGRESSED, e for EXTERNAL, s for SICK_POD, h for HEALTHY, . for anything else.
	verdicts string
	reason   string
	// undelayed says that without a guard the verdicts would be the same.
	undelayed bool
}

// fine is what a healthy workload serves in so many ticks.
func fine(ticks int) string { return fmt.Sprintf("250/0*%d ", ticks) }

// failing is what a workload serves that fails half of its requests.
func failing(ticks int) string { return fmt.Sprintf("250/125*%d ", ticks) }

func same(names, line string) map[string]string {
	out := map[string]string{}
	for _, name := range strings.Fields(names) {
		out[name] = line
	}
	return out
}

// and puts lines of workloads together.
func and(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, some := range all {
		for name, line := range some {
			out[name] = line
		}
	}
	return out
}

func TestSurroundings(t *testing.T) {
	for _, c := range surroundings {
		t.Run(c.name, func(t *testing.T) {
			verdicts, last := c.play(t, guarded(errorSignal()))
			require.Equal(t, expand(c.verdicts), verdicts, "at last: %s", last.Reason)
			require.Contains(t, last.Reason, c.reason)
			if c.undelayed {
				plain, _ := c.play(t, Rules{Signals: guarded(errorSignal()).Signals})
				require.Equal(t, plain, verdicts, "without guard")
			}
		})
	}
}

// guarded are rules for signals that are judged with a look around.
func guarded(signals ...Signal) Rules { return Rules{Guarded: true, Signals: signals} }

func errorSignal() Signal {
	return Signal{Name: "errors", Kind: KindErrorRate, Scrape: 5 * time.Second, Rule: rule}
}

// play steps through a history. What is suspected after a tick is measured in the next, from the lines.
func (c surrounded) play(t *testing.T, r Rules) (verdicts string, last Judgement) {
	t.Helper()
	var st State
	for _, tick := range c.ticks(t, r) {
		st, last = Step(r, map[string]Baseline{"errors": quietBaseline(), "latency": quietBaseline()}, st, tick)
		if v := letter(last); v == "." && last.Verdict == Healthy {
			verdicts += "h"
		} else {
			verdicts += v
		}
	}
	return verdicts, last
}

// ticks are those that would be recorded.
func (c surrounded) ticks(t *testing.T, r Rules) []Tick {
	t.Helper()
	release, old := parseLine(t, c.release), parseLine(t, c.old)
	out := make([]Tick, len(release))
	var st State
	for i := range out {
		from := second(5 * i)
		out[i] = Tick{From: from, At: from.Add(5 * time.Second), Signals: map[string]Measurement{}}
		for _, sig := range r.Signals {
			m := Measurement{Samples: 1, Pods: map[string]Counts{"a": release[i]}}
			if i < len(old) {
				m.Control = old[i]
			}
			out[i].Signals[sig.Name] = m
		}
		for signal, since := range st.Suspects(r) {
			if out[i].Around == nil {
				out[i].Around = map[string]Around{}
			}
			out[i].Around[signal] = c.around(t, int(since.Sub(second(0)).Seconds())/5, i)
		}
		st, _ = Step(r, map[string]Baseline{"errors": quietBaseline(), "latency": quietBaseline()}, st, out[i])
	}
	return out
}

// around is what is measured of others from a tick to another.
func (c surrounded) around(t *testing.T, from, to int) Around {
	if to < len(c.unanswered) && c.unanswered[to] == 'x' {
		return Around{Error: "no answer"}
	}
	change := func(line string) (out Change) {
		ticks := parseLine(t, line)
		if len(ticks) == 0 {
			return Change{}
		}
		out.During = sumOf(ticks[from : to+1])
		out.Before = Counts{N: ticks[0].N * 120, K: ticks[0].N * 120 / 500}
		return out
	}
	var out Around
	for name, line := range c.peers {
		out.Peers = append(out.Peers, Peer{Workload: name, Elsewhere: strings.Contains(name, "/"), Change: change(line)})
	}
	out.Peers = foremost(out.Peers)
	for name, lines := range c.calls {
		out.Callees = append(out.Callees, Callee{Workload: name, Own: change(lines[0]), Others: change(lines[1])})
	}
	return out
}

// expand writes out repetitions: "ab*3 c" is "abbbc".
func expand(short string) string {
	var out strings.Builder
	for _, field := range strings.Fields(short) {
		once, times, repeated := strings.Cut(field, "*")
		out.WriteString(once)
		if n, err := strconv.Atoi(times); repeated && err == nil {
			out.WriteString(strings.Repeat(once[len(once)-1:], n-1))
		}
	}
	return out.String()
}

func parseLine(t *testing.T, line string) []Counts {
	t.Helper()
	var out []Counts
	for _, field := range strings.Fields(line) {
		once, times, repeated := strings.Cut(field, "*")
		n := 1
		var c Counts
		_, err := fmt.Sscanf(once, "%d/%d", &c.N, &c.K)
		require.NoError(t, err, field)
		if repeated {
			n, err = strconv.Atoi(times)
			require.NoError(t, err, field)
		}
		for range n {
			out = append(out, c)
		}
	}
	return out
}

// What was recorded is judged the same after a restart and in a replay, with the rules, the ticks and nothing else.
func TestSurroundingsAreJudgedTheSameFromTheRecord(t *testing.T) {
	for _, c := range surroundings {
		r := guarded(errorSignal())
		want, _ := c.play(t, r)
		document, err := json.Marshal(c.ticks(t, r))
		require.NoError(t, err)
		var recorded []Tick
		require.NoError(t, json.Unmarshal(document, &recorded))
		var st State
		got := ""
		for _, tick := range recorded {
			var j Judgement
			st, j = Step(r, map[string]Baseline{"errors": quietBaseline()}, st, tick)
			if v := letter(j); v == "." && j.Verdict == Healthy {
				got += "h"
			} else {
				got += v
			}
		}
		require.Equal(t, want, got, c.name)
	}
}

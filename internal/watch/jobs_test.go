package watch

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	jobs "github.com/rollbackd/rollbackd/internal/job"
)

// jobTemplate is a Job that takes its names as data.
const jobTemplate = `{"template":{"spec":{"containers":[{"name":"main","image":"tool:1","args":["--to={target}"],"env":[{"name":"V","value":"{version}"}]}]}}}`

func TestWhatBecomesOfAJobIsARoundOrNoData(t *testing.T) {
	j := &batchv1.Job{}
	j.Name = "rollbackd-smoke-checkout-1"
	for name, c := range map[string]struct {
		status jobs.Status
		err    error
		want   analyzer.SmokeRound
	}{
		"passed":                {jobs.Status{State: jobs.Complete}, nil, analyzer.SmokeRound{Job: j.Name, N: 1}},
		"failed":                {jobs.Status{State: jobs.Failed, Own: true, Why: "exit code 1", Log: "one\ntwo\n"}, nil, analyzer.SmokeRound{Job: j.Name, N: 1, K: 1, Error: `Job rollbackd-smoke-checkout-1 failed: exit code 1; its log ends with "two"`}},
		"failed by no fault":    {jobs.Status{State: jobs.Failed, Why: "no node"}, nil, analyzer.SmokeRound{Job: j.Name, Error: "Job rollbackd-smoke-checkout-1 failed: no node"}},
		"not ended":             {jobs.Status{State: jobs.Running, Why: "it has no pod"}, nil, analyzer.SmokeRound{Job: j.Name, Error: "Job rollbackd-smoke-checkout-1 has not ended: it has no pod"}},
		"deleted":               {jobs.Status{State: jobs.Absent}, nil, analyzer.SmokeRound{Job: j.Name, Error: "Job rollbackd-smoke-checkout-1 was deleted before it had ended"}},
		"refused":               {jobs.Status{}, &jobs.Refused{Words: "the quota does\nnot allow it"}, analyzer.SmokeRound{Error: "the Job could not be run: the quota does not allow it"}},
		"the API server is off": {jobs.Status{}, errors.New("connection refused"), analyzer.SmokeRound{Error: "the Job could not be run: connection refused"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, smokeRoundOf(j, c.status, c.err)) })
	}
}

// TestARoundIsOneJobForAsLongAsItLasts: a process that is restarted within it asks for the same one.
func TestARoundIsOneJobForAsLongAsItLasts(t *testing.T) {
	w := Watch{Key: "production.shop.1", AcceptedAt: start}
	w.Event.Namespace, w.Event.Workload, w.Event.Version = "shop", "checkout", "v2"
	sig := analyzer.Signal{Name: "smoke", Smoke: analyzer.Smoke{Job: []byte(jobTemplate), Every: time.Minute}}
	name := func(at time.Duration, phase incident.Phase, before bool) string {
		j, err := w.smokeJob(sig, phase, start.Add(at), before)
		require.NoError(t, err)
		require.EqualValues(t, 60, *j.Spec.ActiveDeadlineSeconds)
		return j.Name
	}
	first := name(61*time.Second, incident.PhaseWatch, false)
	require.Equal(t, first, name(119*time.Second, incident.PhaseWatch, false))
	for _, other := range []string{
		name(120*time.Second, incident.PhaseWatch, false), name(61*time.Second, incident.PhaseVerify, false), name(61*time.Second, incident.PhaseWatch, true),
	} {
		require.NotEqual(t, first, other)
	}
}

// jobsFunc answers for a cluster in which every Job is created.
type jobsFunc func(j *batchv1.Job) (jobs.Status, error)

func (f jobsFunc) Create(context.Context, *batchv1.Job) error { return nil }
func (f jobsFunc) Find(_ context.Context, j *batchv1.Job, _ time.Duration) (jobs.Status, error) {
	return f(j)
}

// TestAFailedSmokeJobIsRolledBackFor: the Jobs of the version that is put back pass, and no Job counts twice.
func TestAFailedSmokeJobIsRolledBackFor(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 1
		broken := w.t0.Add(40 * time.Second)
		seen := map[string]int{}
		p := w.run(func(o *Options) {
			o.Policies[0].Signals = append(o.Policies[0].Signals, analyzer.Signal{
				Name: "smoke", Kind: analyzer.KindSmoke, Smoke: analyzer.Smoke{Job: []byte(jobTemplate), Every: 10 * time.Second, Failures: 3},
			})
			o.Jobs = jobsFunc(func(j *batchv1.Job) (jobs.Status, error) {
				w.mu.Lock()
				defer w.mu.Unlock()
				seen[j.Name]++
				if j.Spec.Template.Spec.Containers[0].Env[0].Value == "v2" && time.Now().After(broken) {
					return jobs.Status{State: jobs.Failed, Own: true, Why: "exit code 1"}, nil
				}
				return jobs.Status{State: jobs.Complete}, nil
			})
		})
		require.NoError(t, p.Accept(t.Context(), w.document()))
		require.Contains(t, w.await(p, RolledBack).Reason, "smoke: all 1 checks passed, by Job rollbackd-smoke-checkout-")
		require.Len(t, w.patched(), 1)
		for name, n := range seen {
			require.Equal(t, 1, n, name)
		}
	})
}

// TestASmokeRoundIsNotLostWithItsTick: it waits until the watch has taken in a tick that holds it, and is taken in once.
func TestASmokeRoundIsNotLostWithItsTick(t *testing.T) {
	round := analyzer.SmokeRound{At: start, N: 1}
	s := &smokeTests{runs: map[smokeKey]*smokeRun{
		{watch: "w", signal: "smoke", phase: incident.PhaseWatch}: {waiting: []analyzer.SmokeRound{round}},
	}}
	at := func(d time.Duration) time.Time { return start.Add(d * time.Second) }
	taken := func(last, newest time.Time) []analyzer.SmokeRound {
		w := &Watch{Key: "w", Policy: Policy{Signals: []analyzer.Signal{{Name: "smoke", Kind: analyzer.KindSmoke}}}}
		w.lastTick = last
		ticks := []analyzer.Tick{{At: newest, Signals: map[string]analyzer.Measurement{}}}
		s.addRounds(job{watch: w, phase: incident.PhaseWatch}, ticks)
		return ticks[0].Signals["smoke"].Smoke
	}
	require.Equal(t, []analyzer.SmokeRound{round}, taken(at(0), at(5)))
	require.Equal(t, []analyzer.SmokeRound{round}, taken(at(0), at(10)), "the tick of before was not delivered")
	require.Empty(t, taken(at(10), at(15)), "the watch has taken it in")
}

package scenario

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
)

// small is a history that is quickly made up.
func small(faults ...Fault) Options {
	return Options{
		Deployments: max(1, len(faults)), Workloads: 2, Namespaces: 1, Faults: faults, Seed: 7,
		Before: 20 * time.Minute, After: time.Hour,
	}
}

func newPlan(t *testing.T, o Options) *Plan {
	t.Helper()
	p, err := New(o)
	require.NoError(t, err)
	return p
}

// sums records a plan in windows of a length and returns a hash of the samples of each series.
func sums(t *testing.T, p *Plan, window time.Duration) map[string]uint64 {
	t.Helper()
	var mu sync.Mutex
	hashes := map[string]uint64{}
	recorder := p.Recorder()
	for from := p.Start; !from.After(p.End); from = from.Add(window) {
		require.NoError(t, recorder.Record(t.Context(), from.Add(window), func(l labels.Labels) Append {
			key := l.String()
			return func(ms int64, v float64) {
				h := fnv.New64a()
				mu.Lock()
				defer mu.Unlock()
				_, _ = fmt.Fprint(h, hashes[key], ms, math.Float64bits(v))
				hashes[key] = h.Sum64()
			}
		}))
	}
	return hashes
}

func TestTheSeedDecidesEverything(t *testing.T) {
	o := small(ErrorJump, None, Leak, SilentPods)
	o.Layouts, o.Namespaces, o.Workloads, o.After = Layouts(), 3, 3, 30*time.Minute
	one := sums(t, newPlan(t, o), 2*time.Hour)
	require.Equal(t, one, sums(t, newPlan(t, o), 17*time.Minute), "the same history in other windows")
	o.Seed++
	require.NotEqual(t, one, sums(t, newPlan(t, o), 2*time.Hour))
}

func TestMistakesNameTheFlagAndTheFix(t *testing.T) {
	for flag, o := range map[string]Options{
		"deployments": {Deployments: -1},
		"workloads":   {Workloads: -1},
		"namespaces":  {Namespaces: -1},
		"layouts":     {Layouts: []Layout{"node"}},
		"faults":      {Faults: []Fault{"gremlins"}},
		"before":      {Before: time.Minute},
		"after":       {After: time.Minute},
		"span":        {Span: time.Hour},
		"continuous":  {Continuous: true},
		"event-lag":   {EventLag: -1},
	} {
		_, err := New(o)
		require.ErrorContains(t, err, "-"+flag+": ")
		require.Regexp(t, "use|make|leave", err.Error())
	}
}

func TestMostDeploymentsAreGood(t *testing.T) {
	p := newPlan(t, Options{Seed: 1})
	require.Len(t, p.Deployments, 400)
	faults := map[Fault]int{}
	bad := 0
	for _, d := range p.Deployments {
		faults[d.Truth.Fault]++
		if d.Truth.Label == Bad {
			bad++
		}
	}
	require.Equal(t, 280, faults[None])
	require.Equal(t, 70, bad)
	for _, f := range Faults() {
		require.NotZero(t, faults[f], f)
	}
}

func TestTruthAndEventsBelongTogether(t *testing.T) {
	p := newPlan(t, Options{Seed: 3, EventLag: 4 * time.Minute})
	ids := map[string]bool{}
	for _, d := range p.Deployments {
		require.Equal(t, d.Event.ID, d.Truth.ID)
		require.False(t, ids[d.Event.ID])
		ids[d.Event.ID] = true
		require.WithinRange(t, d.Event.Timestamp, d.Truth.Start, d.Truth.Start.Add(4*time.Minute))
		require.Equal(t, d.Truth.Fault == None, d.Truth.Onset == nil)
		require.NotEqual(t, d.Event.Version, d.Event.PreviousVersion)
		require.True(t, strings.HasPrefix(d.Truth.PodPrefix, d.Event.Workload+"-"))
		data, err := json.Marshal(d.Event)
		require.NoError(t, err)
		subject := "deployments.production." + d.Event.Namespace + "." + d.Event.Workload
		decoded, rejection := event.Decode(subject, data)
		require.Nil(t, rejection)
		require.Equal(t, d.Event.Version, decoded.Version)
	}
}

// ratio is a share of a version's requests over some minutes after the start.
func ratio(t *testing.T, p *Plan, i int, v Version, from, to int, of func(Counts) uint64) float64 {
	t.Helper()
	tally := tallyOf(t, p, i, v, from, to)
	require.NotZero(t, tally.Requests)
	return float64(of(tally.Counts)) / float64(tally.Requests)
}

func tallyOf(t *testing.T, p *Plan, i int, v Version, from, to int) Tally {
	t.Helper()
	d := p.Deployments[i].Truth
	tally, err := p.Tally(d.ID, v, d.Start.Add(time.Duration(from)*time.Minute), d.Start.Add(time.Duration(to)*time.Minute))
	require.NoError(t, err)
	return tally
}

func errorsOf(c Counts) uint64 { return c.Errors }
func slowOf(c Counts) uint64   { return c.Slow }

func TestFaultsShowInWhatIsCounted(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		of    func(Counts) uint64
		// from and to are minutes after the start; size is how much of the fault's size shows then.
		from, to int
		size     [2]float64
	}{
		{ErrorJump, errorsOf, 3, 50, [2]float64{0.9, 1.2}},
		{LatencyJump, slowOf, 3, 50, [2]float64{0.9, 1.2}},
		{Leak, errorsOf, 55, 60, [2]float64{0.6, 1.1}},
		{LateOnset, errorsOf, 3, 9, [2]float64{0, 0.5}},
		{LateOnset, errorsOf, 45, 60, [2]float64{0.9, 1.5}},
		{SickPod, errorsOf, 20, 60, [2]float64{0.05, 0.6}},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			p := newPlan(t, small(c.fault))
			got, size := ratio(t, p, 0, NewVersion, c.from, c.to, c.of), p.Deployments[0].Truth.Size
			require.Greater(t, got, c.size[0]*size)
			require.Less(t, got, c.size[1]*size+0.02)
			require.Less(t, ratio(t, p, 0, OldVersion, -20, 0, c.of), 0.05)
		})
	}
}

func TestWhatIsNotToBlameOnTheRelease(t *testing.T) {
	t.Run("before-deploy shows in the old version", func(t *testing.T) {
		p := newPlan(t, small(BeforeDeploy))
		require.Greater(t, ratio(t, p, 0, OldVersion, -4, 0, errorsOf), 0.5*p.Deployments[0].Truth.Size)
		require.Greater(t, ratio(t, p, 0, NewVersion, 2, 15, errorsOf), 0.9*p.Deployments[0].Truth.Size)
	})
	t.Run("traffic-dip leaves fewer requests", func(t *testing.T) {
		p := newPlan(t, small(TrafficDip))
		after := tallyOf(t, p, 0, NewVersion, 12, 15).Requests
		require.Less(t, 4*after, 3*tallyOf(t, p, 0, OldVersion, -3, 0).Requests)
	})
	t.Run("silent pods leave the old version serving", func(t *testing.T) {
		p := newPlan(t, small(SilentPods))
		require.Zero(t, tallyOf(t, p, 0, NewVersion, 0, 60))
		require.NotZero(t, tallyOf(t, p, 0, OldVersion, 30, 60).Requests)
	})
	t.Run("a telemetry outage leaves nothing", func(t *testing.T) {
		require.Zero(t, tallyOf(t, newPlan(t, small(TelemetryOutage)), 0, NewVersion, 0, 59))
	})
	for _, f := range []Fault{SharedOutage, FailingCallee} {
		t.Run(string(f)+" shows elsewhere too", func(t *testing.T) {
			p := newPlan(t, small(f, None))
			truth := p.Deployments[0].Truth
			from, to := int(truth.Onset.Sub(truth.Start).Minutes())+1, int(truth.Ends.Sub(truth.Start).Minutes())
			require.Greater(t, ratio(t, p, 0, NewVersion, from, to, errorsOf), 0.8*truth.Size)
			if f == SharedOutage {
				require.Contains(t, p.Deployments[1].Truth.Also, f)
			}
		})
	}
}

func TestWhatRequestsMeet(t *testing.T) {
	for _, c := range []struct {
		trouble trouble
		// changed returns one number of the condition over the minute that begins with the trouble, and want what it becomes
		// of an ordinary 0.1 or, of the rate, 100.
		changed func(condition) float64
		want    float64
	}{
		{trouble{BusinessDrop, 0, 60, 0.3}, func(c condition) float64 { return c.convert }, 0.03},
		{trouble{BusinessDrop, 0, 60, 0.3}, func(c condition) float64 { return c.fail }, 0.1},
		{trouble{TrafficDip, 0, 60, 0.3}, func(c condition) float64 { return c.rate }, 30},
		{trouble{Blip, 0, 10, 0.9}, func(c condition) float64 { return c.fail }, 1 - 0.9*(1-0.9/6)},
		{trouble{ErrorJump, 30, 90, 0.5}, func(c condition) float64 { return c.fail }, 1 - 0.9*0.75},
		{trouble{LatencyJump, 0, 60, 0.5}, func(c condition) float64 { return c.slow }, 1 - 0.9*0.5},
		{trouble{Leak, 0, 120, 0.8}, func(c condition) float64 { return c.slow }, 1 - 0.9*(1-0.2)},
		{trouble{SilentPods, 0, 60, 0}, func(c condition) float64 { return c.fail }, 0.1},
		{trouble{ErrorJump, 60, 90, 0.5}, func(c condition) float64 { return c.fail }, 0.1},
	} {
		met := condition{rate: 100, fail: 0.1, slow: 0.1, convert: 0.1}
		met.suffer(c.trouble, 0, 60)
		require.InDelta(t, c.want, c.changed(met), 1e-9, c.trouble.fault)
	}
}

func TestBucketsHoldEveryRequest(t *testing.T) {
	w := newPlan(t, small()).workloads[0]
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		d := w.serve(rng, rng.Uint64N(500), condition{fail: rng.Float64(), callFails: rng.Float64(), slow: rng.Float64(), convert: 0.1})
		require.Equal(t, d.total(), d.atMost(buckets-1))
		require.LessOrEqual(t, d.orders, d.requests[answered])
	}
}

func TestRunningTargetsDoNotAccumulate(t *testing.T) {
	o := small()
	o.Deployments, o.After = 30, 30*time.Minute
	p := newPlan(t, o)
	recorder := p.Recorder()
	most := 0
	for from := p.Start; !from.After(p.End); from = from.Add(30 * time.Minute) {
		require.NoError(t, recorder.Record(t.Context(), from.Add(30*time.Minute), discard))
		most = max(most, len(recorder.running))
	}
	require.Less(t, 3*most, len(p.peers[0].pods)+len(p.peers[1].pods)+len(p.workloads[0].pods)+len(p.workloads[1].pods))
}

func TestNamesAreThoseOfKubernetes(t *testing.T) {
	p := newPlan(t, Options{Seed: 1})
	for _, w := range slices.Concat(p.peers, p.workloads) {
		for _, pod := range w.pods {
			require.Regexp(t, "^[a-z0-9-]+-[bcdfghjklmnpqrstvwxz2456789]{10}-[bcdfghjklmnpqrstvwxz2456789]{5}$", pod.name)
		}
	}
}

func TestSpreadDeploymentsAreRecordedAroundTheirStart(t *testing.T) {
	o := small(None, None, None, None)
	o.Span = 10 * 24 * time.Hour
	p := newPlan(t, o)
	w := p.workloads[0]
	t0 := seconds(w.releases[1].t0)
	require.True(t, w.isRecorded(t0-19*60))
	require.True(t, w.isRecorded(t0+59*60))
	require.False(t, w.isRecorded(t0-21*60))
	require.False(t, w.isRecorded(t0+61*60))
	o.Continuous = true
	require.True(t, newPlan(t, o).workloads[0].isRecorded(t0+61*60))
}

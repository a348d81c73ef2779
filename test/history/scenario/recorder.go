package scenario

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"golang.org/x/sync/errgroup"
)

// keptByExporter is how long an exporter goes on exposing a version that has no pods any more, in seconds.
const keptByExporter = 30 * 60

// Recorder makes up the samples of a plan, window by window. It holds no more than one window's targets.
type Recorder struct {
	plan *Plan
	// waiting are workloads whose targets are yet to come, and running those that are scraped.
	waiting []func(until int64) []*target
	running []*target
}

// Recorder returns a Recorder at the start of the history.
func (p *Plan) Recorder() *Recorder {
	r := &Recorder{plan: p}
	for _, w := range slices.Concat(p.peers, p.workloads) {
		r.waiting = append(r.waiting, p.arrivals(w))
	}
	return r
}

// Record makes up the samples from where it stopped last until a time, exclusively, with as many goroutines as there
// are processors. Series are opened in no particular order; the samples of each are in order.
func (r *Recorder) Record(ctx context.Context, until time.Time, open Open) error {
	end := min(until.UnixMilli(), r.plan.End.UnixMilli()+1)
	for _, arrive := range r.waiting {
		r.running = append(r.running, arrive(end)...)
	}
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for _, t := range r.running {
		workers.Go(func() error {
			t.run(end, open)
			return ctx.Err()
		})
	}
	err := workers.Wait()
	r.running = slices.DeleteFunc(r.running, func(t *target) bool { return t.gone })
	return err
}

// arrivals hands out the targets of a workload as they are born.
func (p *Plan) arrivals(w *workload) func(until int64) []*target {
	if w.layout != ByPod {
		exporter := p.targetsOf(w)
		return func(int64) []*target {
			out := exporter
			exporter = nil
			return out
		}
	}
	pods := slices.SortedFunc(slices.Values(w.pods), func(a, b *pod) int { return cmp.Compare(a.born, b.born) })
	return func(until int64) []*target {
		var out []*target
		for ; len(pods) > 0 && pods[0].born*1000 < float64(until); pods = pods[1:] {
			out = append(out, p.podTarget(w, pods[0]))
		}
		return out
	}
}

// targetsOf returns all targets of a workload.
func (p *Plan) targetsOf(w *workload) []*target {
	switch w.layout {
	case ByVersion:
		return []*target{p.versionTarget(w)}
	case ByWorkload:
		return []*target{p.workloadTarget(w)}
	}
	var out []*target
	for _, pod := range w.pods {
		out = append(out, p.podTarget(w, pod))
	}
	return out
}

func (p *Plan) podTarget(w *workload, one *pod) *target {
	base := labels.FromStrings("namespace", w.namespace, "pod", one.name, "job", "apps", "instance", one.instance)
	t := p.newTarget(w, one.name, one.born, one.dead, base)
	t.newGroup(base, []*pod{one}, one.born, one.dead)
	return t
}

// exporterTarget is a target that is there before the history begins and after it ends.
func (p *Plan) exporterTarget(w *workload, base labels.Labels) *target {
	return p.newTarget(w, w.name, seconds(p.Start), seconds(p.End)+secondsPerDay, base)
}

func (p *Plan) versionTarget(w *workload) *target {
	exporter := labels.FromStrings("job", "rpc", "instance", "rpc-exporter."+w.name+":9100")
	t := p.exporterTarget(w, exporter)
	for _, r := range w.releases {
		first, last := math.Inf(1), math.Inf(-1)
		for _, pod := range r.pods {
			if pod.serves() {
				first, last = min(first, pod.ready), max(last, pod.dead)
			}
		}
		if first < last {
			g := t.newGroup(with(exporter, "callee", w.name, "callee_version", r.version), r.pods, first, last+keptByExporter)
			g.joined = r.previous != nil
		}
	}
	return t
}

func (p *Plan) workloadTarget(w *workload) *target {
	exporter := labels.FromStrings("job", "web", "instance", "web-gateway."+w.name+":9100")
	t := p.exporterTarget(w, exporter)
	t.newGroup(with(exporter, "namespace", w.namespace, "workload", w.name), w.pods, math.Inf(-1), math.Inf(1))
	return t
}

func discard(labels.Labels) Append { return func(int64, float64) {} }

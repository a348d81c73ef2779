package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollbackd/rollbackd/internal/localstack"
)

// live is what a whole daemon took that watched so many deployments at the same time.
type live struct {
	Watches, Namespaces, Pods int
	// Settled is how long it took from the first event until all were watched.
	Settled time.Duration
	// Idle is the daemon before the first event, Watching when all had become Watching, Later after Minutes of ticks.
	Idle, Watching, Later footing
	// Minutes are how long was ticked between Watching and Later.
	Minutes float64
}

// footing is what a daemon has taken so far.
type footing struct {
	// Resident is its memory, Highest the most that it ever was, Heap what the Go heap holds of it; in bytes.
	Resident, Highest, Heap uint64
	CPU                     time.Duration
	// Queries is what it asked of Prometheus, Bytes what was answered.
	Queries, Bytes int64
	// Ticks is how many it judged, Late how many of them were measured more than 30 s after their end.
	Ticks, Late float64
	at          time.Time
}

// namespaces is how many namespaces the live watches are spread over, and ticking for how long they are measured.
const (
	namespaces = 10
	ticking    = 2 * time.Minute
)

// measureLive runs the daemon on the local stack, releases a new version of so many services, and has it watch them.
// Where profiles is a directory, what its memory is made of is written there.
func measureLive(ctx context.Context, watches, replicas int, profiles string) (out live, err error) {
	dir, err := os.MkdirTemp("", "scale-live")
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(dir)
	stack, err := localstack.Start(ctx, localstack.Options{Scrape: scrape, Log: os.Stderr})
	if err != nil {
		return out, err
	}
	defer func() { err = joined(err, stack.Stop()) }()
	client, err := clientOf(stack)
	if err != nil {
		return out, err
	}
	f := newFleet(client, watches, replicas)
	if err := f.create(ctx); err != nil {
		return out, err
	}
	d, err := startDaemon(ctx, stack, dir, profiles != "")
	if err != nil {
		return out, err
	}
	defer func() { err = joined(err, d.stop()) }()
	var profiled *profiler
	if profiles != "" {
		profiled = &profiler{dir: profiles, d: d}
		defer profiled.start(ctx)()
	}
	if err := pass(ctx, 2*scrape); err != nil { // the old version shall have been scraped
		return out, err
	}
	out.Watches, out.Namespaces, out.Pods = watches, namespaces, replicas
	if out.Idle, err = d.footing(ctx); err != nil {
		return out, err
	}
	if err := profiled.take(ctx, "idle"); err != nil {
		return out, err
	}
	began := time.Now()
	if err := f.release(ctx, d.publish); err != nil {
		return out, err
	}
	if err := d.awaitState(ctx, "Watching", watches, 15*time.Minute); err != nil {
		return out, err
	}
	out.Settled = time.Since(began)
	if err := pass(ctx, 2*scrape); err != nil { // the last ones measure their baselines still, by queries of their own
		return out, err
	}
	if out.Watching, err = d.footing(ctx); err != nil {
		return out, err
	}
	if err := profiled.take(ctx, "watching"); err != nil {
		return out, err
	}
	if err := pass(ctx, ticking); err != nil {
		return out, err
	}
	if out.Later, err = d.footing(ctx); err != nil {
		return out, err
	}
	if err := profiled.take(ctx, "later"); err != nil {
		return out, err
	}
	out.Minutes = out.Later.at.Sub(out.Watching.at).Minutes()
	return out, d.awaitState(ctx, "Watching", watches, 0) // or something else was measured
}

func clientOf(stack *localstack.Stack) (kubernetes.Interface, error) {
	rc, err := clientcmd.BuildConfigFromFlags("", stack.Kubeconfig)
	if err != nil {
		return nil, err
	}
	rc.QPS = -1
	return kubernetes.NewForConfig(rc)
}

// pass lets time pass, in which others do what is measured.
func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// perTick returns what a span of one scrape took, of what was counted between two footings.
func (l live) perTick(of func(footing) float64) float64 {
	return (of(l.Later) - of(l.Watching)) / (l.Minutes * 60) * scrape.Seconds()
}

// In words, for the table.

// CPUTick is the daemon's time on a CPU for each tick of all watches.
func (l live) CPUTick() string {
	return fmt.Sprintf("%.2f s", l.perTick(func(f footing) float64 { return f.CPU.Seconds() }))
}

// QueriesTick is how many queries it asked for each.
func (l live) QueriesTick() string {
	return fmt.Sprintf("%.1f", l.perTick(func(f footing) float64 { return float64(f.Queries) }))
}

// BytesTick is how much was answered for each.
func (l live) BytesTick() string {
	return fmt.Sprintf("%.1f MiB", l.perTick(func(f footing) float64 { return float64(f.Bytes) })/(1<<20))
}

// TicksTick is how many ticks were judged for each; of so many watches it is their number.
func (l live) TicksTick() string {
	return fmt.Sprintf("%.0f", l.perTick(func(f footing) float64 { return f.Ticks }))
}

// LateTicks is how many of all came late.
func (l live) LateTicks() string {
	return fmt.Sprintf("%.1f %%", 100*(l.Later.Late-l.Watching.Late)/max(1, l.Later.Ticks-l.Watching.Ticks))
}

// CPUSettling is the daemon's time on a CPU from the first event until all were watched.
func (l live) CPUSettling() string {
	return fmt.Sprintf("%.1f s", (l.Watching.CPU - l.Idle.CPU).Seconds())
}

// Resident tells memory in words.
func (f footing) In(bytes uint64) string { return fmt.Sprintf("%d MiB", bytes>>20) }

// memory reads what a process has of the system, and the most that it had, in bytes; 0 where the system does not tell it in this form.
func memory(pid int) (resident, highest uint64) {
	status := statusOf(pid)
	return status["VmRSS"], status["VmHWM"]
}

// statusOf are the sizes that the system tells of a process, in bytes; empty where it does not tell them in this form.
func statusOf(pid int) map[string]uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	out := map[string]uint64{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if kib, isSize := strings.CutSuffix(strings.TrimSpace(value), "kB"); isSize {
			n, _ := strconv.ParseUint(strings.TrimSpace(kib), 10, 64)
			out[name] = n << 10
		}
	}
	return out
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// glance is how often a daemon that is profiled is looked at.
const glance = 2 * time.Second

// profiler writes down what a daemon's memory is made of: a line each few seconds, and profiles of the heap at its moments.
type profiler struct {
	dir string
	d   *daemon
	// most is the most resident memory at which the profile called "peak" was taken.
	most uint64
}

// start looks at the daemon from now on, until what is returned is called.
func (p *profiler) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := p.watch(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "scale: memory.csv:", err)
		}
	}()
	return func() { cancel(); <-ended }
}

// watch writes memory.csv until ctx ends, and a profile called "peak" whenever there is clearly more memory than there was.
func (p *profiler) watch(ctx context.Context) error {
	out, err := os.Create(filepath.Join(p.dir, "memory.csv"))
	if err != nil {
		return err
	}
	defer out.Close()
	began := time.Now()
	fmt.Fprintln(out, "seconds,resident,anonymous,heap_inuse,heap_idle,heap_released,stacks,next_gc,heap_alloc,goroutines,cpu")
	for pass(ctx, glance) == nil {
		if err := p.line(ctx, out, time.Since(began)); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "scale: a look at the daemon's memory:", err) // the next one may do
		}
	}
	return nil
}

func (p *profiler) line(ctx context.Context, out io.Writer, at time.Duration) error {
	pid := p.d.cmd.Process.Pid
	status := statusOf(pid)
	resident := status["VmRSS"]
	told, err := p.d.metrics(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%.0f,%d,%d", at.Seconds(), resident>>20, status["RssAnon"]>>20)
	for _, name := range []string{"heap_inuse", "heap_idle", "heap_released", "stack_inuse", "next_gc", "heap_alloc"} {
		for _, m := range told["go_memstats_"+name+"_bytes"].GetMetric() {
			fmt.Fprintf(out, ",%d", uint64(m.GetGauge().GetValue())>>20)
		}
	}
	for _, m := range told["go_goroutines"].GetMetric() {
		fmt.Fprintf(out, ",%.0f", m.GetGauge().GetValue())
	}
	fmt.Fprintf(out, ",%.1f\n", cpu(pid).Seconds())
	if resident < p.most+p.most/20 {
		return nil
	}
	p.most = resident
	return p.take(ctx, "peak")
}

// take writes the profile of the heap as of the newest collection, and that of all goroutines; a nil profiler does nothing.
func (p *profiler) take(ctx context.Context, name string) error {
	if p == nil {
		return nil
	}
	return errors.Join(p.fetch(ctx, "heap", name), p.fetch(ctx, "goroutine", name))
}

func (p *profiler) fetch(ctx context.Context, profile, name string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.d.address+"/debug/pprof/"+profile, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("profile %s: %s", profile, response.Status)
	}
	out, err := os.Create(filepath.Join(p.dir, name+"."+profile+".pb.gz"))
	if err != nil {
		return err
	}
	_, err = io.Copy(out, response.Body)
	return errors.Join(err, out.Close())
}

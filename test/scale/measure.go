package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/promclient"
	"github.com/rollbackd/rollbackd/test/history/serve"
)

// size is what a tick of so many watches took.
type size struct {
	Watches, Series       int
	Queries, Bytes        int64
	Wall, Own, Prometheus time.Duration
	Allocations           uint64
	// Memory is the most that this process had of the system while it measured, Objects the most that its heap held.
	Memory, Objects uint64
}

// ticks is how many ticks are measured. The median of their times is told; the first of all, in which Prometheus finds its blocks, is none of them.
const ticks = 7

// site is a Prometheus that holds the series of so many workloads, and what asks it.
type site struct {
	watches int
	server  *serve.Server
	sampler *analyzer.Sampler
	traffic traffic
}

// open records the series in a folder and serves them.
func open(ctx context.Context, watches int, dir string) (*site, error) {
	if err := record(ctx, watches, dir); err != nil {
		return nil, err
	}
	debug.FreeOSMemory() // what recording took is not what measuring takes
	server, err := serve.Start(ctx, dir)
	if err != nil {
		return nil, err
	}
	s := &site{watches: watches, server: server}
	client, err := promclient.New(server.URL, &http.Client{Transport: &s.traffic})
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	s.sampler = analyzer.NewSampler(client, time.Minute)
	return s, nil
}

// tick measures both signals of all watches, and returns how many pods were counted.
func (s *site) tick(ctx context.Context, n int) (counted int, err error) {
	all := subjects(s.watches, n)
	for _, sig := range policy() {
		got, err := s.sampler.Sample(ctx, sig, all)
		if err != nil {
			return 0, err
		}
		for _, list := range got {
			for _, m := range list {
				counted += len(m.Pods)
			}
		}
	}
	return counted, nil
}

// measure takes a few ticks.
func measure(ctx context.Context, watches int) (out size, err error) {
	dir, err := os.MkdirTemp("", "scale")
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(dir)
	s, err := open(ctx, watches, filepath.Join(dir, "tsdb"))
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.server.Stop()) }()
	if counted, err := s.tick(ctx, 0); err != nil || counted != watches*pods*len(policy()) {
		return out, errors.Join(err, fmt.Errorf("%d pods were counted", counted))
	}
	debug.FreeOSMemory()
	queries, bytes, allocations := s.traffic.queries.Load(), s.traffic.bytes.Load(), allocated()
	own, prometheus := cpu(os.Getpid()), cpu(s.server.PID)
	stop := watchMemory(&out)
	var walls []time.Duration
	for n := range ticks {
		start := time.Now()
		if _, err := s.tick(ctx, n+1); err != nil {
			return out, err
		}
		walls = append(walls, time.Since(start))
	}
	stop()
	slices.Sort(walls)
	out.Watches, out.Series, out.Wall = watches, watches*pods*(len(codes())+len(bounds())), walls[ticks/2]
	out.Queries, out.Bytes = (s.traffic.queries.Load()-queries)/ticks, (s.traffic.bytes.Load()-bytes)/ticks
	out.Own, out.Prometheus = (cpu(os.Getpid())-own)/ticks, (cpu(s.server.PID)-prometheus)/ticks
	out.Allocations = (allocated() - allocations) / ticks
	return out, nil
}

// traffic counts what is asked and answered.
type traffic struct{ queries, bytes atomic.Int64 }

// RoundTrip implements http.RoundTripper.
func (t *traffic) RoundTrip(r *http.Request) (*http.Response, error) {
	t.queries.Add(1)
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		response.Body = counting{response.Body, &t.bytes}
	}
	return response, err
}

type counting struct {
	io.ReadCloser
	bytes *atomic.Int64
}

// Read implements io.Reader.
func (c counting) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

func allocated() uint64 { return read("/gc/heap/allocs:objects")[0] }

func read(names ...string) []uint64 {
	samples := make([]metrics.Sample, len(names))
	for i := range names {
		samples[i].Name = names[i]
	}
	metrics.Read(samples)
	out := make([]uint64, len(names))
	for i := range samples {
		out[i] = samples[i].Value.Uint64()
	}
	return out
}

// watchMemory notes the most memory that is used until it is stopped.
func watchMemory(into *size) (stop func()) {
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				now := read("/memory/classes/total:bytes", "/memory/classes/heap/released:bytes", "/memory/classes/heap/objects:bytes")
				into.Memory, into.Objects = max(into.Memory, now[0]-now[1]), max(into.Objects, now[2])
			}
		}
	})
	return func() {
		close(done)
		running.Wait()
	}
}

// cpu is the time that a process has spent on a CPU, in steps of 10 ms; 0 where the system does not tell it in this form.
func cpu(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// job is something to be done many times, each time with random numbers of its own.
type job struct {
	runs, ticks int
	seed        uint64
	// play does the run of the given number, which no other run knows of.
	play func(run int, rnd *rand.Rand)
}

// piece is how many runs are handed to a worker at once.
const piece = 250

// study does jobs on all cores. What comes out depends on the seeds alone, not on which core did what.
func study(jobs []job, progress io.Writer) {
	type part struct {
		job      *job
		from, to int
	}
	var total, done atomic.Int64
	parts := make(chan part)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for p := range parts {
				for run := p.from; run < p.to; run++ {
					p.job.play(run, rand.New(rand.NewPCG(p.job.seed, uint64(run))))
				}
				done.Add(int64(p.to-p.from) * int64(p.job.ticks))
			}
		})
	}
	for _, j := range jobs {
		total.Add(int64(j.runs) * int64(j.ticks))
	}
	began, told := time.Now(), time.Now()
	for i := range jobs {
		for from := 0; from < jobs[i].runs; from += piece {
			parts <- part{&jobs[i], from, min(from+piece, jobs[i].runs)}
			if time.Since(told) > time.Second {
				told = time.Now()
				tell(progress, time.Since(began), done.Load(), total.Load())
			}
		}
	}
	close(parts)
	workers.Wait()
	tell(progress, time.Since(began), done.Load(), total.Load())
	fmt.Fprintln(progress)
}

func tell(w io.Writer, took time.Duration, done, total int64) {
	left := "?"
	if done > 0 {
		left = (time.Duration(float64(took) * float64(total-done) / float64(done))).Round(time.Second).String()
	}
	fmt.Fprintf(w, "\r%5.1f %% of %d million ticks, %s so far, %s left   ", 100*float64(done)/float64(total), total/1e6, took.Round(time.Second), left)
}

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
	// done is how many runs were done: the first ones, and all unless time ran out.
	done int
}

// piece is how many runs are handed to a worker at once.
const piece = 250

type part struct {
	job      *job
	from, to int
}

// study does groups of jobs one after another on all cores, and the jobs of a group side by side, until they are done or the
// time is over. What a run finds depends on the seeds alone, not on which core did it or when.
func study(groups [][]*job, budget time.Duration, progress io.Writer) {
	var done atomic.Int64
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
	todo, total := order(groups)
	began, told := time.Now(), time.Now()
	for _, p := range todo {
		if time.Since(began) > budget {
			break
		}
		parts <- p
		p.job.done = p.to
		if time.Since(told) > time.Second {
			told = time.Now()
			tell(progress, time.Since(began), done.Load(), total)
		}
	}
	close(parts)
	workers.Wait()
	tell(progress, time.Since(began), done.Load(), total)
	fmt.Fprintln(progress)
}

// order lists the parts of all jobs so that those of a group have about as many runs each at any time.
func order(groups [][]*job) (todo []part, ticks int64) {
	for _, group := range groups {
		for from, more := 0, true; more; from += piece {
			more = false
			for _, j := range group {
				if from < j.runs {
					p := part{j, from, min(from+piece, j.runs)}
					todo, more = append(todo, p), true
					ticks += int64(p.to-p.from) * int64(j.ticks)
				}
			}
		}
	}
	return todo, ticks
}

func tell(w io.Writer, took time.Duration, done, total int64) {
	left := "?"
	if done > 0 {
		left = (time.Duration(float64(took) * float64(total-done) / float64(done))).Round(time.Second).String()
	}
	fmt.Fprintf(w, "\r%5.1f %% of %d million ticks, %s so far, %s left   ", 100*float64(done)/float64(total), total/1e6, took.Round(time.Second), left)
}

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/backtest"
	"github.com/rollbackd/rollbackd/test/recorded/judge"
	"github.com/rollbackd/rollbackd/test/recorded/recording"
)

// recorded is what came of placebos on recorded traffic.
type recorded struct {
	// Span is how long was recorded, Watch how long each placebo was watched, in scrapes of which there was one a second.
	Span    time.Duration      `json:"span"`
	Watch   int                `json:"watchScrapes"`
	Samples int                `json:"samples"`
	Works   []recordedWorkload `json:"workloads"`
}

type recordedWorkload struct {
	Name string `json:"name"`
	// Requests is how many there were, Failed how many of these failed by what its policy calls failing, Slow how many were slow.
	Requests int64                   `json:"requests"`
	Failed   int64                   `json:"failed"`
	Slow     int64                   `json:"slow"`
	Placebos backtest.PlaceboSummary `json:"placebos"`
	// Incident is how many seconds were incidents by plain counting. During is how many placebos would have been rolled back or
	// asked about during one, Others are the reasons of those that would have been at other times.
	Incident int      `json:"incidentSeconds"`
	During   int      `json:"during"`
	Others   []string `json:"others,omitempty"`
}

const (
	// traffic is the recording that the repository has.
	traffic = "test/recorded/traffic.gz"
	// placebosEach is how many placebos each of its workloads gets, placeboWatch how long each is watched in stretched time.
	placebosEach = 60
	placeboWatch = time.Hour
)

func measureRecorded(ctx context.Context, file string, each int) (*recorded, error) {
	r, err := recording.ReadFile(file)
	if err != nil {
		return nil, err
	}
	from, to := r.Span()
	out := &recorded{Span: to.Sub(from).Round(time.Second), Watch: int(placeboWatch / (judge.Stretch * time.Second)), Samples: r.Samples()}
	works, err := judge.Placebos(ctx, r, judge.Options{PerWorkload: each, Watch: placeboWatch, Seed: 1})
	if err != nil {
		return nil, err
	}
	for _, w := range works {
		how := judge.ReadingOf(w.Name)
		incidents := how.Incidents(r)
		one := recordedWorkload{Name: w.Name, Placebos: *w.Summary, Incident: len(incidents)}
		one.Requests, one.Failed, one.Slow = how.Counted(r)
		for _, o := range w.Outcomes {
			if o.Verdict != analyzer.Regressed {
				continue
			}
			if judge.During(r, o, incidents) {
				one.During++
			} else {
				one.Others = append(one.Others, fmt.Sprintf("%s: %s", o.Compared, o.Reason))
			}
		}
		out.Works = append(out.Works, one)
	}
	return out, nil
}

// Share is a part of the requests.
func (w recordedWorkload) Share(n int64) float64 { return float64(n) / float64(max(1, w.Requests)) }

// Seconds is how many were recorded.
func (r recorded) Seconds() int { return int(r.Span.Seconds()) }

// Alone is how many times the watch goes into the time that was watched in all: as many placebos do not overlap.
func (r recorded) Alone(w recordedWorkload) string {
	return fmt.Sprintf("%.1f", w.Placebos.Covered/placeboWatch.Hours())
}

// Halves says what a comparison is.
func (r recorded) Halves(t backtest.PlaceboTally) string {
	if t.Compared == backtest.HalfOfPods {
		return "half of the pods, the others beside it"
	}
	return "everything, the time before"
}

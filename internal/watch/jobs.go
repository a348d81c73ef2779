package watch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	jobs "github.com/rollbackd/rollbackd/internal/job"
)

// Jobs runs Kubernetes Jobs. An error of either that is a jobs.Refused would be answered alike at the next try.
type Jobs interface {
	// Create creates a Job unless one of its name is there.
	Create(ctx context.Context, j *batchv1.Job) error
	// Find tells how far a Job is, and waits for a while for it to end.
	Find(ctx context.Context, j *batchv1.Job, wait time.Duration) (jobs.Status, error)
}

// What is recorded of a Job in a line.
const (
	maxWhy  = 300
	maxLine = 160
)

// smokeDeadline is how long the Job of a smoke test may run unless its template says otherwise, and jobGrace how much longer
// than that it is waited for, so that it is the cluster who ends it.
const (
	smokeDeadline = 5 * time.Minute
	jobGrace      = 30 * time.Second
)

func (s *smokeTests) canRun(sig analyzer.Signal) bool {
	if sig.Smoke.Job != nil {
		return s.opts.Jobs != nil
	}
	return s.opts.Smoke != nil
}

// round runs one round.
func (s *smokeTests) round(ctx context.Context, w Watch, sig analyzer.Signal, phase incident.Phase, at time.Time, before bool) analyzer.SmokeRound {
	if sig.Smoke.Job == nil {
		return s.opts.Smoke.Round(ctx, sig.Smoke, w.smokeNames(phase))
	}
	j, err := w.smokeJob(sig, phase, at, before)
	if err != nil {
		return analyzer.SmokeRound{Error: jobs.Line(err.Error(), maxWhy)}
	}
	status, err := runJob(ctx, s.opts.Jobs, j)
	return smokeRoundOf(j, status, err)
}

// smokeJob is the Job of the round that begins at a time. Rounds are counted from the acceptance of the event, so that a process
// which is restarted within one finds its Job.
func (w Watch) smokeJob(sig analyzer.Signal, phase incident.Phase, at time.Time, before bool) (*batchv1.Job, error) {
	kind := string(phase)
	if before {
		kind = "before"
	}
	names := w.smokeNames(phase)
	return jobs.Render(jobs.Order{
		Template: sig.Smoke.Job, Watch: w.Key, Purpose: "smoke",
		Round:    sig.Name + "/" + kind + "/" + strconv.FormatInt(int64(at.Sub(w.AcceptedAt)/sig.Smoke.Every), 10),
		Names:    jobs.Names{Namespace: names.Namespace, Workload: names.Workload, Version: names.Version},
		Deadline: min(sig.Smoke.Every, smokeDeadline),
	})
}

// runJob creates a Job, unless it is there, and waits for its end. While the API server does not answer it tries again.
func runJob(ctx context.Context, runner Jobs, j *batchv1.Job) (jobs.Status, error) {
	wait := time.Duration(*j.Spec.ActiveDeadlineSeconds)*time.Second + jobGrace
	bounded, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		err := runner.Create(bounded, j)
		if err == nil {
			var status jobs.Status
			if status, err = runner.Find(bounded, j, wait-jobGrace/3); err == nil {
				return status, nil
			}
		}
		var refused *jobs.Refused
		if errors.As(err, &refused) || !sleep(bounded, pause) {
			return jobs.Status{}, err
		}
	}
}

// smokeRoundOf tells what came of the Job of a round. One that could not be run, or that did not end for other reasons than its own,
// is no data.
func smokeRoundOf(j *batchv1.Job, s jobs.Status, err error) analyzer.SmokeRound {
	r := analyzer.SmokeRound{Job: j.Name}
	switch {
	case err != nil:
		r.Job, r.Error = "", "the Job could not be run: "+jobs.Line(err.Error(), maxWhy)
	case s.State == jobs.Complete:
		r.N = 1
	case s.State == jobs.Failed && s.Own:
		r.N, r.K, r.Error = 1, 1, failed(j, s)
	case s.State == jobs.Failed:
		r.Error = failed(j, s)
	case s.State == jobs.Absent:
		r.Error = fmt.Sprintf("Job %s was deleted before it had ended", j.Name)
	default:
		r.Error = fmt.Sprintf("Job %s has not ended: %s", j.Name, jobs.Line(s.Why, maxWhy))
	}
	return r
}

// failed says in a line why a Job failed.
func failed(j *batchv1.Job, s jobs.Status) string {
	text := fmt.Sprintf("Job %s failed: %s", j.Name, jobs.Line(s.Why, maxWhy))
	if line := jobs.LastLine(s.Log, maxLine); line != "" {
		text += fmt.Sprintf("; its log ends with %q", line)
	}
	return text
}

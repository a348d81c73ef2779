package gather

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollbackd/rollbackd/internal/diagnosis"
)

const (
	// mostBytes and mostLines bound what is read of one log, mostLogs how many logs are read of one side, atOnce how many at a time.
	mostBytes = int64(256 << 10)
	mostLines = int64(3000)
	mostLogs  = 12
	atOnce    = 3
)

// wanted is a log to read.
type wanted struct {
	pod       pod
	container string
	previous  bool
	from      time.Time
}

// logs reads the logs of a few pods of each side and counts the errors in them.
func (a *gathering) logs(ctx context.Context, pods []pod) {
	if !a.options.Logs {
		a.lack("logs are not read, because the configuration says diagnosis.logs: false")
		return
	}
	all := a.wanted(pods)
	sources := make([]*diagnosis.Source, len(all))
	slots := make(chan struct{}, atOnce)
	var reading sync.WaitGroup
	for i, w := range all {
		reading.Go(func() {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			case <-ctx.Done():
				a.lack("not all logs could be read in time")
				return
			}
			sources[i] = a.read(ctx, w)
		})
	}
	reading.Wait()
	var read []diagnosis.Source
	for _, s := range sources {
		if s != nil {
			read = append(read, *s)
		}
	}
	counted := diagnosis.Count(read, a.hide.Text)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.out.Logs = counted
}

// wanted chooses the logs to read: those of the sickest pods, the previous ones of containers that were restarted first.
func (a *gathering) wanted(pods []pod) []wanted {
	var out []wanted
	chosen, logs := map[diagnosis.Side]int{}, map[diagnosis.Side]int{}
	add := func(w wanted) {
		if logs[w.pod.side]++; logs[w.pod.side] <= mostLogs {
			out = append(out, w)
		}
	}
	for _, p := range pods {
		if chosen[p.side] == a.options.Pods || p.Status.StartTime == nil {
			continue
		}
		chosen[p.side]++
		from := a.out.Since
		if p.side == diagnosis.Before && a.out.Moment == diagnosis.Regressed {
			from = a.now.Add(-lookBack) // the time before the deployment too
		}
		for _, s := range statuses(p.Pod) {
			if s.RestartCount > 0 && s.LastTerminationState.Terminated != nil {
				add(wanted{p, s.Name, true, from})
			}
			if began := startOf(s); !began.IsZero() {
				if began.Before(from) {
					began = from
				}
				add(wanted{p, s.Name, false, began})
			}
		}
	}
	return out
}

// startOf is since when a container has had a log; zero if it has none.
func startOf(s corev1.ContainerStatus) time.Time {
	switch {
	case s.State.Running != nil:
		return s.State.Running.StartedAt.UTC()
	case s.State.Terminated != nil:
		return s.State.Terminated.StartedAt.UTC()
	}
	return time.Time{}
}

// read reads one log; nil if it could not be read.
func (a *gathering) read(ctx context.Context, w wanted) *diagnosis.Source {
	ctx, cancel := context.WithTimeout(ctx, a.callPatience)
	defer cancel()
	lines, bytes := mostLines, mostBytes
	options := &corev1.PodLogOptions{Container: w.container, Previous: w.previous, Timestamps: true, TailLines: &lines, LimitBytes: &bytes}
	if !w.previous && !w.from.IsZero() {
		options.SinceTime = new(metav1.NewTime(w.from))
	}
	stream, err := a.core.Pods(w.pod.Namespace).GetLogs(w.pod.Name, options).Stream(ctx)
	if err != nil {
		a.refused(err, "logs", "get", "pods/log")
		return nil
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, mostBytes)) // a server may send more than it was asked for
	if err != nil && (len(text) == 0 || !errors.Is(err, context.DeadlineExceeded)) {
		a.refused(err, "logs", "get", "pods/log")
		return nil
	}
	s := &diagnosis.Source{
		Log:  diagnosis.Log{Pod: w.pod.Name, Container: w.container, Side: w.pod.side, Previous: w.previous},
		Text: string(text), From: w.from, To: time.Now().UTC(), Ended: w.previous || ended(w),
	}
	switch {
	case err != nil || int64(len(text)) >= mostBytes:
		// Half a line may lack what tells that it holds a secret.
		s.Cut, s.Text = true, s.Text[:strings.LastIndexByte(s.Text, '\n')+1]
	case int64(strings.Count(s.Text, "\n")) >= mostLines:
		s.Cut = true
	}
	return s
}

// ended reports whether the container of a log has ended.
func ended(w wanted) bool {
	for _, s := range statuses(w.pod.Pod) {
		if s.Name == w.container {
			return s.State.Terminated != nil && s.State.Terminated.ExitCode != 0
		}
	}
	return false
}

package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// Hold says that a person wants no automatic action on a workload for some time.
type Hold struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason,omitempty"`
}

func holdKey(t event.Target) string {
	return strings.Join([]string{t.Environment, t.Namespace, t.Workload}, ".")
}

// loadHolds takes up the holds that an earlier run was told of.
func (s *Supervisor) loadHolds(ctx context.Context) error {
	return s.opts.Holds.All(ctx, func(key string, value []byte) error {
		target, err := event.ParseSubject(event.SubjectPrefix + "." + key)
		var h Hold
		if err == nil {
			err = json.Unmarshal(value, &h)
		}
		if err != nil { // one bad record must not keep the daemon from starting
			s.opts.Metrics.unreadable("hold")
			s.opts.Log.Error("a stored hold cannot be read and is passed over", zap.String("key", key), zap.Error(err))
			return nil
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held[target] = h
		return nil
	})
}

// hold stops automatic action on a workload, or lets go of it. What is stored counts, so it is stored first.
func (s *Supervisor) hold(ctx context.Context, in control.Asked) control.Reply {
	d, err := in.HoldFor()
	if err != nil {
		return control.Refuse(control.CodeMalformed, "%v", err)
	}
	h, err := s.keepHold(ctx, in, d)
	if err != nil {
		return control.Refuse(control.CodeBusy, "it is not known whether this was stored; it does not count now, and may after a restart; ask again: %v", err)
	}
	s.opts.Log.Info("a person holds a workload", zap.String("by", in.By), zap.String("target", holdKey(in.Target)), zap.Time("until", h.Until))
	begun := s.noteHold(ctx, in, h)
	if d == 0 {
		return control.Reply{OK: true, Message: fmt.Sprintf("%s/%s is held no longer", in.Target.Namespace, in.Target.Workload)}
	}
	return control.Reply{OK: true, Message: fmt.Sprintf("nothing is rolled back automatically on %s/%s until %s; a bad release waits for approval%s",
		in.Target.Namespace, in.Target.Workload, h.Until.Format(time.RFC3339), begun)}
}

// keepHold stores a hold and lets it count. One is stored after the other, so that the one that is stored last is the one that counts.
func (s *Supervisor) keepHold(ctx context.Context, in control.Asked, d time.Duration) (Hold, error) {
	select {
	case s.holding <- struct{}{}:
		defer func() { <-s.holding }()
	case <-ctx.Done():
		return Hold{}, ctx.Err()
	}
	at := now()
	h := Hold{By: in.By, At: at, Until: at.Add(d), Reason: in.Reason}
	value, err := json.Marshal(h)
	if err == nil {
		err = s.opts.Holds.Put(ctx, holdKey(in.Target), value)
	}
	if err != nil {
		return Hold{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[in.Target] = h
	return h, nil
}

// holdPatience is how long a person who holds a workload waits for its watches to take note of it.
const holdPatience = 2 * time.Second

// noteHold has the open watches of the workload record a hold, and returns what is to be said of those that it came too late for: a rollback whose
// intent is journalled is carried out. One that is planned from now on is not made; only a watch that is deciding may be past that, and is waited for.
func (s *Supervisor) noteHold(ctx context.Context, in control.Asked, h Hold) (begun string) {
	ctx, cancel := context.WithTimeout(ctx, holdPatience)
	defer cancel()
	for _, a := range s.open() {
		if a.view.Load().Event.Target() != in.Target {
			continue
		}
		q := asked{Asked: in, reply: make(chan control.Reply, 1)}
		posted, noted := a.post(q), false
		if posted && a.view.Load().inDecision() {
			select {
			case <-q.reply:
				noted = true
			case <-ctx.Done():
			}
		}
		switch w := a.view.Load(); {
		case w.State == RollingBack, w.State == Verifying && w.intentAt.After(h.At):
			begun += fmt.Sprintf("; but the rollback of %s has begun already, and is finished", w.name())
		case !noted && w.inDecision():
			begun += fmt.Sprintf("; but the watch of %s is in the middle of a step, and may have begun a rollback: rollbackctl list shows it", w.name())
		}
	}
	return begun
}

// inDecision reports whether it is being decided what to do about a bad release.
func (w Watch) inDecision() bool { return w.State == Regressed || w.State == AwaitingApproval }

// holdOn returns the hold of a workload that counts at a time.
func (s *Supervisor) holdOn(t event.Target, now time.Time) (Hold, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, ok := s.held[t]
	return h, ok && now.Before(h.Until)
}

// onHold returns the refusal to act on a workload that a person holds.
func (s *Supervisor) onHold(t event.Target, now time.Time) *rollback.Refusal {
	h, ok := s.holdOn(t, now)
	if !ok {
		return nil
	}
	return &rollback.Refusal{Code: rollback.RefuseOnHold,
		Reason: fmt.Sprintf("%s until %s", saying(h.By, "holds the workload", h.Reason), h.Until.UTC().Format(time.RFC3339))}
}

package notifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// The times of an Alertmanager sink.
const (
	// DefaultResend is how often open incidents are sent again.
	DefaultResend = time.Minute
	// heldResends is for how many times that long an alert holds without being sent again. Prometheus uses the same.
	heldResends = 4
	// resolvedFor is for how long the end of an alert is sent again, for an instance that was away, or whose clock is behind ours.
	resolvedFor = 15 * time.Minute
	// loneFor is for how long an alert of no incident holds: nothing will say when it is over.
	loneFor = time.Hour
	// testFor is for how long that of a test does.
	testFor = 5 * time.Minute
	// instanceDeadline bounds the wait for one instance. It is short, because those that are alive wait for one that is dead.
	instanceDeadline = 5 * time.Second
	// alertsPerCall is how many alerts one call carries.
	alertsPerCall = 100
)

// AlertmanagerOptions configure an Alertmanager.
type AlertmanagerOptions struct {
	Name string
	// URLs are the base addresses of all instances of one cluster, such as http://alertmanager-0:9093; each is sent everything, as Prometheus
	// does.
	URLs []string
	// Client talks to them; nil means one without authentication.
	Client *http.Client
	// Labels are added to each alert. They do not replace the alert's own.
	Labels map[string]string
	// Severities are the values of the label severity; what is left out is critical for Page, warning for Warn, info for Info.
	Severities map[Severity]string
	// Runbook is the annotation runbook_url; empty leaves it out.
	Runbook string
	// Resend is the time between two sendings; zero means DefaultResend.
	Resend time.Duration
	// Memory keeps the severity of an incident over a restart; nil forgets it.
	Memory Memory
	// Logger gets what one instance did not take while another did; nil discards it.
	Logger *zap.Logger
	// Now is the time; nil means time.Now.
	Now func() time.Time
}

// Alertmanager is a Sink that keeps an alert firing for each open incident with a notice of severity Warn or Page. The alert's labels stay
// the same over the life of the incident, but for its severity: when it grows, the alert of the lesser one ends. It never shrinks.
type Alertmanager struct {
	opts   AlertmanagerOptions
	client *http.Client

	mu sync.Mutex
	// alerts are the incidents that were heard of since the start and are open, or ended less than resolvedFor ago.
	alerts map[string]alertState
}

// alertState is what is known of an incident's alert.
type alertState struct {
	severity Severity
	// notice is the newest one.
	notice Notice
	// ended is when it was told that the incident is over; zero while it goes on.
	ended time.Time
}

// NewAlertmanager returns a sink that connects to nothing yet.
func NewAlertmanager(opts AlertmanagerOptions) *Alertmanager {
	opts.Resend = positive(opts.Resend, DefaultResend)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	return &Alertmanager{opts: opts, client: newHTTPClient(opts.Client), alerts: map[string]alertState{}}
}

// Name returns the sink's name.
func (a *Alertmanager) Name() string { return a.opts.Name }

// Every returns how often Refresh wants to be called.
func (a *Alertmanager) Every() time.Duration { return a.opts.Resend }

// Notify begins, renews or ends the alert that the notice is about. It succeeds if one instance took it.
func (a *Alertmanager) Notify(ctx context.Context, n Notice) (retry bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	err = a.post(ctx, a.tell(ctx, n))
	return mayRetry(err), err
}

// Refresh sends the alerts of all open incidents again, and the ends of those that ended lately. The alert of an incident which is not among
// them any more holds until its time is over; it is not ended here, because another replica may have taken over what this one knew.
func (a *Alertmanager) Refresh(ctx context.Context, open []Notice) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var alerts []alert
	listed := map[string]bool{}
	for _, n := range open {
		if s, known := a.alerts[n.Incident]; known && !s.ended.IsZero() && !n.At.After(s.notice.At) {
			continue // The list is older than what was told.
		}
		listed[n.Incident] = true
		n.Open = true
		alerts = append(alerts, a.tell(ctx, n)...)
	}
	now := a.opts.Now()
	for incident, s := range a.alerts {
		switch {
		case listed[incident]:
		case s.ended.IsZero() || now.Sub(s.ended) >= resolvedFor:
			delete(a.alerts, incident)
		default:
			alerts = append(alerts, a.ends(s)...)
		}
	}
	return a.post(ctx, alerts)
}

// tell takes note of n and returns the alerts to send for it.
func (a *Alertmanager) tell(ctx context.Context, n Notice) []alert {
	if n.Incident == "" || n.Kind == KindPostmortem { // that a review is due says nothing of the incident itself
		return a.lone(n)
	}
	before := a.state(ctx, n.Incident)
	if !n.Open {
		over := alertState{severity: before.severity, notice: n, ended: a.opts.Now()}
		a.alerts[n.Incident] = over
		return a.ends(over)
	}
	after := alertState{severity: graver(before.severity, n.Severity), notice: n}
	a.alerts[n.Incident] = after
	if after.severity == Info {
		return nil
	}
	if after.severity != before.severity {
		a.remember(ctx, n.Incident, after.severity)
	}
	now := a.opts.Now()
	alerts := []alert{a.alert(n, after.severity, now.Add(heldResends*a.opts.Resend))}
	if before.severity == Warn && after.severity == Page {
		alerts = append(alerts, a.end(n, Warn))
	}
	return alerts
}

// ends are the alerts that end an incident. Where its severity is not known, as after a restart that forgot it, those of both end.
func (a *Alertmanager) ends(s alertState) []alert {
	if s.severity == Info {
		return []alert{a.end(s.notice, Page), a.end(s.notice, Warn)}
	}
	return []alert{a.end(s.notice, s.severity)}
}

// lone is the alert of a notice that is about no incident: it ends by itself.
func (a *Alertmanager) lone(n Notice) []alert {
	if n.Kind != KindTest && n.Severity != Warn && n.Severity != Page {
		return nil
	}
	lasts := loneFor
	if n.Kind == KindTest {
		lasts = testFor
	}
	return []alert{a.alert(n, n.Severity, a.opts.Now().Add(lasts))}
}

// state returns what is known of an incident's alert; the severity is Info where nothing is.
func (a *Alertmanager) state(ctx context.Context, incident string) alertState {
	if s, known := a.alerts[incident]; known {
		return s
	}
	if a.opts.Memory == nil {
		return alertState{severity: Info}
	}
	value, err := a.opts.Memory.Get(ctx, memoryKey(a.opts.Name, incident))
	if err != nil {
		a.opts.Logger.Warn("the severity of an alert is not remembered", zap.String("sink", a.opts.Name), zap.Error(err))
	}
	return alertState{severity: graver(Info, Severity(value))}
}

func (a *Alertmanager) remember(ctx context.Context, incident string, s Severity) {
	if a.opts.Memory == nil {
		return
	}
	if err := a.opts.Memory.Put(ctx, memoryKey(a.opts.Name, incident), []byte(s)); err != nil {
		a.opts.Logger.Warn("the severity of an alert will be forgotten by a restart", zap.String("sink", a.opts.Name), zap.Error(err))
	}
}

// graver is the graver of two severities; what is none counts as Info.
func graver(a, b Severity) Severity {
	for _, s := range []Severity{Page, Warn} {
		if a == s || b == s {
			return s
		}
	}
	return Info
}

// post sends alerts to all instances at once. One that took them is enough, because the instances of a cluster tell each other only
// what they have notified of; what the others said is logged.
func (a *Alertmanager) post(ctx context.Context, alerts []alert) error {
	var all error
	for batch := range slices.Chunk(alerts, alertsPerCall) {
		if err := a.postBatch(ctx, batch); err != nil {
			all = errors.Join(all, err)
		}
	}
	return all
}

func (a *Alertmanager) postBatch(ctx context.Context, alerts []alert) error {
	failures := make([]error, len(a.opts.URLs))
	var wg sync.WaitGroup
	for i, base := range a.opts.URLs {
		wg.Go(func() {
			_, failures[i] = httpCall{
				Client: a.client, URL: strings.TrimSuffix(base, "/") + "/api/v2/alerts", Body: alerts, Deadline: instanceDeadline, Now: a.opts.Now,
			}.doAPI(ctx)
		})
	}
	wg.Wait()
	failed := slices.DeleteFunc(slices.Clone(failures), func(err error) bool { return err == nil })
	if len(failed) == len(failures) {
		return worst(failed)
	}
	for _, err := range failed {
		a.opts.Logger.Warn("an instance of Alertmanager did not take what another one did", zap.String("sink", a.opts.Name), zap.Error(err))
	}
	return nil
}

// worst makes one error of those of all instances: one that may pass comes first, because then trying again is worth it.
func worst(failed []error) error {
	if len(failed) == 0 {
		return errors.New("no instance is configured")
	}
	slices.SortStableFunc(failed, func(a, b error) int {
		switch {
		case mayRetry(a) == mayRetry(b):
			return 0
		case mayRetry(a):
			return -1
		}
		return 1
	})
	err := failed[0]
	for _, other := range failed[1:] {
		err = fmt.Errorf("%w; %v", err, other)
	}
	return err
}

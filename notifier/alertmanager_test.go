package notifier

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	promconfig "github.com/prometheus/common/config"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/rollbackd/rollbackd/internal/promtest"
)

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

// notes is a Memory that lasts as long as the test.
type notes struct {
	mu   sync.Mutex
	kept map[string][]byte
	err  error
}

func (m *notes) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[key], m.err
}

func (m *notes) Put(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		if m.kept == nil {
			m.kept = map[string][]byte{}
		}
		m.kept[key] = value
	}
	return m.err
}

// inbox collects what an API was sent, in order.
type inbox[T any] struct {
	mu   sync.Mutex
	sent []T
}

func (b *inbox[T]) add(v T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, v)
}

func (b *inbox[T]) take() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.sent
	b.sent = nil
	return out
}

// alertAPI takes alerts as Alertmanager's API does, whose schema allows no other keys.
func alertAPI(t *testing.T, in *inbox[[]alert]) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/api/v2/alerts" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %s %s with %v", r.Method, r.URL.Path, r.Header)
		}
		var alerts []alert
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&alerts); err != nil {
			t.Errorf("alerts: %v", err)
		}
		in.add(alerts)
	}).URL
}

func TestAlertmanagerOverTheLifeOfAnIncident(t *testing.T) {
	var in inbox[[]alert]
	now := clock("10:05:12")
	a := NewAlertmanager(AlertmanagerOptions{
		Name: "am", URLs: []string{alertAPI(t, &in) + "/"}, Labels: map[string]string{"team": "shop", "incident": "not this"},
		Runbook: "https://runbook.example/rollback", Now: func() time.Time { return now },
	})
	labels := func(severity string) map[string]string {
		return map[string]string{
			"alertname": "RollbackdIncident", "severity": severity, "environment": "production", "namespace": "shop", "workload": "checkout",
			"incident": "incident-20261122T100510Z", "team": "shop",
		}
	}
	notify := func(n Notice) {
		t.Helper()
		if retry, err := a.Notify(t.Context(), n); retry || err != nil {
			t.Fatalf("Notify = %v, %v", retry, err)
		}
	}
	refresh := func(open ...Notice) {
		t.Helper()
		if err := a.Refresh(t.Context(), open); err != nil {
			t.Fatal(err)
		}
	}
	want := func(step string, alerts ...alert) {
		t.Helper()
		var got []alert
		for _, batch := range in.take() {
			for i := range batch {
				if !strings.Contains(step, "annotations") {
					batch[i].Annotations, batch[i].GeneratorURL = nil, ""
				}
			}
			got = append(got, batch...)
		}
		if diff := cmp.Diff(alerts, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	firing := func(severity string, ends time.Time) alert {
		return alert{Labels: labels(severity), StartsAt: clock("10:05:00"), EndsAt: ends}
	}

	notify(badRelease())
	first := firing("warning", clock("10:09:12"))
	first.GeneratorURL = badRelease().Link
	first.Annotations = map[string]string{
		"summary": "shop/checkout v1.2.3 is bad", "description": "The error rate is over its limit.", "kind": "regressed", "version": "v1.2.3",
		"target": "v1.2.2", "operator": "ana", "signal": "errors", "value": "31 %", "limit": "1.1 %", "baseline": "0.4 %",
		"action": "It is being rolled back to v1.2.2.", "next_step": "Look at the logs of v1.2.3.", "link": badRelease().Link, "chart": badRelease().Chart,
		"runbook_url": "https://runbook.example/rollback",
	}
	want("it begins, with annotations", first)

	now = clock("10:06:12")
	refresh(badRelease())
	want("it is sent again", firing("warning", clock("10:10:12")))

	quiet := badRelease()
	quiet.ID, quiet.Severity, quiet.Kind, quiet.At = "w1.12", Info, KindRollingBack, clock("10:06:20")
	notify(quiet)
	want("what is only information keeps it as it is", firing("warning", clock("10:10:12")))

	grave := badRelease()
	grave.ID, grave.Severity, grave.Kind, grave.At = "w1.14", Page, KindAwaiting, clock("10:06:30")
	notify(grave)
	now = clock("10:06:40")
	refresh(quiet) // a list that lags behind does not lessen the severity
	over := firing("warning", clock("10:06:12"))
	want("it grows graver", firing("critical", clock("10:10:12")), over, firing("critical", clock("10:10:40")))

	now = clock("10:07:31")
	notify(recovered())
	ended := firing("critical", clock("10:07:30"))
	want("it ends", ended)

	refresh(grave) // the list was made before the end
	want("a late list does not begin it again, and the end is told again", ended)
	now = clock("10:22:31")
	refresh()
	want("after a quarter of an hour it is forgotten")

	again := badRelease()
	again.At, again.Severity = clock("10:30:00"), Page
	now = clock("10:30:01")
	notify(again)
	want("it may begin anew", firing("critical", clock("10:34:01")))
	refresh()
	want("what another replica may have taken over is not ended")
}

func TestAlertmanagerAfterARestart(t *testing.T) {
	var in inbox[[]alert]
	memory := &notes{}
	build := func() *Alertmanager {
		return NewAlertmanager(AlertmanagerOptions{Name: "am", URLs: []string{alertAPI(t, &in)}, Memory: memory, Now: func() time.Time { return clock("10:06:00") }})
	}
	grave := badRelease()
	grave.Severity = Page
	if _, err := build().Notify(t.Context(), grave); err != nil {
		t.Fatal(err)
	}
	restarted := build()
	if err := restarted.Refresh(t.Context(), []Notice{badRelease()}); err != nil {
		t.Fatal(err)
	}
	sent := in.take()
	if len(sent) != 2 || !cmp.Equal(sent[0][0].Labels, sent[1][0].Labels) || len(sent[1]) != 1 {
		t.Errorf("the alert is another one after the restart: %v", sent)
	}
	// Without a memory the end must reach the alert of either severity.
	memory.kept = nil
	if _, err := build().Notify(t.Context(), recovered()); err != nil {
		t.Fatal(err)
	}
	if sent := in.take(); len(sent) != 1 || len(sent[0]) != 2 || sent[0][0].Labels["severity"] != "critical" || sent[0][1].Labels["severity"] != "warning" {
		t.Errorf("ended %v", sent)
	}
}

func TestAlertmanagerNoticesWithoutAnIncident(t *testing.T) {
	var in inbox[[]alert]
	a := NewAlertmanager(AlertmanagerOptions{
		Name: "am", URLs: []string{alertAPI(t, &in)}, Severities: map[Severity]string{Page: "p1"}, Now: func() time.Time { return clock("10:06:00") },
	})
	lost := Notice{ID: "lost-1", At: clock("10:06:30"), Severity: Page, Kind: KindOther, Title: "a watch is lost", Environment: "production", Workload: "shop/checkout"}
	review := badRelease()
	review.Kind, review.ID, review.Open = KindPostmortem, "pm-1", false
	test := Notice{ID: "test-1", At: clock("10:06:00"), Severity: Info, Kind: KindTest, Title: "a test"}
	quiet := Notice{ID: "ok-1", At: clock("10:06:00"), Severity: Info, Kind: KindHealthy, Title: "all is well"}
	for _, n := range []Notice{lost, review, test, quiet} {
		if _, err := a.Notify(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, batch := range in.take() {
		for _, a := range batch {
			got = append(got, fmt.Sprint(a.Labels["alertname"], " ", a.Labels["notice"], " ", a.Labels["severity"], " ", a.EndsAt.Format(time.TimeOnly)))
		}
	}
	want := []string{"RollbackdNotice lost-1 p1 11:06:00", "RollbackdNotice pm-1 warning 11:06:00", "RollbackdTest test-1 info 11:06:00"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

func TestAlertmanagerOneOfTwoIsDead(t *testing.T) {
	var in inbox[[]alert]
	alive := alertAPI(t, &in)
	for name, dead := range map[string]http.HandlerFunc{"fails": answering(500, "out of order"), "refuses": answering(400, "no")} {
		t.Run(name, func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			a := NewAlertmanager(AlertmanagerOptions{Name: "am", URLs: []string{serve(t, dead).URL, alive}, Logger: zap.New(core)})
			if retry, err := a.Notify(t.Context(), badRelease()); retry || err != nil {
				t.Errorf("Notify = %v, %v; one instance has it", retry, err)
			}
			if len(in.take()) != 1 || logs.Len() != 1 {
				t.Errorf("want one delivery and one line, got the lines %v", logs.All())
			}
		})
	}
	t.Run("both", func(t *testing.T) {
		a := NewAlertmanager(AlertmanagerOptions{Name: "am", URLs: []string{
			serve(t, answering(400, "no")).URL, serve(t, answering(500, "out of order")).URL}})
		retry, err := a.Notify(t.Context(), badRelease())
		if !retry || err == nil || !strings.Contains(err.Error(), "400: no") || !strings.Contains(err.Error(), "500: out of order") {
			t.Errorf("Notify = %v, %v; want both errors, and another try for the one that may pass", retry, err)
		}
	})
}

func TestAlertmanagerIsRobust(t *testing.T) {
	client, err := promconfig.NewClientFromConfig(promconfig.HTTPClientConfig{Authorization: &promconfig.Authorization{Type: "Bearer", Credentials: canary}}, "test")
	if err != nil {
		t.Fatal(err)
	}
	wantRobust(t, func(url string) Sink {
		return NewAlertmanager(AlertmanagerOptions{Name: "am", URLs: []string{url}, Client: client})
	})
}

func TestAlertmanagerHostileNotice(t *testing.T) {
	var in inbox[[]alert]
	a := NewAlertmanager(AlertmanagerOptions{Name: "am", URLs: []string{alertAPI(t, &in)}})
	if _, err := a.Notify(t.Context(), evilNotice()); err != nil {
		t.Fatal(err)
	}
	sent := in.take()[0][0]
	if sent.GeneratorURL != "" || sent.Annotations["link"] != "" {
		t.Errorf("a link that is none: %q, %q", sent.GeneratorURL, sent.Annotations["link"])
	}
	for name, value := range sent.Labels {
		if utf8.RuneCountInString(value) > maxLabel || strings.ContainsAny(value, "\r\n\x00\x1b\u202e") {
			t.Errorf("label %s is %.100q", name, value)
		}
	}
	for name, value := range sent.Annotations {
		if utf8.RuneCountInString(value) > maxAnnotation || strings.ContainsAny(value, "\r\n\x00\x1b\u202e") {
			t.Errorf("annotation %s is %.100q", name, value)
		}
	}
}

// realConfiguration lets alerts end by themselves after a second, and tells a webhook of everything soon.
const realConfiguration = `
global: {resolve_timeout: 1s}
route: {receiver: hook, group_by: [incident], group_wait: 100ms, group_interval: 200ms, repeat_interval: 1h}
receivers:
  - name: hook
    webhook_configs: [{url: '%s', send_resolved: true}]
`

// told is what Alertmanager tells a webhook.
type told struct {
	Status      string            `json:"status"`
	GroupKey    string            `json:"groupKey"`
	GroupLabels map[string]string `json:"groupLabels"`
	Alerts      []struct {
		Status string            `json:"status"`
		Labels map[string]string `json:"labels"`
	} `json:"alerts"`
}

func TestRealAlertmanager(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the Alertmanager that make stack-programs builds")
	}
	var pages inbox[told]
	hook := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		var v told
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
			t.Error(err)
		}
		pages.add(v)
	})
	configuration := fmt.Sprintf(realConfiguration, hook.URL)
	alive, _ := promtest.StartAlertmanager(t, configuration)
	dying, kill := promtest.StartAlertmanager(t, configuration)
	a := NewAlertmanager(AlertmanagerOptions{Name: "am", URLs: []string{alive, dying}, Resend: 200 * time.Millisecond})

	n := evilNotice() // what is hostile must be taken by the real one, too
	n.Incident, n.StartedAt, n.At = badRelease().Incident, time.Now().Add(-time.Minute), time.Now()
	if retry, err := a.Notify(t.Context(), n); retry || err != nil {
		t.Fatalf("Notify = %v, %v", retry, err)
	}
	for _, url := range []string{alive, dying} {
		if got := activeAlerts(t, url); len(got) != 1 || got[0]["incident"] != n.Incident {
			t.Fatalf("the alerts of %s are %v", url, got)
		}
	}
	kill()
	// It must fire on for twice as long as it would without being sent again.
	began := time.Now()
	ticker := time.NewTicker(a.Every())
	defer ticker.Stop()
	for time.Since(began) < 2*heldResends*a.Every() {
		<-ticker.C
		if err := a.Refresh(t.Context(), []Notice{n}); err != nil {
			t.Fatal(err)
		}
		if len(activeAlerts(t, alive)) != 1 {
			t.Fatal("the alert ended while its incident is open")
		}
	}
	over := n
	over.Open, over.At = false, time.Now()
	if retry, err := a.Notify(t.Context(), over); retry || err != nil {
		t.Fatalf("Notify = %v, %v", retry, err)
	}
	var got []told
	promtest.Eventually(t, "people are told that it began and that it is over", func(context.Context) error {
		got = append(got, pages.take()...)
		if i := slices.IndexFunc(got, func(v told) bool { return v.Status == "resolved" }); i < 0 {
			return fmt.Errorf("told %v", got)
		}
		return nil
	})
	if len(activeAlerts(t, alive)) != 0 {
		t.Error("the alert is still active")
	}
	for _, v := range got {
		if v.GroupKey != got[0].GroupKey || !cmp.Equal(v.Alerts[0].Labels, got[0].Alerts[0].Labels) {
			t.Errorf("the group or the labels changed: %v, then %v", got[0], v)
		}
	}
	if got[0].Status != "firing" || got[0].Alerts[0].Labels["severity"] != "warning" {
		t.Errorf("told first: %v", got[0])
	}
}

// TestRealAlertmanagerForgets shows that the alert ends by itself where nobody sends it again, as when the daemon is gone for good.
func TestRealAlertmanagerForgets(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the Alertmanager that make stack-programs builds")
	}
	url, _ := promtest.StartAlertmanager(t, "route: {receiver: none}\nreceivers: [{name: none}]\n")
	a := NewAlertmanager(AlertmanagerOptions{Name: "am", URLs: []string{url}, Resend: 100 * time.Millisecond})
	if _, err := a.Notify(t.Context(), badRelease()); err != nil {
		t.Fatal(err)
	}
	promtest.Eventually(t, "the alert ends", func(context.Context) error {
		if got := activeAlerts(t, url); len(got) > 0 {
			return fmt.Errorf("active: %v", got)
		}
		return nil
	})
}

// activeAlerts are the labels of the alerts that fire at an Alertmanager.
func activeAlerts(t *testing.T, url string) []map[string]string {
	t.Helper()
	answer, err := httpCall{Client: newHTTPClient(nil), Method: http.MethodGet, URL: url + "/api/v2/alerts?active=true"}.do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var alerts []struct {
		Labels map[string]string `json:"labels"`
	}
	if err := json.Unmarshal(answer.Body, &alerts); err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, a := range alerts {
		out = append(out, a.Labels)
	}
	return out
}

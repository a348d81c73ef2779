package notifier

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	promconfig "github.com/prometheus/common/config"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

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
	want := []string{"RollbackdNotice lost-1 p1 11:06:00", "RollbackdNotice pm-1 warning 11:06:00", "RollbackdTest test-1 info 10:11:00"}
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

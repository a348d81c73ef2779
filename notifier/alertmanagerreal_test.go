package notifier

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollbackd/rollbackd/internal/promtest"
)

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
	// from is the path that it was told to.
	from string

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
			if r.URL.Path != "/dying" { // it may die in the midst of a word
				t.Error(err)
			}
			return
		}
		v.from = r.URL.Path
		pages.add(v)
	})
	alive, _ := promtest.StartAlertmanager(t, fmt.Sprintf(realConfiguration, hook.URL+"/alive"))
	dying, kill := promtest.StartAlertmanager(t, fmt.Sprintf(realConfiguration, hook.URL+"/dying"))
	const resend = 200 * time.Millisecond
	a := NewAlertmanager(AlertmanagerOptions{Name: "am", URLs: []string{alive, dying}, Resend: resend})

	n := evilNotice() // what is hostile must be taken by the real one, too
	n.Incident, n.StartedAt, n.At = badRelease().Incident, time.Now().Add(-time.Minute), time.Now()
	const holds = heldResends * resend
	// fires sends the alert and looks whether it fires. Where that took longer than an alert holds, it may have ended by itself, and says nothing.
	fires := func(send func() error, urls ...string) {
		t.Helper()
		promtest.Eventually(t, "it is sent and looked for before it ends by itself", func(context.Context) error {
			sent := time.Now()
			if err := send(); err != nil {
				t.Fatal(err)
			}
			for _, url := range urls {
				got := activeAlerts(t, url)
				if took := time.Since(sent); took >= holds {
					return fmt.Errorf("it took %v", took)
				}
				if len(got) != 1 || got[0]["incident"] != n.Incident {
					t.Fatalf("the alerts of %s are %v", url, got)
				}
			}
			return nil
		})
	}
	fires(func() error {
		_, err := a.Notify(t.Context(), n)
		return err
	}, alive, dying)
	kill()
	// It must fire on for twice as long as it would without being sent again, and until people are told of it: of what ended before that, nobody is.
	var got []told
	began := time.Now()
	ticker := time.NewTicker(a.Every())
	defer ticker.Stop()
	for time.Since(began) < 2*holds || !slices.ContainsFunc(got, func(v told) bool { return v.from == "/alive" }) {
		<-ticker.C
		fires(func() error { return a.Refresh(t.Context(), []Notice{n}) }, alive)
		if got = append(got, pages.take()...); time.Since(began) > time.Minute {
			t.Fatalf("nobody was told in %v", time.Since(began))
		}
	}
	over := n
	over.Open, over.At = false, time.Now()
	if retry, err := a.Notify(t.Context(), over); retry || err != nil {
		t.Fatalf("Notify = %v, %v", retry, err)
	}
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
	var out []map[string]string
	for _, a := range alertsAt(t, url) {
		out = append(out, a.Labels)
	}
	return out
}

// gotAlert is an alert as Alertmanager shows it.
type gotAlert struct {
	Labels    map[string]string `json:"labels"`
	Receivers []struct {
		Name string `json:"name"`
	} `json:"receivers"`
}

func alertsAt(t *testing.T, url string) []gotAlert {
	t.Helper()
	answer, err := httpCall{Client: newHTTPClient(nil), Method: http.MethodGet, URL: url + "/api/v2/alerts?active=true"}.do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []gotAlert
	if err := json.Unmarshal(answer.Body, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

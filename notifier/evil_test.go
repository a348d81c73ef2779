package notifier

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// badRelease is the notice that opens an incident.
func badRelease() Notice {
	return Notice{
		ID: "w1.9", At: clock("10:05:10"), Kind: KindRegressed, Severity: Warn,
		Title: "shop/checkout v1.2.3 is bad", Text: "The error rate is over its limit.",
		Watch: "production.shop.0a1b", Workload: "shop/checkout", WorkloadKind: "Deployment", Environment: "production",
		Version: "v1.2.3", Target: "v1.2.2", EventID: "deploy-1", Operator: "ana",
		Signal: "errors", Value: "31 %", Limit: "1.1 %", Baseline: "0.4 %",
		Action: "It is being rolled back to v1.2.2.", Next: "Look at the logs of v1.2.3.",
		Incident: "incident-20261122T100510Z", Link: "https://rollbackd.example/incidents/incident-20261122T100510Z/",
		Chart:     "https://rollbackd.example/incidents/incident-20261122T100510Z/charts/errors.png",
		StartedAt: clock("10:05:00"), Open: true,
	}
}

// recovered is the notice that ends the incident of badRelease.
func recovered() Notice {
	n := badRelease()
	n.ID, n.At, n.Kind, n.Severity, n.Open = "w1.20", clock("10:07:30"), KindRolledBack, Page, false
	n.Title, n.Value, n.Action = "shop/checkout v1.2.3 was rolled back, and it helped", "0.3 %", "It was rolled back to v1.2.2."
	return n
}

// evilNotice is a notice whose every string comes from somebody who means ill, in Unicode, markup and length.
func evilNotice() Notice {
	const evil = "<!channel> <@U1|x> <https://evil.example|click> &amp; <script>alert(1)</script> *b* `c` {{.}} ${jndi:x} \r\nInjected: header\x00\x1b[31m\u202e\u2028 \xff\"'\\ "
	long := evil + strings.Repeat("a<&>\U0001F4A9\n", 1<<17)
	n := badRelease()
	for _, s := range []*string{
		&n.Title, &n.Text, &n.Watch, &n.Workload, &n.WorkloadKind, &n.Environment, &n.Version, &n.Target, &n.EventID, &n.Operator, &n.Signal,
		&n.Value, &n.Limit, &n.Baseline, &n.Action, &n.Next, &n.Message,
	} {
		*s = long
	}
	n.Link, n.Chart = "javascript:alert(1)//<!channel>", "https://evil.example/\"><script>"
	n.To = []Recipient{{Role: OnCall, Address: "<!everyone>", Name: long}}
	return n
}

func clock(hour string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", "2026-11-22 "+hour)
	if err != nil {
		panic(err)
	}
	return t
}

// badServers are receivers that do not do what they should, by what is wrong with them, and whether trying again is worth it.
func badServers() map[string]struct {
	handler http.HandlerFunc
	retry   bool
} {
	return map[string]struct {
		handler http.HandlerFunc
		retry   bool
	}{
		"refuses":         {echo(400), false},
		"does not know":   {echo(401), false},
		"is gone":         {answering(404, "no such thing"), false},
		"has too much":    {answering(429, "slow down", "Retry-After", "3"), true},
		"fails":           {echo(500), true},
		"never ends":      {endless(503), true},
		"hangs up":        {hangingUp, true},
		"redirects":       {answering(308, "", "Location", "http://127.0.0.1:1/"), false},
		"sends a bomb":    {answering(502, strings.Repeat("\x00\xff\n", 1<<16)), true},
		"answers no HTTP": {nonsense, true},
	}
}

// nonsense answers with what is not HTTP.
func nonsense(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = conn.Write([]byte("220 mail.example ESMTP\r\n"))
	_ = conn.Close()
}

// wantRobust holds a sink to what any sink of an HTTP receiver must do when the receiver does not do what it should.
func wantRobust(t *testing.T, build func(url string) Sink) {
	t.Helper()
	for name, bad := range badServers() {
		t.Run(name, func(t *testing.T) {
			s := serve(t, bad.handler)
			retry, err := build(s.URL).Notify(t.Context(), badRelease())
			if err == nil || retry != bad.retry {
				t.Fatalf("Notify = %v, %v; want an error, and retry %v", retry, err, bad.retry)
			}
			wantHarmless(t, err)
			var d Deferral
			if name == "has too much" && (!errors.As(err, &d) || d.RetryAfter() != 3*time.Second) {
				t.Errorf("the receiver asked for 3 s, and the error does not say so: %v", err)
			}
		})
	}
	t.Run("asks to log in", func(t *testing.T) {
		s := serve(t, answering(200, "\n<!doctype html><title>Log in</title>", "Content-Type", "text/html"))
		if retry, err := build(s.URL).Notify(t.Context(), badRelease()); err == nil || retry {
			t.Errorf("Notify = %v, %v; want an error that stays", retry, err)
		}
	})
	t.Run("hangs", func(t *testing.T) {
		s := serve(t, hanging)
		ctx, cancel := contextFor(t, 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		if retry, err := build(s.URL).Notify(ctx, badRelease()); err == nil || !retry {
			t.Errorf("Notify = %v, %v; want an error that may pass", retry, err)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("it took %v to give up", took)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		if retry, err := build("http://"+nobody).Notify(t.Context(), badRelease()); err == nil || !retry {
			t.Errorf("Notify = %v, %v; want an error that may pass", retry, err)
		}
	})
}

// wantHarmless holds an error to what a log may show.
func wantHarmless(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	if strings.Contains(text, canary) || strings.Contains(text, "canary") {
		t.Errorf("the error shows a secret: %v", err)
	}
	if len(text) > 2000 || strings.ContainsAny(text, "\x00\x1b\r\n") {
		t.Errorf("the error is not one harmless line: %q", text)
	}
}

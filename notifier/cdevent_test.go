package notifier

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// regressed is a notice as the watches make it, of one incident from its beginning on.
func regressed() Notice {
	return Notice{
		ID: "n-7", At: time.Date(2026, 11, 22, 10, 5, 10, 0, time.UTC), Kind: KindRegressed, Severity: Warn,
		Title: "shop/checkout v1.2.3 is bad", Text: "held for 5m", Watch: "production.shop.abc",
		Workload: "shop/checkout", WorkloadKind: "Deployment", Environment: "production",
		Version: "v1.2.3", Target: "v1.2.2", EventID: "deploy-1", Operator: "ana",
		Image:       "registry.example/shop/checkout:v1.2.3@sha256:0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427",
		TargetImage: "registry.example/shop/checkout:v1.2.2",
		Signal:      "errors", Value: "12 %", Limit: "1.1 %", Baseline: "0.4 %",
		Incident: "incident-20261122T100510Z", Link: "https://rollbackd.example/incidents/incident-20261122T100510Z/",
		StartedAt: time.Date(2026, 11, 22, 10, 5, 10, 0, time.UTC), Open: true,
	}
}

// later is the same incident's notice of another kind.
func later(kind Kind, edit func(*Notice)) Notice {
	n := regressed()
	n.ID, n.Kind, n.At = "n-9", kind, n.At.Add(time.Minute)
	if edit != nil {
		edit(&n)
	}
	return n
}

// The documents are written out by hand from continuous-operations.md, continuous-deployment.md and spec.md of CDEvents 0.5.1 and 0.4.1.
const (
	shared05 = `"customData": {"metric": "errors", "value": "12 %", "threshold": "1.1 %", "baseline": "0.4 %", "version": "v1.2.3", "target": "v1.2.2",
		"incident": "incident-20261122T100510Z", "link": "https://rollbackd.example/incidents/incident-20261122T100510Z/"},
		"customDataContentType": "application/json"`
	linkDeploy   = `{"linkType": "RELATION", "linkKind": "TRIGGER", "target": {"contextId": "deploy-1"}}`
	linkDetected = `{"linkType": "RELATION", "linkKind": "TRIGGER", "target": {"contextId": "incident-20261122T100510Z.detected"}}`
	artifact     = `pkg:oci/checkout@sha256%3A0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427?repository_url=registry.example/shop/checkout&tag=v1.2.3`
)

func TestCDEventDocuments(t *testing.T) {
	for name, c := range map[string]struct {
		version CDEventsVersion
		notice  Notice
		want    []string
	}{
		"detected": {CDEvents05, regressed(), []string{`{
			"context": {"specversion": "0.5.1", "id": "incident-20261122T100510Z.detected", "source": "/rollbackd/main",
				"type": "dev.cdevents.incident.detected.0.3.0", "timestamp": "2026-11-22T10:05:10Z", "links": [` + linkDeploy + `]},
			"subject": {"id": "incident-20261122T100510Z", "source": "/rollbackd/main", "content": {
				"description": "shop/checkout v1.2.3 is bad", "environment": {"id": "production"}, "service": {"id": "shop/checkout"},
				"artifactId": "` + artifact + `"}}, ` + shared05 + `}`}},
		"detected, 0.4": {CDEvents04, regressed(), []string{`{
			"context": {"version": "0.4.1", "id": "incident-20261122T100510Z.detected", "source": "/rollbackd/main",
				"type": "dev.cdevents.incident.detected.0.2.0", "timestamp": "2026-11-22T10:05:10Z", "links": [` + linkDeploy + `]},
			"subject": {"id": "incident-20261122T100510Z", "source": "/rollbackd/main", "type": "incident", "content": {
				"description": "shop/checkout v1.2.3 is bad", "environment": {"id": "production"}, "service": {"id": "shop/checkout"},
				"artifactId": "` + artifact + `"}}, ` + shared05 + `}`}},
		"reported": {CDEvents05, later(KindAwaiting, nil), []string{`{
			"context": {"specversion": "0.5.1", "id": "n-9.reported", "source": "/rollbackd/main",
				"type": "dev.cdevents.incident.reported.0.3.0", "timestamp": "2026-11-22T10:06:10Z", "links": [` + linkDeploy + `, ` + linkDetected + `]},
			"subject": {"id": "incident-20261122T100510Z", "source": "/rollbackd/main", "content": {
				"description": "shop/checkout v1.2.3 is bad", "environment": {"id": "production"}, "service": {"id": "shop/checkout"},
				"artifactId": "` + artifact + `", "ticketURI": "https://rollbackd.example/incidents/incident-20261122T100510Z/"}}, ` + shared05 + `}`}},
		"rolled back": {CDEvents05, later(KindRolledBack, func(n *Notice) { n.RolledBack = true }), []string{`{
			"context": {"specversion": "0.5.1", "id": "production.shop.abc.rolledback", "source": "/rollbackd/main",
				"type": "dev.cdevents.service.rolledback.0.3.0", "timestamp": "2026-11-22T10:06:10Z", "links": [` + linkDeploy + `, ` + linkDetected + `]},
			"subject": {"id": "shop/checkout", "source": "/rollbackd/main", "content": {"environment": {"id": "production"},
				"artifactId": "pkg:oci/checkout?repository_url=registry.example/shop/checkout&tag=v1.2.2"}}, ` + shared05 + `}`, `{
			"context": {"specversion": "0.5.1", "id": "n-9.resolved", "source": "/rollbackd/main",
				"type": "dev.cdevents.incident.resolved.0.3.0", "timestamp": "2026-11-22T10:06:10Z", "links": [` + linkDeploy + `, ` + linkDetected + `]},
			"subject": {"id": "incident-20261122T100510Z", "source": "/rollbackd/main", "content": {
				"description": "shop/checkout v1.2.3 is bad", "environment": {"id": "production"}, "service": {"id": "shop/checkout"},
				"artifactId": "` + artifact + `"}}, ` + shared05 + `}`}},
		"rolled back, 0.4, the image not known": {CDEvents04, later(KindRolledBack, func(n *Notice) {
			*n = Notice{ID: n.ID, At: n.At, Kind: n.Kind, Workload: n.Workload, Environment: n.Environment, Target: "v1.2.2", RolledBack: true}
		}), []string{`{
			"context": {"version": "0.4.1", "id": "n-9.rolledback", "source": "/rollbackd/main",
				"type": "dev.cdevents.service.rolledback.0.2.0", "timestamp": "2026-11-22T10:06:10Z"},
			"subject": {"id": "shop/checkout", "source": "/rollbackd/main", "type": "service", "content": {"environment": {"id": "production"},
				"artifactId": "pkg:generic/shop/checkout@v1.2.2"}}, "customData": {"target": "v1.2.2"}, "customDataContentType": "application/json"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			events := cdWriter{source: "/rollbackd/main", version: c.version}.events(c.notice)
			if len(events) != len(c.want) {
				t.Fatalf("%d documents, want %d", len(events), len(c.want))
			}
			for i, e := range events {
				if diff := cmp.Diff(decodeJSON(t, c.want[i]), decodeJSON(t, encodeJSON(t, e))); diff != "" {
					t.Errorf("document %d (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

func TestWhichNoticesAreCDEvents(t *testing.T) {
	for name, c := range map[string]struct {
		notice Notice
		want   string
	}{
		"a deployment":                      {later(KindDeployed, nil), ""},
		"healthy":                           {later(KindHealthy, nil), ""},
		"on its way back":                   {later(KindRollingBack, nil), ""},
		"rolled back, and it did not help":  {later(KindUnresolved, func(n *Notice) { n.RolledBack = true }), "service.rolledback incident.reported"},
		"not rolled back":                   {later(KindUnresolved, nil), "incident.reported"},
		"a report without an address":       {later(KindUnresolved, func(n *Notice) { n.Link = "" }), ""},
		"a report whose address is none":    {later(KindUnresolved, func(n *Notice) { n.Link = "javascript:alert(1)" }), ""},
		"resolved without a rollback":       {later(KindResolved, nil), "incident.resolved"},
		"a loss that is no incident's":      {later(KindUnresolved, func(n *Notice) { n.Incident = "" }), ""},
		"an incident that came to its name": {later(KindRegressed, nil), "incident.detected"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, e := range (cdWriter{version: CDEvents05}).events(c.notice) {
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(e.Context.Type, "dev.cdevents."), ".0.3.0"))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("documents %q, want %q", got, c.want)
			}
		})
	}
}

// hostile is a notice of which every string that may come from outside is as bad as it can be.
func hostile(kind Kind) Notice {
	evil := "a\r\nBcc: eve@evil.example\r\n\r\n<script>alert(1)</script> %0d%0a \x1b[31m\u202e\x00\xff$(id) {{.}} @here " + strings.Repeat("x", 1<<20)
	n := later(kind, nil)
	n.RolledBack = true
	for _, s := range []*string{
		&n.Title, &n.Text, &n.Workload, &n.WorkloadKind, &n.Environment, &n.Version, &n.Target, &n.Image, &n.TargetImage, &n.EventID, &n.Operator,
		&n.Signal, &n.Value, &n.Limit, &n.Baseline, &n.Action, &n.Next, &n.Incident, &n.Link, &n.Chart, &n.Message,
	} {
		*s = evil
	}
	return n
}

func TestHostileNoticeMakesBoundedDocuments(t *testing.T) {
	for _, kind := range []Kind{KindRegressed, KindRolledBack, KindUnresolved, KindResolved} {
		events := cdWriter{source: "/rollbackd/main"}.events(hostile(kind))
		if len(events) == 0 {
			t.Errorf("%s: no documents", kind)
		}
		for _, e := range events {
			text := encodeJSON(t, e)
			if len(text) > 64<<10 {
				t.Errorf("%s has %d bytes", e.Context.Type, len(text))
			}
			for _, r := range []string{`\u0000`, `\r`, `\n`, `\u001b`, "\u202e", `\u202e`} {
				if strings.Contains(text, r) {
					t.Errorf("%s holds %q", e.Context.Type, r)
				}
			}
		}
	}
}

func encodeJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func decodeJSON(t *testing.T, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out
}

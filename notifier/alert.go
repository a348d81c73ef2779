package notifier

import (
	"net/url"
	"strings"
	"time"
)

// maxLabel and maxAnnotation bound what an alert says, in runes.
const (
	maxLabel      = 256
	maxAnnotation = 2000
)

// alert is a PostableAlert of Alertmanager's API, version 2 (https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml).
type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// end is the alert of n with that severity as one that is over. It ended when the notice was made, not when it is sent: if the clock of
// Alertmanager is behind ours, an end in its future would not end it.
func (a *Alertmanager) end(n Notice, s Severity) alert {
	at := n.At
	if now := a.opts.Now(); at.After(now) || at.IsZero() {
		at = now
	}
	return a.alert(n, s, at)
}

// alert is the alert of n with that severity, which ends at that time.
func (a *Alertmanager) alert(n Notice, s Severity, ends time.Time) alert {
	starts := n.StartedAt
	if starts.IsZero() {
		starts = n.At
	}
	if starts.IsZero() || starts.After(ends) { // Alertmanager refuses an alert that ends before it begins.
		starts = ends
	}
	return alert{
		Labels: a.labels(n, s), Annotations: a.annotations(n), StartsAt: starts.UTC(), EndsAt: ends.UTC(), GeneratorURL: webLink(n.Link),
	}
}

// labels are what Alertmanager knows the alert by. Only what stays the same for as long as an incident lasts may be among them.
func (a *Alertmanager) labels(n Notice, s Severity) map[string]string {
	out := map[string]string{}
	for name, value := range a.opts.Labels {
		out[name] = value
	}
	namespace, workload := splitWorkload(n.Workload)
	own := map[string]string{
		"alertname": "RollbackdIncident", "severity": a.severity(s), "environment": n.Environment,
		"namespace": namespace, "workload": workload, "incident": n.Incident,
	}
	if n.Incident == "" || n.Kind == KindPostmortem {
		own["alertname"], own["notice"] = "RollbackdNotice", n.ID
	}
	if n.Kind == KindTest {
		own["alertname"] = "RollbackdTest"
	}
	for name, value := range own {
		if value = short(value, maxLabel); value != "" {
			out[name] = value
		}
	}
	return out
}

func (a *Alertmanager) severity(s Severity) string {
	if value := a.opts.Severities[s]; value != "" {
		return value
	}
	switch s {
	case Page:
		return "critical"
	case Warn:
		return "warning"
	}
	return "info"
}

func (a *Alertmanager) annotations(n Notice) map[string]string {
	out := map[string]string{}
	for name, value := range map[string]string{
		"summary": n.Title, "description": n.Text, "kind": string(n.Kind), "version": n.Version, "target": n.Target, "operator": n.Operator,
		"signal": n.Signal, "value": n.Value, "limit": n.Limit, "baseline": n.Baseline, "action": n.Action, "next_step": n.Next,
		"link": webLink(n.Link), "chart": webLink(n.Chart), "runbook_url": a.opts.Runbook,
	} {
		if value = short(value, maxAnnotation); value != "" {
			out[name] = value
		}
	}
	return out
}

// splitWorkload takes namespace/name apart.
func splitWorkload(s string) (namespace, name string) {
	namespace, name, found := strings.Cut(s, "/")
	if !found {
		return "", s
	}
	return namespace, name
}

// webLink returns an address that a browser can open over HTTP, or nothing: a receiver shows it as a link, and one such as javascript:…
// would be more than that. It has no characters that could end a link in HTML or in a message of Slack.
func webLink(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	link := u.String() // which escapes the path, but not the query
	if strings.ContainsFunc(link, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("<>\"'`|\\", r) }) {
		return ""
	}
	return link
}

// short makes text one harmless line of at most so many characters, the last of which tells where something was cut off.
func short(text string, most int) string { return cut(plain(text, most+1), most) }

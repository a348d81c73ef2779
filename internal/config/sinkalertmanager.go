package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/notifier"
)

// AlertmanagerSink keeps an alert firing for each open incident.
type AlertmanagerSink struct {
	// URLs are the base addresses of all instances of one cluster, such as http://alertmanager-0:9093. Each is sent everything. Required.
	URLs []string `yaml:"urls"`
	// HTTPClient is Prometheus' own client configuration: authentication, TLS, proxy, headers.
	HTTPClient *promconfig.HTTPClientConfig `yaml:"httpClient"`
	// Labels are added to each alert.
	Labels []AlertLabel `yaml:"labels"`
	// Severities are the values of the label severity.
	Severities AlertSeverities `yaml:"severities"`
	// Runbook is the address for the annotation runbook_url. Empty leaves it out.
	Runbook string `yaml:"runbook"`
	// Resend is the time between two sendings of the same alert. What is not sent again for four times as long ends. Default 1m.
	Resend model.Duration `yaml:"resend"`
}

// AlertLabel is one label of alerts.
type AlertLabel struct {
	// Name is the label's. Required.
	Name string `yaml:"name"`
	// Value is the label's. Required.
	Value string `yaml:"value"`
}

// AlertSeverities are the label severity of alerts.
type AlertSeverities struct {
	// Page is that of what asks for a person now. Default "critical".
	Page string `yaml:"page"`
	// Warn is that of what asks for a look during working hours. Default "warning".
	Warn string `yaml:"warn"`
}

// UnmarshalYAML implements the decoder's interface; fields that are left out get their defaults.
func (s *AlertmanagerSink) UnmarshalYAML(unmarshal func(any) error) error {
	*s = AlertmanagerSink{Severities: AlertSeverities{Page: "critical", Warn: "warning"}, Resend: model.Duration(notifier.DefaultResend)}
	type plain AlertmanagerSink
	return unmarshal((*plain)(s))
}

// labelName is what Prometheus has always taken for a label's name.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// ownLabels are those that an alert has anyway.
func ownLabels() []string {
	return []string{"alertname", "severity", "environment", "namespace", "workload", "incident", "notice"}
}

func (s *AlertmanagerSink) check(k *checker, field func(...any) []any) {
	if len(s.URLs) == 0 {
		k.say(field("urls"), "is empty; name all instances, such as [http://alertmanager-0:9093]")
	}
	for i, u := range s.URLs {
		k.receiverURL(field("urls", i), u, "http://alertmanager:9093")
	}
	k.httpClient(field("httpClient"), s.HTTPClient)
	var names []string
	for i, l := range s.Labels {
		switch {
		case !labelName.MatchString(l.Name):
			k.say(field("labels", i, "name"), "%q is not a label's name; use letters, digits and underscores", l.Name)
		case slices.Contains(ownLabels(), l.Name):
			k.say(field("labels", i, "name"), "%q is a label that alerts have anyway; choose another name", l.Name)
		case slices.Contains(names, l.Name):
			k.say(field("labels", i, "name"), "%q is given twice; keep one", l.Name)
		}
		names = append(names, l.Name)
		if l.Value == "" {
			k.say(field("labels", i, "value"), "is empty; a label without a value is none")
		}
	}
	if s.Severities.Page == "" || s.Severities.Warn == "" || s.Severities.Page == s.Severities.Warn {
		k.say(field("severities"), "%q and %q do not tell a page from a warning; use two values, such as critical and warning", s.Severities.Page, s.Severities.Warn)
	}
	if s.Runbook != "" && !webAddress(s.Runbook) {
		k.say(field("runbook"), "%q is not an address; write it as https://wiki.example/rollbacks", s.Runbook)
	}
	if least := model.Duration(time.Second); s.Resend < least {
		k.say(field("resend"), "%s is too short; use at least %s", s.Resend, least)
	}
}

func (s *AlertmanagerSink) resolve(file string) {
	if s.HTTPClient != nil {
		s.HTTPClient.SetDirectory(filepath.Dir(file))
	}
}

func (*AlertmanagerSink) manner() manner { return manner{} }

func (s *AlertmanagerSink) build(name string, tools SinkTools) (notifier.Sink, error) {
	client, err := sinkClient(s.HTTPClient)
	if err != nil {
		return nil, fmt.Errorf("alertmanager.httpClient: %w", err)
	}
	labels := map[string]string{}
	for _, l := range s.Labels {
		labels[l.Name] = l.Value
	}
	return notifier.NewAlertmanager(notifier.AlertmanagerOptions{
		Name: name, URLs: s.URLs, Client: client, Labels: labels, Runbook: s.Runbook, Resend: time.Duration(s.Resend),
		Severities: map[notifier.Severity]string{notifier.Page: s.Severities.Page, notifier.Warn: s.Severities.Warn},
		Memory:     tools.Memory, Logger: tools.Log,
	}), nil
}

package config

import (
	"fmt"

	"github.com/rollbackd/rollbackd/notifier"
)

// PagerDutySink triggers and resolves alerts by PagerDuty's Events API, version 2. Deployments and healthy releases are change events, where a route
// takes them to it.
type PagerDutySink struct {
	// RoutingKeyFile holds the integration key of a service or the routing key of an orchestration; surrounding white space is dropped. Required.
	RoutingKeyFile string `yaml:"routingKeyFile"`
	// URL is the base address of the Events API. An account of the European region has https://events.eu.pagerduty.com.
	// Default "https://events.pagerduty.com".
	URL string `yaml:"url"`
}

// UnmarshalYAML implements the decoder's interface; fields that are left out get their defaults.
func (s *PagerDutySink) UnmarshalYAML(unmarshal func(any) error) error {
	*s = PagerDutySink{URL: notifier.DefaultPagerDuty}
	type plain PagerDutySink
	return unmarshal((*plain)(s))
}

func (s *PagerDutySink) check(k *checker, field func(...any) []any) {
	k.secretFile(field("routingKeyFile"), s.RoutingKeyFile, "the routing key")
	k.receiverURL(field("url"), s.URL, notifier.DefaultPagerDuty)
}

func (s *PagerDutySink) resolve(file string) { s.RoutingKeyFile = relativeTo(file, s.RoutingKeyFile) }

func (*PagerDutySink) manner() manner { return manner{} }

func (s *PagerDutySink) build(name string, _ SinkTools) (notifier.Sink, error) {
	key, err := secretFile(s.RoutingKeyFile)
	if err != nil {
		return nil, fmt.Errorf("pagerDuty.routingKeyFile: %w", err)
	}
	return notifier.NewPagerDuty(notifier.PagerDutyOptions{Name: name, RoutingKey: key, URL: s.URL}), nil
}

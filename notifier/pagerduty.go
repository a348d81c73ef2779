package notifier

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// DefaultPagerDuty is where PagerDuty takes events; accounts of its European region use https://events.eu.pagerduty.com.
const DefaultPagerDuty = "https://events.pagerduty.com"

// The limits of PagerDuty's Events API, version 2 (https://developer.pagerduty.com/docs/events-api-v2-overview), in characters, and of one
// custom detail, so that an event stays far below the 512 KB that it may have.
const (
	maxPDSummary = 1024
	maxPDField   = 255
	maxPDDetail  = 2000
)

// PagerDutyOptions configure a PagerDuty.
type PagerDutyOptions struct {
	Name string
	// RoutingKey returns the integration key; it is asked before each call, so that a key that was replaced is used at once.
	RoutingKey func() (string, error)
	// URL is the base address; empty means DefaultPagerDuty.
	URL string
	// Client talks to it; nil means a plain one.
	Client *http.Client
	// Now is the time; nil means time.Now.
	Now func() time.Time
}

// PagerDuty is a Sink of PagerDuty's Events API, version 2. An alert of PagerDuty is an incident of ours, whose ID is its dedup_key: the
// first notice triggers it, later ones add to its log, and the one which says that the incident is over resolves it.
type PagerDuty struct {
	opts   PagerDutyOptions
	client *http.Client
}

// NewPagerDuty returns a sink that connects to nothing yet.
func NewPagerDuty(opts PagerDutyOptions) *PagerDuty {
	if opts.URL == "" {
		opts.URL = DefaultPagerDuty
	}
	return &PagerDuty{opts: opts, client: newHTTPClient(opts.Client)}
}

// Name returns the sink's name.
func (p *PagerDuty) Name() string { return p.opts.Name }

// Notify sends the events that the notice makes, in their order. Sent again, they change nothing, but for a change event, which then is
// there twice.
func (p *PagerDuty) Notify(ctx context.Context, n Notice) (retry bool, err error) {
	events := pagerDutyEvents(n)
	if len(events) == 0 {
		return false, nil
	}
	key, err := p.opts.RoutingKey()
	if err != nil {
		// A file that cannot be read now may be there in a moment, as when a Secret is mounted anew.
		return true, fmt.Errorf("the routing key: %w", err)
	}
	for _, e := range events {
		e.RoutingKey = key
		_, err := httpCall{
			Client: p.client, URL: strings.TrimSuffix(p.opts.URL, "/") + e.path(), Body: e, Secrets: []string{key}, Now: p.opts.Now,
		}.doAPI(ctx)
		if err != nil {
			return mayRetry(err), err
		}
	}
	return false, nil
}

// The actions of an event; a change event has none.
const (
	pdTrigger = "trigger"
	pdResolve = "resolve"
)

// pdEvent is what /v2/enqueue and /v2/change/enqueue take.
type pdEvent struct {
	RoutingKey string     `json:"routing_key"`
	Action     string     `json:"event_action,omitempty"`
	DedupKey   string     `json:"dedup_key,omitempty"`
	Payload    *pdPayload `json:"payload,omitempty"`
	Client     string     `json:"client,omitempty"`
	ClientURL  string     `json:"client_url,omitempty"`
	Links      []pdLink   `json:"links,omitempty"`
	Images     []pdImage  `json:"images,omitempty"`
}

type pdPayload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity,omitempty"`
	Timestamp string            `json:"timestamp,omitempty"`
	Component string            `json:"component,omitempty"`
	Group     string            `json:"group,omitempty"`
	Class     string            `json:"class,omitempty"`
	Details   map[string]string `json:"custom_details,omitempty"`
}

type pdLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

type pdImage struct {
	Src string `json:"src"`
	Alt string `json:"alt,omitempty"`
}

func (e pdEvent) path() string {
	if e.Action == "" {
		return "/v2/change/enqueue"
	}
	return "/v2/enqueue"
}

// pagerDutyEvents are the events that a notice makes; the routing key is missing. A deployment and a healthy release are changes; other
// information makes no event.
// A page that ends an incident is triggered before it is resolved, because whoever was not told before must be told now.
func pagerDutyEvents(n Notice) []pdEvent {
	if n.Kind == KindDeployed || n.Kind == KindHealthy {
		return []pdEvent{pdChange(n)}
	}
	urgent := n.Severity == Page || n.Severity == Warn
	switch {
	case n.Kind == KindTest, urgent && (n.Open || n.Incident == "" || n.Kind == KindPostmortem):
		return []pdEvent{pdAlert(n)}
	case n.Open || n.Incident == "" || n.Kind == KindPostmortem:
		return nil
	case n.Severity == Page:
		return []pdEvent{pdAlert(n), pdOver(n)}
	}
	return []pdEvent{pdOver(n)}
}

func pdAlert(n Notice) pdEvent {
	e := pdEvent{Action: pdTrigger, DedupKey: pdKey(n), Payload: pdAbout(n), Client: "rollbackd", ClientURL: webLink(n.Link), Links: pdLinks(n)}
	e.Payload.Severity = pdSeverity(n.Severity)
	// PagerDuty shows pictures that it can fetch by HTTPS only.
	if chart := webLink(n.Chart); strings.HasPrefix(chart, "https://") {
		e.Images = []pdImage{{Src: chart, Alt: "The signal over time"}}
	}
	return e
}

func pdOver(n Notice) pdEvent { return pdEvent{Action: pdResolve, DedupKey: pdKey(n)} }

func pdChange(n Notice) pdEvent { return pdEvent{Payload: pdAbout(n), Links: pdLinks(n)} }

// pdKey is the incident's ID, of which PagerDuty takes 255 characters. A notice about none is an alert of its own, which a person resolves.
func pdKey(n Notice) string {
	if n.Incident == "" || n.Kind == KindPostmortem {
		return memorablePart(n.ID)
	}
	return memorablePart(n.Incident)
}

func pdSeverity(s Severity) string {
	switch s {
	case Page:
		return "critical"
	case Warn:
		return "warning"
	}
	return "info"
}

func pdAbout(n Notice) *pdPayload {
	namespace, workload := splitWorkload(n.Workload)
	p := &pdPayload{
		Summary: short(n.Title, maxPDSummary), Source: short(pdSource(n), maxPDField), Component: short(workload, maxPDField),
		Group: short(strings.Trim(n.Environment+"/"+namespace, "/"), maxPDField), Class: short(string(n.Kind), maxPDField),
		Details: map[string]string{},
	}
	if !n.At.IsZero() {
		p.Timestamp = n.At.UTC().Format(time.RFC3339)
	}
	for name, value := range map[string]string{
		"text": n.Text, "version": n.Version, "target": n.Target, "operator": n.Operator, "signal": n.Signal, "value": n.Value, "limit": n.Limit,
		"baseline": n.Baseline, "action": n.Action, "next_step": n.Next, "incident": n.Incident, "watch": n.Watch,
	} {
		if value = short(value, maxPDDetail); value != "" {
			p.Details[name] = value
		}
	}
	return p
}

// pdSource names what is affected; PagerDuty requires it.
func pdSource(n Notice) string {
	if n.Workload == "" {
		return "rollbackd"
	}
	return strings.Trim(n.Environment+"/"+n.Workload, "/")
}

func pdLinks(n Notice) []pdLink {
	if link := webLink(n.Link); link != "" {
		return []pdLink{{Href: link, Text: "What rollbackd recorded"}}
	}
	return nil
}

package record

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"text/template"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/test/history/scenario"
)

//go:embed rollbackd.yaml.tmpl
var configuration string

// settings fill in the template of the configuration.
type settings struct {
	Active, OnCall, Enhanced, Baseline model.Duration
	Policies                           []policy
}

// policy is that of the namespaces of one layout.
type policy struct {
	Layout     scenario.Layout
	Namespaces []string
	// Scrape is the scrape interval, and Window what rates are computed over: four scrapes, at least a minute.
	Scrape, Window model.Duration
	// Requests, Errors, Histogram and Orders are selectors; Unit is that of the histogram's bounds.
	Requests, Errors, Histogram, Orders, Unit string
	// Labels is the mapping of labels.
	Labels string
	// Versions says that the series tell versions apart, without which nobody can tell that a version reports nothing.
	Versions bool
}

func settingsOf(p *scenario.Plan) settings {
	o := p.Options
	s := settings{
		Active:   model.Duration(min(15*time.Minute, o.After/4)),
		OnCall:   model.Duration(min(time.Hour, o.After/2)),
		Enhanced: model.Duration(o.After),
		Baseline: model.Duration(min(time.Hour, o.Before)),
	}
	for _, l := range scenario.Layouts() {
		if namespaces := p.Namespaces(l); len(namespaces) > 0 {
			s.Policies = append(s.Policies, policyOf(l, namespaces))
		}
	}
	return s
}

func policyOf(l scenario.Layout, namespaces []string) policy {
	p := policy{
		Layout: l, Namespaces: namespaces, Versions: l != scenario.ByWorkload, Unit: "1s",
		Scrape: model.Duration(l.Scrape()), Window: model.Duration(max(time.Minute, 4*l.Scrape())),
	}
	// All layouts have the orders in common, so that the job has to tell them apart.
	switch l {
	case scenario.ByVersion:
		p.Requests, p.Errors = "rpc_server_total", `rpc_server_total{status=~"internal|unavailable"}`
		p.Histogram, p.Unit, p.Orders = "rpc_server_duration_milliseconds_bucket", "1ms", `orders_total{job="rpc"}`
		p.Labels = `{namespace: "", workload: callee, pod: "", version: callee_version}`
	case scenario.ByWorkload:
		p.Requests, p.Errors = "web_requests_total", `web_requests_total{result=~"failed|refused"}`
		p.Histogram, p.Orders = "web_request_duration_seconds_bucket", `orders_total{job="web"}`
		p.Labels = `{namespace: namespace, workload: workload, pod: "", version: ""}`
	default:
		p.Requests, p.Errors = "http_requests_total", `http_requests_total{code=~"5.."}`
		p.Histogram, p.Orders = "http_request_duration_seconds_bucket", `orders_total{job="apps"}`
		p.Labels = "{namespace: namespace, pod: pod}"
	}
	return p
}

func writeConfiguration(path string, p *scenario.Plan) error {
	t, err := template.New(Configuration).Parse(configuration)
	if err != nil {
		return fmt.Errorf("read the configuration's template: %w", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return errors.Join(t.Execute(file, settingsOf(p)), file.Close())
}

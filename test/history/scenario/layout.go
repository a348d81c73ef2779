package scenario

import (
	"math"
	"strconv"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// series is one exposed series of a group.
type series struct {
	labels labels.Labels
	// value reads it, and is false while it is not exposed.
	value func(g *group) (float64, bool)

	// append adds a sample in the present window; nil until there is one.
	append  Append
	present bool
}

// names are how a layout calls things.
type names struct {
	requests, latency string
	// code is the label of the outcome, and codes its values.
	code  string
	codes [outcomes]string
	// unit is how many of the histogram's units a second has.
	unit float64
}

func (l Layout) names() names {
	switch l {
	case ByVersion:
		return names{"rpc_server_total", "rpc_server_duration_milliseconds", "status", [outcomes]string{"ok", "not_found", "internal", "unavailable"}, 1000}
	case ByWorkload:
		return names{"web_requests_total", "web_request_duration_seconds", "result", [outcomes]string{"ok", "missing", "failed", "refused"}, 1}
	default:
		return names{"http_requests_total", "http_request_duration_seconds", "code", [outcomes]string{"200", "404", "500", "503"}, 1}
	}
}

// exposed lists the series of a group; base are the labels that all of them have, and caller is what its calls come from.
func (w *workload) exposed(base labels.Labels, caller string) []*series {
	n := w.layout.names()
	var out []*series
	add := func(name string, value func(*group) (float64, bool), extra ...string) {
		out = append(out, &series{labels: with(base, append(extra, model.MetricNameLabel, name)...), value: value})
	}
	for i := range outcomes {
		add(n.requests, w.counted(func(c *counters) uint64 { return c.requests[i] }), n.code, n.codes[i])
	}
	for i := range buckets {
		add(n.latency+"_bucket", w.whenServed(func(c *counters) float64 { return float64(c.atMost(i)) }), "le", bound(i, n.unit))
	}
	add(n.latency+"_sum", w.whenServed(func(c *counters) float64 { return c.sum * n.unit }))
	add(n.latency+"_count", w.whenServed(func(c *counters) float64 { return float64(c.total()) }))
	add("orders_total", w.counted(func(c *counters) uint64 { return c.orders }))
	add("checkout_conversion_ratio", conversion)
	if w.callee != nil {
		calls := []string{"caller", caller, "callee", w.callee.name, "code"}
		add("app_calls_total", w.counted(func(c *counters) uint64 { return c.callsAnswered }), append(calls, "200")...)
		add("app_calls_total", w.counted(func(c *counters) uint64 { return c.callsFailed }), append(calls, "503")...)
	}
	return out
}

// counted reads a counter that is exposed at zero only by eager workloads.
func (w *workload) counted(read func(*counters) uint64) func(*group) (float64, bool) {
	return func(g *group) (float64, bool) {
		n := read(&g.counters)
		return float64(n), g.running && (n > 0 || w.eager)
	}
}

// whenServed reads what is there as soon as a request was served, in eager workloads before.
func (w *workload) whenServed(read func(*counters) float64) func(*group) (float64, bool) {
	return func(g *group) (float64, bool) {
		return read(&g.counters), g.running && (w.eager || g.total() > 0)
	}
}

// conversion is that since the last scrape: not a number where nobody came.
func conversion(g *group) (float64, bool) {
	visits := g.total() - g.before.total()
	if visits == 0 {
		return math.NaN(), g.running
	}
	return float64(g.orders-g.before.orders) / float64(visits), g.running
}

func bound(i int, unit float64) string {
	if i == buckets-1 {
		return "+Inf"
	}
	return strconv.FormatFloat(math.Round(Bounds()[i]*unit*1e6)/1e6, 'g', -1, 64)
}

func with(base labels.Labels, pairs ...string) labels.Labels {
	b := labels.NewBuilder(base)
	for i := 0; i < len(pairs); i += 2 {
		b.Set(pairs[i], pairs[i+1])
	}
	return b.Labels()
}

package backtest

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/promclient"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/test/history/block"
	"github.com/rollbackd/rollbackd/test/history/serve"
)

// traffic is what one pod, or one version, answers from one time to another: so many requests in each scrape, and failures.
type traffic struct {
	labels   map[string]string
	from, to time.Duration // after noon
	good     float64
	bad      float64
	// idle is until when there is nothing to count, of counters that are there at zero.
	idle time.Duration
}

// recorded serves the traffic as it is scraped every 15 seconds, from a real Prometheus.
func recorded(t *testing.T, all ...traffic) Source {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the stack's Prometheus; run without -short")
	}
	dir := t.TempDir()
	b := block.New(noon().Add(-4*time.Hour), noon().Add(4*time.Hour))
	for _, one := range all {
		for code, rate := range map[string]float64{"200": one.good, "500": one.bad} {
			if rate == 0 {
				continue
			}
			l := maps.Clone(one.labels)
			l["__name__"], l["namespace"], l["code"] = "requests_total", "shop", code
			record, count := b.Open(labels.FromMap(l)), 0.0
			for at := one.from; at < one.to; at += 15 * time.Second {
				if one.idle == 0 || at >= one.idle {
					count += rate
				}
				record(noon().Add(at).UnixMilli(), count)
			}
		}
	}
	_, err := b.Write(t.Context(), dir)
	require.NoError(t, err)
	server, err := serve.Start(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	api, err := promclient.New(server.URL, http.DefaultClient)
	require.NoError(t, err)
	return analyzer.NewSampler(api, time.Minute)
}

func pod(name string) map[string]string { return map[string]string{"pod": name} }

func with(l map[string]string, more ...string) map[string]string {
	l = maps.Clone(l)
	for i := 0; i < len(more); i += 2 {
		l[more[i]] = more[i+1]
	}
	return l
}

// judgedBy is a policy of error rate and rollout whose series are told apart by these labels.
func judgedBy(l analyzer.Labels) watch.Policy {
	p := onePolicy()
	p.Signals[0].Labels = l
	p.Signals = append(p.Signals, analyzer.Signal{Name: "rollout", Kind: analyzer.KindRollout, Scrape: 15 * time.Second, Rule: analyzer.Sustained{For: 5 * time.Minute}})
	return p
}

func replayed(t *testing.T, e event.Event, p watch.Policy, all ...traffic) Outcome {
	t.Helper()
	e.ID, e.Environment, e.Namespace, e.Timestamp = "one", "production", "shop", noon()
	var out Outcome
	require.NoError(t, Run(t.Context(), Options{Source: recorded(t, all...), Policies: []watch.Policy{p}, Now: noon().Add(time.Hour)},
		[]event.Event{e}, 1, func(o Outcome) { out = o }))
	require.NoError(t, out.Err)
	return out
}

// A canary is a Deployment of its own, and judged against the stable one that serves beside it.
func TestACanaryIsComparedWithTheStableWorkload(t *testing.T) {
	canary := event.Event{Workload: "checkout", Version: "v2", Strategy: event.StrategyCanary, Canary: "checkout-canary"}
	pods := analyzer.Labels{Namespace: "namespace", Pod: "pod"}
	const stable, part = "checkout-5d8f9c7b6d-bbbbb", "checkout-canary-7c9f8b6d5c-ccccc"
	hour := time.Hour
	for name, c := range map[string]struct {
		labels analyzer.Labels
		stable map[string]string
		canary map[string]string
	}{
		"by the names of pods":          {pods, pod(stable), pod(part)},
		"by a label of its own":         {analyzer.Labels{Namespace: "namespace", Workload: "app", Pod: "pod"}, with(pod(stable), "app", "checkout"), with(pod(part), "app", "checkout-canary")},
		"labelled as the stable one is": {analyzer.Labels{Namespace: "namespace", Workload: "app", Pod: "pod"}, with(pod(stable), "app", "checkout"), with(pod(part), "app", "checkout")},
		"by the version": {
			analyzer.Labels{Namespace: "namespace", Workload: "app", Version: "version"},
			map[string]string{"app": "checkout", "version": "v1"}, map[string]string{"app": "checkout", "version": "v2"},
		},
		"by the label alone": {
			analyzer.Labels{Namespace: "namespace", Workload: "app"},
			map[string]string{"app": "checkout"}, map[string]string{"app": "checkout-canary"},
		},
		"pods of any name": {analyzer.Labels{Namespace: "namespace", Workload: "app", Pod: "pod"}, with(pod("10.0.0.1:80"), "app", "checkout"), with(pod("10.0.0.2:80"), "app", "checkout-canary")},
	} {
		t.Run(name, func(t *testing.T) {
			serves := traffic{labels: c.stable, from: -2 * hour, to: hour, good: 1000, bad: 2}
			good := replayed(t, canary, judgedBy(c.labels), serves, traffic{labels: c.canary, from: 10 * time.Second, to: hour, good: 100})
			require.Equal(t, analyzer.Healthy, good.Verdict, good.Reason)
			bad := replayed(t, canary, judgedBy(c.labels), serves, traffic{labels: c.canary, from: 10 * time.Second, to: hour, good: 90, bad: 10})
			require.Equal(t, analyzer.Regressed, bad.Verdict, bad.Reason)
			require.Equal(t, "errors", bad.Signal, bad.Reason)
			require.WithinDuration(t, noon(), *bad.DecidedAt, 2*time.Minute)
			outage := replayed(t, canary, judgedBy(c.labels), traffic{labels: c.stable, from: -2 * hour, to: 5 * time.Minute, good: 1000, bad: 2},
				traffic{labels: with(c.stable, "again", "yes"), from: 5 * time.Minute, to: hour, good: 900, bad: 100},
				traffic{labels: c.canary, from: 10 * time.Second, to: 5 * time.Minute, good: 100},
				traffic{labels: with(c.canary, "again", "yes"), from: 5 * time.Minute, to: hour, good: 90, bad: 10})
			require.NotEqual(t, analyzer.Regressed, outage.Verdict, outage.Reason)
		})
	}
}

// What is counted by time goes with how large a part of the service a canary is, and says nothing of it.
func TestACanaryIsNotJudgedByWhatIsCountedByTime(t *testing.T) {
	p := judgedBy(analyzer.Labels{Namespace: "namespace", Pod: "pod"})
	p.Signals = append(p.Signals, analyzer.Signal{
		Name: "orders", Kind: analyzer.KindBusiness, Events: "requests_total", Labels: p.Signals[0].Labels, Scrape: 15 * time.Second, Rule: p.Signals[0].Rule,
	})
	out := replayed(t, event.Event{Workload: "checkout", Version: "v2", Strategy: event.StrategyCanary, Canary: "checkout-canary"}, p,
		traffic{labels: pod("checkout-5d8f9c7b6d-bbbbb"), from: -2 * time.Hour, to: time.Hour, good: 1000, bad: 2},
		traffic{labels: pod("checkout-canary-7c9f8b6d5c-ccccc"), from: 10 * time.Second, to: time.Hour, good: 100})
	require.Equal(t, analyzer.Healthy, out.Verdict, out.Reason)
}

// A canary that served and is gone was taken away, and did not fall silent. One that never served did.
func TestACanaryThatIsTakenAwayIsOver(t *testing.T) {
	p := judgedBy(analyzer.Labels{Namespace: "namespace", Pod: "pod"})
	p.Stages[0].Until = 50 * time.Minute
	e := event.Event{Workload: "checkout", Version: "v2", Strategy: event.StrategyCanary, Canary: "checkout-canary"}
	stable := traffic{labels: pod("checkout-5d8f9c7b6d-bbbbb"), from: -2 * time.Hour, to: time.Hour, good: 1000, bad: 2}
	gone := replayed(t, e, p, stable, traffic{labels: pod("checkout-canary-7c9f8b6d5c-ccccc"), from: 10 * time.Second, to: 20 * time.Minute, good: 100})
	require.Equal(t, analyzer.Healthy, gone.Verdict, gone.Reason)
	never := replayed(t, e, p, stable)
	require.Equal(t, analyzer.Regressed, never.Verdict, never.Reason)
	require.Equal(t, "rollout", never.Signal)
}

// A canary that is made a larger part of the service has served before, and is judged from its event on.
func TestACanaryThatRanBeforeCountsFromItsEventOn(t *testing.T) {
	hour := time.Hour
	out := replayed(t, event.Event{Workload: "checkout", Version: "v2", Strategy: event.StrategyCanary, Canary: "checkout-canary", Step: 25}, judgedBy(analyzer.Labels{Namespace: "namespace", Pod: "pod"}),
		traffic{labels: pod("checkout-5d8f9c7b6d-bbbbb"), from: -2 * hour, to: hour, good: 1000, bad: 2},
		traffic{labels: pod("checkout-canary-7c9f8b6d5c-ccccc"), from: -hour, to: 0, good: 100},
		traffic{labels: pod("checkout-canary-7c9f8b6d5c-ddddd"), from: 0, to: hour, good: 90, bad: 10})
	require.Equal(t, analyzer.Regressed, out.Verdict, out.Reason)
	require.Equal(t, noon(), out.Evidence.T0)
}

// Both colours may have one name in the metrics, with the version or the colour in a label.
func TestBothColoursOfOneNameAreToldByTheVersion(t *testing.T) {
	hour := time.Hour
	l := analyzer.Labels{Namespace: "namespace", Workload: "app", Version: "version"}
	e := event.Event{Workload: "checkout-green", Version: "v2", Strategy: event.StrategyBlueGreen, Service: "checkout", SelectorKey: "color", From: "blue", To: "green"}
	app := map[string]string{"app": "checkout-green"}
	for name, versions := range map[string][2]string{"versions": {"v1", "v2"}, "colours": {"blue", "green"}} {
		t.Run(name, func(t *testing.T) {
			old := traffic{labels: with(app, "version", versions[0]), from: -2 * hour, to: 0, good: 1000, bad: 2}
			good := replayed(t, e, judgedBy(l), old, traffic{labels: with(app, "version", versions[1]), to: hour, good: 1000, bad: 2})
			require.Equal(t, analyzer.Healthy, good.Verdict, good.Reason)
			bad := replayed(t, e, judgedBy(l), old, traffic{labels: with(app, "version", versions[1]), to: hour, good: 900, bad: 100})
			require.Equal(t, analyzer.Regressed, bad.Verdict, bad.Reason)
		})
	}
}

// The pods of a slow rollout are the release's from the first one on, also where they have no names that tell so.
func TestASlowRolloutOfPodsOfAnyNameBeginsWithItsFirst(t *testing.T) {
	minute := time.Minute
	l := analyzer.Labels{Namespace: "namespace", Workload: "app", Pod: "instance"}
	at := func(instance string) map[string]string {
		return map[string]string{"app": "checkout", "instance": instance}
	}
	for name, c := range map[string]struct {
		bad  float64
		want analyzer.Verdict
	}{"good": {1, analyzer.Healthy}, "bad": {300, analyzer.Regressed}} {
		t.Run(name, func(t *testing.T) {
			out := replayed(t, event.Event{Workload: "checkout", Version: "v2"}, judgedBy(l),
				traffic{labels: at("10.0.0.1:80"), from: -120 * minute, to: -10 * minute, good: 500, bad: 1},
				traffic{labels: at("10.0.0.2:80"), from: -120 * minute, to: -4 * minute, good: 500, bad: 1},
				traffic{labels: at("10.0.0.3:80"), from: -10 * minute, to: 60 * minute, good: 500, bad: c.bad},
				traffic{labels: at("10.0.0.4:80"), from: -4 * minute, to: 60 * minute, good: 500, bad: c.bad})
			require.Equal(t, c.want, out.Verdict, out.Reason)
			require.Equal(t, noon().Add(-10*minute-15*time.Second), out.Evidence.T0)
		})
	}
}

// What comes after a release, announced or not, is neither the release nor what was there before it.
func TestTheNextReleaseIsNoOldVersion(t *testing.T) {
	minute := time.Minute
	for name, labels := range map[string][3]map[string]string{
		"by the names of pods": {pod("checkout-5d8f9c7b6d-bbbbb"), pod("checkout-7c9f8b6d5c-ccccc"), pod("checkout-6b5d4c9f8c-ddddd")},
		"by the version":       {{"version": "v1"}, {"version": "v2"}, {"version": "v3"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := analyzer.Labels{Namespace: "namespace", Pod: "pod"}
			if labels[0]["pod"] == "" {
				l = analyzer.Labels{Namespace: "namespace", Workload: "app", Version: "version"}
				for i := range labels {
					labels[i] = with(labels[i], "app", "checkout")
				}
			}
			p := judgedBy(l)
			p.Stages[0].Until = time.Hour
			out := replayed(t, event.Event{Workload: "checkout", Version: "v2"}, p,
				traffic{labels: labels[0], from: -120 * minute, to: minute, good: 500, bad: 1},
				traffic{labels: labels[1], to: 13 * minute, good: 500, bad: 1},
				traffic{labels: labels[2], from: 12 * minute, to: 60 * minute, good: 500, bad: 1})
			require.Equal(t, analyzer.Healthy, out.Verdict, out.Reason)
		})
	}
}

// The new colour may wait for its traffic for longer than a release may be silent: it is released by the switch.
func TestANewColourIsReleasedByTheSwitch(t *testing.T) {
	minute := time.Minute
	e := event.Event{Workload: "checkout-green", Version: "v2", Strategy: event.StrategyBlueGreen, Service: "checkout", SelectorKey: "color", From: "blue", To: "green"}
	blue, green := pod("checkout-blue-5d8f9c7b6d-bbbbb"), pod("checkout-green-7c9f8b6d5c-ccccc")
	at := -2*minute - 30*time.Second
	for name, c := range map[string]struct {
		bad  float64
		want analyzer.Verdict
	}{"good": {1, analyzer.Healthy}, "bad": {200, analyzer.Regressed}} {
		t.Run(name, func(t *testing.T) {
			out := replayed(t, e, judgedBy(analyzer.Labels{Namespace: "namespace", Pod: "pod"}), traffic{labels: blue, from: -120 * minute, to: at, good: 1000, bad: 1},
				traffic{labels: green, from: -12 * minute, to: 60 * minute, good: 1000, bad: c.bad, idle: at})
			require.Equal(t, c.want, out.Verdict, out.Reason)
			require.WithinDuration(t, noon().Add(at), out.Evidence.T0, 30*time.Second)
		})
	}
}

// A canary is over when its version is made the stable one.
func TestAPromotionFollowsACanary(t *testing.T) {
	at := func(m int, s event.Strategy) event.Event {
		return event.Event{ID: string(s), Workload: "checkout", Version: "v2", Strategy: s, Timestamp: noon().Add(time.Duration(m) * time.Minute)}
	}
	chain := succession([]event.Event{at(0, event.StrategyCanary), at(30, event.StrategyRolling)})
	require.Equal(t, noon().Add(30*time.Minute), chain[0].at)
	require.Zero(t, chain[1].at)
}

// What was deployed nearby, or since, is no witness of what was before it.
func TestWhatElseWasDeployedIsKnownToALookAround(t *testing.T) {
	other := func(workload string, minute int) event.Event {
		return event.Event{Namespace: "shop", Workload: workload, Timestamp: noon().Add(time.Duration(minute) * time.Minute)}
	}
	canary := other("search", 31)
	canary.Canary = "search-canary"
	r := &replay{event: other("checkout", 0), release: release{t0: noon()}, beside: Surrounding{Others: []event.Event{
		other("long-ago", -16), other("before", -14), other("checkout", 0), other("since", 5), canary, other("soon", 64), other("later", 66),
	}}}
	at := func(minute int) time.Time { return noon().Add(time.Duration(minute) * time.Minute) }
	sus := r.suspicion(at(50))
	require.Equal(t, []string{"shop/soon"}, sus.NewlyDeployed)
	require.Equal(t, map[string]time.Time{
		"shop/before": at(-14), "shop/since": at(5), "shop/search": at(31), "shop/search-canary": at(31), "shop/soon": at(64),
	}, sus.Deployed)
}

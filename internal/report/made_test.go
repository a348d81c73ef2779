package report

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// end is when the reports of the tests are made.
var end = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

// made makes up a year's deployments of a few dozen services: some are bad, most of these are found and rolled back, and each quarter
// somebody rehearses. The same seed makes the same ones.
func made(seed uint64, n int) []incident.Digest {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]incident.Digest, 0, n)
	year := 365 * 24 * time.Hour
	for i := range n {
		at := end.Add(-year + time.Duration(float64(i)/float64(n)*float64(year))).Truncate(time.Second)
		service := int(float64(len(services())) * r.Float64() * r.Float64())
		namespace, workload := services()[service][0], services()[service][1]
		d := incident.Digest{
			Watch: fmt.Sprintf("production.%s.%064x", namespace, i), EventID: fmt.Sprintf("deploy-%d", i), Environment: "production",
			Namespace: namespace, Workload: workload, Kind: "Deployment", Version: fmt.Sprintf("v1.%d", i), Target: fmt.Sprintf("v1.%d", i-1),
			Strategy: "rolling", Policy: "http", Mode: "automatic", State: "Healthy", Final: true, Seq: uint64(i + 1),
			Times: incident.DigestTimes{Accepted: at, Started: at.Add(3 * time.Second), Completed: at.Add(40 * time.Second), Ended: at.Add(24 * time.Hour)},
		}
		switch p := r.Float64(); {
		case p < 0.05+0.01*float64(service%4):
			d = bad(r, d, i)
		case p < 0.20:
			d.State = "Superseded"
		case p < 0.23:
			d.State = "Inconclusive"
		case p < 0.24:
			d.State, d.Times.Started, d.Times.Completed = "Inconclusive", time.Time{}, time.Time{}
		}
		out = append(out, d)
	}
	for quarter := range 4 {
		at := end.Add(-year + time.Duration(quarter)*year/4 + 72*time.Hour)
		out = append(out, rehearsed(at, quarter))
	}
	return out
}

func services() [][2]string {
	var out [][2]string
	for _, namespace := range []string{"shop", "payments", "search", "accounts"} {
		for _, workload := range []string{"checkout", "cart", "api", "gateway", "worker", "mailer", "ledger", "catalogue"} {
			out = append(out, [2]string{namespace, namespace + "-" + workload})
		}
	}
	return out
}

// bad makes a bad release of a deployment.
func bad(r *rand.Rand, d incident.Digest, i int) incident.Digest {
	after := func(from time.Time, least, spread float64) time.Time {
		return from.Add(time.Duration((least + spread*r.ExpFloat64()) * float64(time.Second)))
	}
	t := &d.Times
	t.FirstBad = after(t.Started, 5, 120)
	t.Decided = after(t.FirstBad, 15, 25)
	t.Opened = t.Decided
	d.Incident, d.Signal, d.SignalKind, d.ValueText, d.LimitText = "incident-"+t.Decided.Format("20060102T150405Z"), "error-rate", "errors", "12.4 %", "0.6 %"
	d.Postmortem = &incident.Review{Number: uint64(i + 1), Due: t.Decided.Add(48 * time.Hour)}
	if end.Sub(t.Decided) > 3*24*time.Hour && r.Float64() < 0.99 {
		d.Postmortem.DoneAt = t.Decided.Add(40 * time.Hour)
	}
	if r.Float64() < 0.1 { // nobody let it happen
		d.State = "Held"
		t.Ended = t.Decided.Add(time.Hour)
		return d
	}
	t.Initiated = after(t.Decided, 0.2, 0.5)
	if r.Float64() < 0.15 {
		d.By = "ana"
		t.Initiated = after(t.Decided, 60, 600)
	}
	t.Landed = after(t.Initiated, 0.1, 0.2)
	d.RolledBack = true
	switch p := r.Float64(); {
	case p < 0.05:
		d.State = "NotRecovered"
		t.Ended = t.Landed.Add(10 * time.Minute)
	case p < 0.08:
		d.State = "RolledBackUnverified"
		t.Ended = t.Landed.Add(10 * time.Minute)
	default:
		d.State, d.Recovered = "RolledBack", true
		t.Restored = after(t.Landed, 120, 60)
		t.Ended = t.Restored
	}
	return d
}

// rehearsed is a drill in production's ledger; that no drill is carried out there is for others to hold.
func rehearsed(at time.Time, i int) incident.Digest {
	return incident.Digest{
		Watch: fmt.Sprintf("production.shop.drill%d", i), EventID: fmt.Sprintf("drill-%d", i), Environment: "production", Namespace: "shop", Workload: "shop-checkout",
		Kind: "Deployment", Version: "v1", State: "RolledBack", Final: true, RolledBack: true, Recovered: true, Drill: true, Incident: "drill-" + at.Format("20060102T150405Z"),
		Seq: 1, Times: incident.DigestTimes{
			Accepted: at, Started: at, FirstBad: at.Add(2 * time.Second), Decided: at.Add(time.Duration(20+5*i) * time.Second), Landed: at.Add(40 * time.Second),
			Restored: at.Add(time.Duration(180+30*i) * time.Second), Ended: at.Add(5 * time.Minute),
		},
		Drilled: &incident.DigestDrill{Passed: true, RestoredBy: "rollbackd", By: "ana", Detect: new(float64(21 + 5*i)), Recover: new(float64(181 + 30*i))},
	}
}

package demo

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// ending is how a story must end.
type ending struct {
	state watch.State
	// colour is the one that the Service must select, if it chooses between two.
	colour string
	// live is the version that the Deployment with the traffic must run.
	live string
	// changes is how often rollbackd must have changed anything in the cluster.
	changes int
	// detected is what the timeline's second bullet must say; empty if there must be no timeline.
	detected string
}

// evidence is what the servers say, each asked directly.
type evidence struct {
	watch        watch.View
	colour, live string
	// replicas are the pods asked for, ready those of the live version that are ready, running all pods there are; of
	// the Deployment with the traffic.
	replicas, ready, running int
	// changes are the successful writes by the daemon's user since the story began, from the API server's audit log.
	changes []localstack.AuditEvent
	// measured is what Prometheus says of the whole service.
	measured rate
	detected string
}

// rate is how many requests failed over a while, or how slow they were.
type rate struct {
	kind                    analyzer.Kind
	requests, errors, limit float64
	// p95 and limitLatency are in seconds.
	p95, limitLatency float64
	over              time.Duration
}

// check is one proof: who was asked, whether the answer is as it must be, and the answer.
type check struct {
	asked string
	ok    bool
	found string
}

// judge holds the evidence against how the story must end.
func (s story) judge(e evidence) []check {
	want := s.want
	checks := []check{{"rollbackd", e.watch.State == want.state,
		fmt.Sprintf("the watch ended %s%s", e.watch.State, unless(e.watch.State == want.state, string(want.state)))}}
	front := s.service.App
	if s.service.pair {
		front = s.service.colours().Side(e.colour)
		checks = append(checks, check{"API server", e.colour == want.colour,
			fmt.Sprintf("the Service %s/%s selects %s%s", namespace, front.Name, e.colour, unless(e.colour == want.colour, want.colour))})
	}
	checks = append(checks,
		check{"API server", e.live == want.live,
			fmt.Sprintf("the live template of %s/%s is %s%s", namespace, front.Workload(), e.live, unless(e.live == want.live, want.live))},
		check{"API server", e.ready == e.replicas && e.running == e.replicas,
			fmt.Sprintf("%d of %d pods are of %s and ready%s", e.ready, e.replicas, e.live, unless(e.running == e.replicas, fmt.Sprintf("no other pods; there are %d in all", e.running)))},
		s.judgeChanges(e.changes),
		judgeRate(e.measured),
	)
	if want.detected != "" || e.detected != "" {
		checks = append(checks, check{"timeline.md", e.detected == want.detected,
			fmt.Sprintf("its second bullet reads %q%s", e.detected, unless(e.detected == want.detected, want.detected))})
	}
	return checks
}

// judgeChanges wants only changes of the one object that a rollback of the service may touch.
func (s story) judgeChanges(changes []localstack.AuditEvent) check {
	c := check{asked: "API server's audit log", ok: len(changes) == s.want.changes}
	resource, kind := "deployments", "Deployment"
	if s.service.pair {
		resource, kind = "services", "Service, and none of its Deployments"
	}
	switch len(changes) {
	case 0:
		c.found = "rollbackd changed nothing"
	case 1:
		c.found = "1 change by rollbackd"
	default:
		c.found = fmt.Sprintf("%d changes by rollbackd", len(changes))
	}
	for _, change := range changes {
		wayBack := change.Verb == "patch" && change.Resource == resource && change.Subresource == "" &&
			change.Namespace == namespace && change.Name == s.service.Name
		c.ok = c.ok && wayBack
		c.found += fmt.Sprintf("; %s %s %s/%s at %s", change.Verb, change.Resource, change.Namespace, change.Name, clock(change.Time))
	}
	if c.ok && s.service.pair && len(changes) > 0 {
		c.found += ", and nothing of its Deployments"
	}
	c.found += unless(c.ok, fmt.Sprintf("exactly %d patch of the %s", s.want.changes, kind))
	return c
}

func judgeRate(r rate) check {
	c := check{asked: "Prometheus"}
	if !(r.requests > 0) {
		c.found = fmt.Sprintf("no requests in the last %s", span(r.over))
		return c
	}
	if r.kind == analyzer.KindLatency {
		// No answer to the question for the P95 is 0 or NaN, and proves nothing.
		c.ok = r.p95 > 0 && r.p95 <= r.limitLatency
		c.found = fmt.Sprintf("the P95 of about %.0f requests in the last %s is %s; the limit is %s", r.requests, span(r.over), shortSeconds(r.p95), shortSeconds(r.limitLatency))
		return c
	}
	failed := r.errors / r.requests
	c.ok = failed <= r.limit
	c.found = fmt.Sprintf("%s of about %.0f requests failed in the last %s; the limit is %s", percent(failed), r.requests, span(r.over), percent(r.limit))
	return c
}

func unless(ok bool, want string) string {
	if ok {
		return ""
	}
	return ", but must be: " + want
}

package demo

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// ending is how a story must end.
type ending struct {
	state watch.State
	// live is the version that the Deployment must run.
	live string
	// changes is how often rollbackd must have changed anything in the cluster.
	changes int
}

// evidence is what the servers say, each asked directly.
type evidence struct {
	watch watch.View
	live  string
	// replicas are the pods asked for, ready those of the live version that are ready, running all pods there are.
	replicas, ready, running int
	// changes are the successful writes by the daemon's user since the story began, from the API server's audit log.
	changes []localstack.AuditEvent
	// measured is what Prometheus says of the whole service.
	measured rate
}

// rate is how many requests failed over a while.
type rate struct {
	requests, errors, limit float64
	over                    time.Duration
}

// check is one proof: who was asked, whether the answer is as it must be, and the answer.
type check struct {
	asked string
	ok    bool
	found string
}

// judge holds the evidence against how the story must end.
func (want ending) judge(e evidence) []check {
	return []check{
		{"rollbackd", e.watch.State == want.state,
			fmt.Sprintf("the watch ended %s%s", e.watch.State, unless(e.watch.State == want.state, string(want.state)))},
		{"API server", e.live == want.live,
			fmt.Sprintf("the live template of %s/%s is %s%s", namespace, workload, e.live, unless(e.live == want.live, want.live))},
		{"API server", e.ready == e.replicas && e.running == e.replicas,
			fmt.Sprintf("%d of %d pods are of %s and ready%s", e.ready, e.replicas, e.live, unless(e.running == e.replicas, fmt.Sprintf("no other pods; there are %d in all", e.running)))},
		want.judgeChanges(e.changes),
		judgeRate(e.measured),
	}
}

func (want ending) judgeChanges(changes []localstack.AuditEvent) check {
	c := check{asked: "API server's audit log", ok: len(changes) == want.changes}
	switch len(changes) {
	case 0:
		c.found = "rollbackd changed nothing"
	case 1:
		c.found = "1 change by rollbackd"
	default:
		c.found = fmt.Sprintf("%d changes by rollbackd", len(changes))
	}
	for _, change := range changes {
		undo := change.Verb == "patch" && change.Resource == "deployments" && change.Subresource == "" &&
			change.Namespace == namespace && change.Name == workload
		c.ok = c.ok && undo
		c.found += fmt.Sprintf("; %s %s %s/%s at %s", change.Verb, change.Resource, change.Namespace, change.Name, clock(change.Time))
	}
	c.found += unless(c.ok, fmt.Sprintf("exactly %d patch of the Deployment", want.changes))
	return c
}

func judgeRate(r rate) check {
	c := check{asked: "Prometheus"}
	if !(r.requests > 0) {
		c.found = fmt.Sprintf("no requests in the last %s", span(r.over))
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

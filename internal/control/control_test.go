package control

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
)

const approval = "rollbackd.ctl.ana.approve.production.shop.checkout"

func TestDecode(t *testing.T) {
	checkout := event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"}
	for name, c := range map[string]struct {
		subject, body string
		want          Asked
	}{
		"approve": {approval, `{"watch":"production.shop.k","reason":"seen it"}`,
			Asked{By: "ana", Verb: Approve, Target: checkout, Request: Request{Watch: "production.shop.k", Reason: "seen it"}}},
		"a workload with dots": {"rollbackd.ctl.ana.hold.production.shop.a.b.c", `{"for":"2h"}`,
			Asked{By: "ana", Verb: Hold, Target: event.Target{Environment: "production", Namespace: "shop", Workload: "a.b.c"}, Request: Request{For: "2h"}}},
		"a list of a namespace needs no body": {"rollbackd.ctl.ana.list.production.shop.-", "",
			Asked{By: "ana", Verb: List, Target: event.Target{Environment: "production", Namespace: "shop", Workload: AllWorkloads}}},
		"a rollback of another kind": {"rollbackd.ctl.ana.rollback.production.shop.checkout", `{"id":"r1","kind":"StatefulSet"}`,
			Asked{By: "ana", Verb: Rollback, Target: checkout, Request: Request{ID: "r1", Kind: event.KindStatefulSet}}},
		"a dry run needs no ID": {"rollbackd.ctl.ana.rollback.production.shop.checkout", `{"dryRun":true,"revision":"7"}`,
			Asked{By: "ana", Verb: Rollback, Target: checkout, Request: Request{DryRun: true, Revision: "7"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode(c.subject, []byte(c.body))
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct{ subject, body, says string }{
		"too few tokens":        {"rollbackd.ctl.ana.approve.production.shop", `{}`, "does not have the form"},
		"another subject":       {"rollbackd.rejected.ana.approve.production.shop.checkout", `{}`, "does not have the form"},
		"no such verb":          {"rollbackd.ctl.ana.destroy.production.shop.checkout", `{}`, `"destroy" is not something that can be asked for`},
		"a user with a space":   {"rollbackd.ctl.a b.approve.production.shop.checkout", `{}`, `"a b" is not a user's name`},
		"a bad environment":     {"rollbackd.ctl.ana.approve.Prod!.shop.checkout", `{}`, "does not name an environment"},
		"all workloads, to act": {"rollbackd.ctl.ana.hold.production.shop.-", `{"for":"1h"}`, "does not name an environment"},
		"no JSON":               {approval, `watch=1`, "is not the JSON that is expected"},
		"an unknown field":      {approval, `{"wach":"k"}`, `unknown field`},
		"two documents":         {approval, `{"watch":"k"}{}`, "something after"},
		"no watch":              {approval, `{}`, `field "watch" is missing`},
		"a reason with escapes": {approval, `{"watch":"k","reason":"\u001b[31m"}`, `field "reason"`},
		"a long reason":         {approval, `{"watch":"k","reason":"` + strings.Repeat("x", 1025) + `"}`, "longer than 1024 bytes"},
		"too large":             {approval, `{"watch":"` + strings.Repeat("x", MaxRequest) + `"}`, "more than 16384"},
		"a rollback without ID": {"rollbackd.ctl.ana.rollback.production.shop.checkout", `{}`, `field "id" is missing`},
		"a revision of words":   {"rollbackd.ctl.ana.rollback.production.shop.checkout", `{"id":"r1","revision":"HEAD~1"}`, "is not a revision's number"},
		"no kind of workload":   {"rollbackd.ctl.ana.rollback.production.shop.checkout", `{"id":"r1","kind":"Pod"}`, `"Pod" is not a kind of workload that can be rolled back`},
		"an ID that is a path":  {"rollbackd.ctl.ana.rollback.production.shop.checkout", `{"id":"../r1"}`, `field "id"`},
		"a hold without end":    {"rollbackd.ctl.ana.hold.production.shop.checkout", `{}`, `field "for": "" is not a time`},
		"a hold of a year":      {"rollbackd.ctl.ana.hold.production.shop.checkout", `{"for":"8760h"}`, "is not a time from 0s to 720h0m0s"},
		"a hold of the past":    {"rollbackd.ctl.ana.hold.production.shop.checkout", `{"for":"-1h"}`, "is not a time from 0s"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(c.subject, []byte(c.body))
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestSubjectsAgree(t *testing.T) {
	target := event.Target{Environment: "production", Namespace: "shop", Workload: "a.b"}
	for _, verb := range verbs() {
		a, err := parseSubject(Subject("ana", verb, target))
		require.NoError(t, err)
		require.Equal(t, Asked{By: "ana", Verb: verb, Target: target}, a)
	}
	require.Equal(t, "rollbackd.ctl.ana.*.production.shop.>", Allowed("ana", "production", "shop"))
	require.Equal(t, "rollbackd.ctl.*.*.production.>", Pattern("production"))
}

// Whatever comes in, what is accepted is fit for the record, and what is refused is said in one printable line.
func FuzzDecode(f *testing.F) {
	f.Add(approval, []byte(`{"watch":"production.shop.k","reason":"seen it"}`))
	f.Add("rollbackd.ctl.ana.hold.production.shop.a.b", []byte(`{"for":"2h"}`))
	f.Add("rollbackd.ctl.ana.rollback.production.shop.checkout", []byte(`{"id":"1","dryRun":true,"revision":"9"}`))
	f.Add("rollbackd.ctl...", []byte("\xff\x00"))
	f.Fuzz(func(t *testing.T, subject string, body []byte) {
		a, err := Decode(subject, body)
		if err != nil {
			if !printable(err.Error()) {
				t.Fatalf("unprintable: %q", err)
			}
			return
		}
		if !ValidUser(a.By) || !printable(a.Reason) || len(a.Reason) > maxReason {
			t.Fatalf("accepted %+v", a)
		}
		if a.Verb == Hold {
			if d, err := a.HoldFor(); err != nil || d < 0 || d > MaxHold {
				t.Fatalf("a hold of %s: %v", d, err)
			}
		}
		again, err := json.Marshal(a.Request)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := Decode(subject, again); err != nil || b != a {
			t.Fatalf("%+v became %+v: %v", a, b, err)
		}
	})
}

func TestHoldFor(t *testing.T) {
	d, err := Asked{Request: Request{For: "90m"}}.HoldFor()
	require.NoError(t, err)
	require.Equal(t, 90*time.Minute, d)
}

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
)

// found is the answer of a daemon that looked.
func found(checks ...control.Check) control.Reply {
	p := control.Preflight{Workload: "shop/checkout", Environment: "production", Checks: checks}
	p.OK = p.Count(control.ResultStop) == 0
	return control.Reply{OK: p.OK, Preflight: &p}
}

var (
	aPolicy = control.Check{Check: "policy", Result: control.ResultOK, Message: `policy "http" covers it`}
	aHold   = control.Check{Check: "hold", Result: control.ResultWarn, Message: "ana holds the workload: \x1b[2J", Fix: "rollbackctl hold"}
	aFreeze = control.Check{Check: "freeze", Result: control.ResultStop, Message: "nothing is to be deployed", Fix: "wait"}
)

func TestWhatPreflightShowsAndExitsWith(t *testing.T) {
	for _, tc := range []struct {
		name     string
		reply    control.Reply
		args     []string
		code     int
		out      string
		problems string
	}{
		{"nothing speaks against it", found(aPolicy), nil, exitDone, "ok  policy  policy \"http\" covers it\n", ""},
		{"a warning", found(aPolicy, aHold), nil, exitDone,
			"ok    policy  policy \"http\" covers it\n" + `warn  hold    ana holds the workload: \x1b[2J. Fix: rollbackctl hold` + "\n", ""},
		{"a warning is a no", found(aPolicy, aHold), []string{"--strict", "-o", "json"}, exitRefused,
			`{"workload":"shop/checkout","environment":"production","ok":false,"checks":[{"check":"policy","result":"ok","message":"policy \"http\" covers it","fix":""},` +
				`{"check":"hold","result":"warn","message":"ana holds the workload: \u001b[2J","fix":"rollbackctl hold"}]}` + "\n",
			"1 of 2 checks warn, which --strict takes for a no"},
		{"something stops it", found(aPolicy, aFreeze), nil, exitRefused, "ok    policy  policy \"http\" covers it\nstop  freeze  nothing is to be deployed. Fix: wait\n",
			"1 of 2 checks stop the deployment of shop/checkout"},
		{"too much is asked for", control.Refuse(control.CodeBusy, "come again\x1b[2J"), nil, exitUsage, "", `come again\x1b[2J (busy)`},
		{"a daemon of an earlier version", control.Refuse(control.CodeMalformed, `"preflight" is not something that can be asked for`), nil, exitUsage, "", "a pipeline may go on, since rollbackd never blocks"},
		{"an answer without any check", control.Reply{OK: true}, nil, exitUsage, "", "is it of another version?"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := startStack(t)
			asked := answering(t, s, waiting(), tc.reply)
			code, out, problems := s.run(t, append([]string{"preflight", "shop/checkout", "--policy", "http", "--kind", "statefulset", "--hotfix"}, tc.args...)...)
			require.Equal(t, tc.code, code, problems)
			require.Equal(t, tc.out, out)
			require.Contains(t, problems, tc.problems)
			require.Equal(t, tc.problems == "", problems == "", problems)
			require.Equal(t, control.Asked{
				By: "ci", Verb: control.MayDeploy, Target: event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"},
				Request: control.Request{Kind: event.KindStatefulSet, Deploying: control.Deploying{Policy: "http", Hotfix: true}},
			}, <-asked)
		})
	}
}

// Whoever could not ask has not been told no: a pipeline that stops at 1 goes on.
func TestNoAnswerIsNotANo(t *testing.T) {
	s := startServer(t)
	s.env["ROLLBACKD_ENV"] = "production"
	for says, args := range map[string][]string{
		"nobody listens: is rollbackd running":            {"shop/checkout"},
		"the server refuses: nats: permissions violation": {"shop/checkout", "--as", "bob"},
		"unable to reach NATS at nats://127.0.0.1:1":      {"shop/checkout", "--nats", "nats://127.0.0.1:1"},
	} {
		code, out, problems := s.run(t, append([]string{"preflight"}, args...)...)
		require.Equal(t, exitUsage, code)
		require.Empty(t, out)
		require.Contains(t, problems, says)
		require.Contains(t, problems, "a pipeline may go on, since rollbackd never blocks a deployment by being away")
	}
	for _, args := range [][]string{{"checkout"}, {"shop/checkout", "--kind", "Pod"}, {}} { // nothing was asked, and the fault is the caller's
		code, _, problems := s.run(t, append([]string{"preflight"}, args...)...)
		require.Equal(t, exitUsage, code, args)
		require.NotContains(t, problems, "may go on")
	}
}

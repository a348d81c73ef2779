package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rollbackd/rollbackd/internal/bus"
	"github.com/rollbackd/rollbackd/internal/event"
)

func TestMain(m *testing.M) {
	if os.Getenv(selfVariable) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a server that is there may take to answer on a machine that has much else to do.
const patience = 15 * time.Second

const minimal = `{"timestamp":"2026-11-22T10:00:00Z","environment":"production","namespace":"shop","workload":"checkout","version":"v1"}`

// stack is a real server with a publisher, and what a command needs to reach it.
type stack struct {
	server *bus.Embedded
	bus    *bus.Bus
	stream jetstream.Stream
	env    map[string]string
	stdin  string
}

func startServer(t *testing.T) *stack {
	t.Helper()
	dir := t.TempDir()
	server, err := bus.StartEmbedded(bus.EmbeddedOptions{DataDir: dir, Listen: "127.0.0.1:0", Users: []bus.User{
		{
			Name: "ci", Password: "secret", Publish: []bus.Scope{{Environment: "production", Namespace: "shop"}},
			Control: []bus.Scope{{Environment: "production", Namespace: "shop"}},
		},
	}})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	password := filepath.Join(dir, "password")
	require.NoError(t, os.WriteFile(password, []byte("secret\n"), 0o600))
	return &stack{server: server, env: map[string]string{
		"ROLLBACKD_NATS": server.URL(), "ROLLBACKD_NATS_USER": "ci", "ROLLBACKD_NATS_PASSWORD_FILE": password,
	}}
}

func startStack(t *testing.T) *stack {
	t.Helper()
	s := startServer(t)
	nc, err := s.server.Connect()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	s.bus, err = bus.Open(t.Context(), nc, bus.Options{Instance: "main", Environments: []string{"production"}})
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	s.stream, err = js.Stream(t.Context(), bus.DeploymentsStream)
	require.NoError(t, err)
	return s
}

// run runs a command line in this process.
func (s *stack) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	code = run(t.Context(), args, surroundings{
		in: strings.NewReader(s.stdin), out: &out, err: &problems, env: func(name string) string { return s.env[name] },
	})
	return code, out.String(), problems.String()
}

// published is the event that the stream holds last.
func (s *stack) published(t *testing.T) event.Event {
	t.Helper()
	info, err := s.stream.Info(t.Context())
	require.NoError(t, err)
	msg, err := s.stream.GetMsg(t.Context(), info.State.LastSeq)
	require.NoError(t, err)
	e, err := event.Decode(msg.Subject, msg.Data)
	require.NoError(t, err)
	return e
}

// reject runs a daemon that refuses every event.
func (s *stack) reject(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- s.bus.Consume(ctx, func(context.Context, bus.Delivery) bus.Disposition {
			return bus.Reject(&event.Rejection{Code: event.CodeStale, Field: "timestamp", Reason: "is too old", Fix: "hurry up"})
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

var fields = []string{"emit", "--env", "production", "--namespace", "shop", "--workload", "checkout"}

func emitting(more ...string) []string {
	return append(append([]string(nil), fields...), more...)
}

func TestEmitFromFlags(t *testing.T) {
	s := startStack(t)
	code, out, problems := s.run(t, emitting("--version", "v1.2.3", "--previous-version", "v1.2.2", "--commit", "abc",
		"--operator", "ana", "--strategy", "blue-green", "--status", "started", "--hotfix", "--schema-change",
		"--policy", "http", "--id", "d1", "--approval", "A", "--approval", "B,C", "--verification", "smoke.log",
		"--service", "app", "--selector-key", "version", "--from", "blue", "--to", "green")...)
	require.Equal(t, exitDone, code, problems)
	require.Equal(t, "stored on deployments.production.shop.checkout as DEPLOYMENTS 1\n", out)
	require.Empty(t, problems)
	got := s.published(t)
	require.WithinDuration(t, time.Now(), got.Timestamp, time.Minute)
	got.Timestamp, got.Raw = time.Time{}, nil
	require.Equal(t, event.Event{
		ID: "d1", Environment: "production", Namespace: "shop", Workload: "checkout", Kind: event.KindDeployment,
		Strategy: event.StrategyBlueGreen, Version: "v1.2.3", PreviousVersion: "v1.2.2", Commit: "abc", Operator: "ana",
		Approvals: []string{"A", "B,C"}, Status: event.StatusStarted, Hotfix: true, SchemaChange: true, Policy: "http",
		Verification: "smoke.log", Service: "app", SelectorKey: "version", From: "blue", To: "green",
	}, got)
}

func TestEmitFromAFile(t *testing.T) {
	s := startStack(t)
	path := filepath.Join(t.TempDir(), "event.json")
	require.NoError(t, os.WriteFile(path, []byte(minimal), 0o600))
	code, out, problems := s.run(t, "emit", "-f", path, "-o", "json")
	require.Equal(t, exitDone, code, problems)
	require.JSONEq(t, `{"subject":"deployments.production.shop.checkout","stream":"DEPLOYMENTS","sequence":1}`, out)
	require.Equal(t, minimal, string(s.published(t).Raw))

	s.stdin = strings.Replace(minimal, `"v1"`, `"v2","ticket":7`, 1)
	code, _, problems = s.run(t, "emit", "-f", "-")
	require.Equal(t, exitDone, code, problems)
	require.Equal(t, s.stdin, string(s.published(t).Raw))
}

func TestEmitUsageErrors(t *testing.T) {
	s := &stack{env: map[string]string{"ROLLBACKD_NATS": "nats://127.0.0.1:1"}}
	tests := []struct {
		name, stdin, problem string
		args                 []string
	}{
		{"bad timestamp", "", "--timestamp \"noon\"", emitting("--version", "v1", "--timestamp", "noon")},
		{"no file", "", "no such file", []string{"emit", "-f", "/does/not/exist"}},
		{"file and flags", "", "[file version]", []string{"emit", "-f", "-", "--version", "v1"}},
		{"unknown flag", "", "unknown flag", emitting("--nonsense")},
		{"unknown verb", "", "unknown command", []string{"emitt"}},
		{"an argument", "", "unknown command", []string{"emit", "checkout"}},
		{"bad output", "", "text or json", emitting("-o", "yaml")},
		{"no password file", "", "unable to log in to NATS: open /does/not/exist",
			emitting("--version", "v1", "--user", "ci", "--password-file", "/does/not/exist")},
		{"no credentials file", "", "unable to log in to NATS: open /does/not/exist",
			emitting("--version", "v1", "--creds", "/does/not/exist")},
		{"no certificate authority", "", "unable to log in to NATS: open /does/not/exist",
			emitting("--version", "v1", "--ca", "/does/not/exist")},
		{"negative wait", "", "--wait -5s", emitting("--version", "v1", "--wait", "-5s")},
		{"no time", "", "--timeout 0s", emitting("--version", "v1", "--timeout", "0s")},
		{"unreachable", "", "unable to reach NATS at nats://127.0.0.1:1; check --nats", emitting("--version", "v1")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s.stdin = test.stdin
			code, out, problems := s.run(t, test.args...)
			require.Equal(t, exitUsage, code, problems)
			require.Empty(t, out)
			require.Contains(t, problems, test.problem)
		})
	}
}

// What rollbackd would reject is refused before it is published, with the code that it would have.
func TestEmitPublishesNothingThatWouldBeRejected(t *testing.T) {
	s := &stack{env: map[string]string{"ROLLBACKD_NATS": "nats://127.0.0.1:1"}}
	for _, test := range []struct {
		name, stdin, problem string
		args                 []string
	}{
		{"no version", "", `missing-field: field "version": is required`, emitting()},
		{"no namespace", "", `missing-field: field "namespace": is required`, []string{"emit", "--version", "v1", "--env", "production"}},
		{"bad strategy", "", `invalid-value: field "strategy": "yolo" is not known`, emitting("--version", "v1", "--strategy", "yolo")},
		{"bad document", `{"version":1}`, `missing-field: field "environment": is required`, []string{"emit", "-f", "-"}},
		{"large document", minimal + strings.Repeat(" ", event.MaxPayload), "too-large: the document has 65537 bytes, more than 65536", []string{"emit", "-f", "-"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.stdin = test.stdin
			code, out, problems := s.run(t, test.args...)
			require.Equal(t, exitRefused, code, problems)
			require.Empty(t, out)
			require.Contains(t, problems, "nothing was published, as the event would be rejected: "+test.problem)
		})
	}
	s.stdin = `{"version":1}`
	code, out, _ := s.run(t, "emit", "-f", "-", "-o", "json")
	require.Equal(t, exitRefused, code)
	require.JSONEq(t, `{"rejection":{"code":"missing-field","field":"environment","reason":"is required","fix":"name the environment, as in the subject"}}`, out)
}

func TestEmitDoesNotShowThePassword(t *testing.T) {
	s := &stack{env: map[string]string{"ROLLBACKD_NATS": "nats://ci:hunter2@127.0.0.1:1", "ROLLBACKD_NATS_PASSWORD": "hunter2"}}
	_, help, _ := s.run(t, "emit", "--help")
	require.NotContains(t, help, "hunter2")
	code, _, problems := s.run(t, emitting("--version", "v1")...)
	require.Equal(t, exitUsage, code)
	require.NotContains(t, problems, "hunter2")
}

func TestEmitIsRefused(t *testing.T) {
	s := startStack(t)
	code, out, problems := s.run(t, "emit", "--env", "production", "--namespace", "other", "--workload", "a", "--version", "v1")
	require.Equal(t, exitRefused, code, problems)
	require.Empty(t, out)
	require.Contains(t, problems, `Permissions Violation for Publish to "deployments.production.other.a"`)

	code, _, problems = s.run(t, "emit", "--env", "production", "--namespace", "other", "--workload", "a", "--version", "v1",
		"--wait", "1s")
	require.Equal(t, exitRefused, code, problems)
	require.Contains(t, problems, `Permissions Violation for Publish to "deployments.production.other.a"`)

	s.env["ROLLBACKD_NATS_USER"] = "nobody"
	code, _, problems = s.run(t, emitting("--version", "v1")...)
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "refuses the credentials")
}

func TestEmitToAServerWithoutADaemon(t *testing.T) {
	s := startServer(t)
	code, _, problems := s.run(t, emitting("--version", "v1")...)
	require.Equal(t, exitRefused, code, problems)
	require.Contains(t, problems, "no stream takes deployments.production.shop.checkout: is rollbackd running?")
}

func TestEmitToAFullStream(t *testing.T) {
	s := startServer(t)
	nc, err := s.server.Connect()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: bus.DeploymentsStream, Subjects: []string{"deployments.>"}, MaxMsgSize: 10,
	})
	require.NoError(t, err)
	code, _, problems := s.run(t, emitting("--version", "v1")...)
	require.Equal(t, exitRefused, code, problems)
	require.Contains(t, problems, "the stream refuses the event")
}

func TestEmitWaitsForARejection(t *testing.T) {
	s := startStack(t)
	code, out, problems := s.run(t, emitting("--version", "v1", "--wait", "50ms")...)
	require.Equal(t, exitDone, code, problems)
	require.Equal(t, "stored on deployments.production.shop.checkout as DEPLOYMENTS 1\n", out)

	s.reject(t)
	code, out, problems = s.run(t, emitting("--version", "v2", "--wait", "20s")...)
	require.Equal(t, exitRefused, code, problems)
	require.Equal(t, "stored on deployments.production.shop.checkout as DEPLOYMENTS 2\n", out)
	require.Equal(t, "rollbackctl: rejected by rollbackd main: stale: field \"timestamp\": is too old; hurry up\n", problems)

	code, out, problems = s.run(t, emitting("--version", "v3", "--wait", "20s", "-o", "json")...)
	require.Equal(t, exitRefused, code, problems)
	var result emitted
	require.NoError(t, json.Unmarshal([]byte(out), &result))
	require.EqualValues(t, 3, result.Sequence)
	require.Equal(t, event.CodeStale, result.Rejection.Code)
	require.EqualValues(t, 3, result.Rejection.StreamSeq)
}

func TestEmitWithoutAnswerEnds(t *testing.T) {
	s := startStack(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code := run(ctx, emitting("--version", "v1"), surroundings{
		out: &bytes.Buffer{}, err: &bytes.Buffer{}, env: func(name string) string { return s.env[name] },
	})
	require.Equal(t, exitUsage, code)

	p := &publisher{connection: connection{url: "nats://host", timeout: time.Second}, complaint: t.Context()}
	err := p.explain(fmt.Errorf("publish: %w", context.DeadlineExceeded))
	require.ErrorContains(t, err, "no answer from nats://host within 1s; the event may have been stored")
	_, refused := errors.AsType[refusal](err)
	require.False(t, refused)
}

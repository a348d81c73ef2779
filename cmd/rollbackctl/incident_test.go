package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// reading has a supervisor on the stack's own ledger and journals answer what people ask to read.
func reading(t *testing.T, s *stack) {
	t.Helper()
	supervisor := watch.New(watch.Options{Instance: "main", Ledger: s.bus.Ledger(), Annex: s.bus.Journal(), Journal: journalOf{s},
		Metrics: watch.NewMetrics(prometheus.NewRegistry()), Log: zap.NewNop()})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.bus.Control(ctx, supervisor.Ask) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	s.env["ROLLBACKD_ENV"] = "production"
	require.Eventually(t, func() bool {
		code, _, _ := s.run(t, "list", "shop")
		return code == exitDone
	}, 30*time.Second, 10*time.Millisecond)
}

// journalOf is the stack's journal; its errors are not told apart.
type journalOf struct{ *stack }

func (j journalOf) Append(ctx context.Context, key, id string, data []byte, last uint64) (uint64, error) {
	return j.bus.Journal().Append(ctx, key, id, data, last)
}

func (j journalOf) Read(ctx context.Context, key string, fn func(seq uint64, data []byte) error) error {
	return j.bus.Journal().Read(ctx, key, fn)
}

// keyOf is the key of a watch in production whose hash has one digit alone.
func keyOf(namespace, digit string) string {
	return "production." + namespace + "." + strings.Repeat(digit, 64)
}

// keep stores a journal as that of a watch of shop, or of another namespace, and its digest; it returns the entries as they are read back.
func keep(t *testing.T, s *stack, name, namespace, id string, annex ...incident.Entry) []incident.Entry {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../internal/incident/testdata", name+".jsonl"))
	require.NoError(t, err)
	key := keyOf(namespace, id)
	var entries []incident.Entry
	var last uint64
	for line := range bytes.Lines(text) {
		var e incident.Entry
		require.NoError(t, json.Unmarshal(line, &e))
		e.Watch, e.Seq = key, 0
		if e.Accepted != nil {
			e.Accepted.Subject = "deployments.production." + namespace + ".checkout"
		}
		data, err := json.Marshal(e)
		require.NoError(t, err)
		last, err = s.bus.Journal().Append(t.Context(), key, fmt.Sprint(len(entries)), data, last)
		require.NoError(t, err)
		e.Seq = last
		entries = append(entries, e)
	}
	for _, e := range annex {
		data, err := json.Marshal(e)
		require.NoError(t, err)
		require.NoError(t, s.bus.Journal().Note(t.Context(), key, e.ID, data))
		last++
		e.Seq = last
		entries = append(entries, e)
	}
	d := incident.DigestOf(entries)
	class := "watch."
	if d.Incident != "" {
		class = "incident."
	}
	require.NoError(t, s.bus.Ledger().Put(t.Context(), class+key, func([]byte) []byte { return d.Line() }))
	return entries
}

func TestIncidents(t *testing.T) {
	s := startStack(t)
	reading(t, s)
	keep(t, s, "restored", "shop", "a")
	keep(t, s, "hostile", "shop", "b")
	keep(t, s, "superseded", "shop", "c")

	code, out, problems := s.run(t, "incidents", "--namespace", "shop", "--since", "0")
	require.Zero(t, code, problems)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Regexp(t, `^DEPLOYED +WORKLOAD +VERSION +STATE +BROKE +REVIEW +INCIDENT$`, lines[0])
	require.Contains(t, out, "2026-11-22 10:00:01  shop/checkout  v1.2.3")
	require.Contains(t, out, "errors 34.44 % (limit 0.60 %)")
	require.NotContains(t, out, "\x1b")

	code, out, problems = s.run(t, "incidents", "--namespace", "shop", "--since", "0", "-o", "ndjson", "--all")
	require.Zero(t, code, problems)
	all := strings.Count(out, "\n")
	require.Equal(t, 3, all)
	code, out, problems = s.run(t, "incidents", "--namespace", "shop", "--since", "0", "-o", "json", "--open")
	require.Zero(t, code, problems)
	require.JSONEq(t, "[]", out, "an empty list is a list")
	code, out, problems = s.run(t, "incidents", "--namespace", "shop", "--since", "2027-01-01")
	require.Zero(t, code, problems)
	require.Equal(t, "no incident\n", out)
	code, _, problems = s.run(t, "incidents", "--namespace", "shop", "--since", "yesterday")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, `--since "yesterday" is neither a span of time`)
}

// The folder that is written is that of the daemon, whether it is made from its answer or from a journal's file.
func TestIncident(t *testing.T) {
	s := startStack(t)
	reading(t, s)
	entries := keep(t, s, "restored", "shop", "a")
	for _, id := range []string{"incident-20261122T100653Z", keyOf("shop", "a"), "deploy-20261122T100000Z-checkout"} {
		code, out, problems := s.run(t, "incident", id, "--namespace", "shop")
		require.Zero(t, code, problems)
		require.Equal(t, string(incident.Timeline(entries)), out)
	}
	code, out, problems := s.run(t, "incident", keyOf("shop", "a"), "-o", "json")
	require.Zero(t, code, problems)
	require.Equal(t, string(incident.JSON(entries)), out)

	asked, again := filepath.Join(t.TempDir(), "new", "folder"), t.TempDir()
	code, out, problems = s.run(t, "incident", keyOf("shop", "a"), "--out", asked)
	require.Zero(t, code, problems)
	require.Contains(t, out, filepath.Join(asked, "timeline.md")+"\n")
	code, _, problems = s.run(t, "incident", "--journal", filepath.Join(asked, "journal.jsonl"), "--out", again)
	require.Zero(t, code, problems)
	for _, f := range incident.Files(entries) {
		for _, dir := range []string{asked, again} {
			body, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.Name)))
			require.NoError(t, err)
			require.Equal(t, string(f.Body), string(body), f.Name)
		}
	}
	require.NoError(t, s.bus.Ledger().Put(t.Context(), "incident."+keyOf("shop", "a"), func([]byte) []byte { return []byte("{}") }))
	code, out, problems = s.run(t, "incident", keyOf("shop", "a"))
	require.Zero(t, code, problems)
	require.Equal(t, string(incident.Timeline(entries)), out, "the journal is there without the ledger")
	code, _, problems = s.run(t, "incident", keyOf("shop", "0"))
	require.Equal(t, exitRefused, code)
	require.Contains(t, problems, `there is no watch "`+keyOf("shop", "0"))
	code, _, problems = s.run(t, "incident", "no-such", "--namespace", "shop")
	require.Equal(t, exitRefused, code)
	require.Contains(t, problems, `has the ID "no-such"`)
	code, _, problems = s.run(t, "incident")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "give the ID of an incident, or --journal")
}

// Whoever may control a namespace says that its reviews are done, under the own name.
func TestPostmortem(t *testing.T) {
	s := startStack(t)
	reading(t, s)
	due := time.Date(2026, 11, 24, 10, 9, 33, 0, time.UTC)
	keep(t, s, "restored", "shop", "a", incident.Entry{ID: "postmortem", Actor: "rollbackd/main", Kind: incident.KindPostmortem, Postmortem: &incident.Postmortem{Number: 7, Due: due}})
	keep(t, s, "hostile", "shop", "b")
	keep(t, s, "restored", "billing", "c", incident.Entry{ID: "postmortem", Kind: incident.KindPostmortem, Postmortem: &incident.Postmortem{Number: 8, Due: due}})

	code, out, problems := s.run(t, "postmortem", "list", "--namespace", "shop", "--open")
	require.Zero(t, code, problems)
	lines := strings.Split(out, "\n")
	require.Regexp(t, `^REVIEW +STATUS +DUE +WORKLOAD +VERSION +INCIDENT +LINK$`, lines[0])
	require.Regexp(t, `^DEC-INCIDENT-0007 +(open|overdue) +2026-11-24 10:09:33 +shop/checkout +v1.2.3 +incident-20261122T100653Z +-$`, lines[1])
	require.Len(t, lines, 3)

	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitUsage, "where can it be read?", []string{"DEC-INCIDENT-0007"}},
		{exitUsage, "cannot be opened", []string{"DEC-INCIDENT-0007", "--link", "javascript:alert(1)"}},
		{exitRefused, `has the ID "DEC-INCIDENT-0008"`, []string{"DEC-INCIDENT-0008", "--namespace", "shop", "--link", "https://wiki/8"}},
		{exitRefused, "the server refuses", []string{"DEC-INCIDENT-0008", "--namespace", "billing", "--link", "https://wiki/8"}},
		{exitRefused, "has no postmortem", []string{keyOf("shop", "b"), "--link", "https://wiki/8"}},
	} {
		code, _, problems = s.run(t, append([]string{"postmortem", "done"}, c.args...)...)
		require.Equal(t, c.code, code, problems)
		require.Contains(t, problems, c.says)
	}
	code, out, problems = s.run(t, "postmortem", "done", "DEC-INCIDENT-0007", "--namespace", "shop", "--link", "https://wiki/7")
	require.Zero(t, code, problems)
	require.Equal(t, "DEC-INCIDENT-0007 is done\nwatch "+keyOf("shop", "a")+"\n", out)
	code, out, problems = s.run(t, "postmortem", "list", "--namespace", "shop")
	require.Zero(t, code, problems)
	require.Regexp(t, `DEC-INCIDENT-0007 +done by ci .* https://wiki/7\n`, out)
	code, out, problems = s.run(t, "postmortem", "list", "--namespace", "shop", "--open", "-o", "json")
	require.Zero(t, code, problems)
	require.JSONEq(t, "[]", out)
}

// A record that was cut short is a true part of it; one that is damaged in the middle is none.
func TestJournalThatWasCutShort(t *testing.T) {
	s := &stack{env: map[string]string{}}
	text, err := os.ReadFile("../../internal/incident/testdata/restored.jsonl")
	require.NoError(t, err)
	lines := bytes.SplitAfter(text, []byte("\n"))
	s.stdin = string(bytes.Join(lines[:5], nil)) + string(lines[5][:20])
	code, out, problems := s.run(t, "incident", "--journal", "-")
	require.Zero(t, code, problems)
	require.Contains(t, problems, "the last line is cut off and is left out: -, line 6")
	require.Contains(t, out, "# Incident Timeline")
	s.stdin += "\n" + string(lines[6])
	code, _, problems = s.run(t, "incident", "--journal", "-")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "-, line 6 is no entry of a journal")
}

// Whoever may control shop reads no incident of billing, by whatever name.
func TestNobodyReadsAnothersIncidents(t *testing.T) {
	s := startStack(t)
	reading(t, s)
	keep(t, s, "restored", "billing", "a")
	for _, args := range [][]string{
		{"incidents", "--namespace", "billing"}, {"incidents"}, {"incident", "production.billing.a"},
		{"incident", "incident-20261122T100653Z"}, {"incident", "incident-20261122T100653Z", "--namespace", "billing"},
	} {
		code, out, problems := s.run(t, args...)
		require.Equal(t, exitRefused, code, args)
		require.Contains(t, problems, "the server refuses")
		require.Empty(t, out)
	}
	code, out, problems := s.run(t, "incidents", "--namespace", "shop", "--since", "0", "-o", "json")
	require.Zero(t, code, problems)
	require.JSONEq(t, "[]", out)
}

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// elsewhere is a policy for another team's namespace.
const elsewhere = `
- name: lax
  mode: observe
  match: [{namespace: another-team}]
  signals:
  - name: error-rate
    requests: http_requests_total
    errors: http_requests_total{code=~"5.."}
`

// TestRefusals: whatever cannot be watched is refused where its publisher can read it, in the log and in a counter,
// and the daemon goes on as if nothing had happened.
func TestRefusals(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.Policies, s.Others = elsewhere, []string{"another-team"} })
	s := unserved(t, w)
	next := rejections(t, d, s)
	subject := s.announcement(d, "", "v2").Target().Subject()
	first := s.announcement(d, "taken", "v2")
	publishEvent(t, d, first)
	d.await("taken", 30*time.Second, "known", func(watch.View) bool { return true })

	counts := map[event.Code]int{}
	for _, c := range []struct {
		name   string
		change func(*event.Event)
		code   event.Code
		field  string
		// says is what the reason or its fix must hold.
		says string
	}{
		{"future-dated", func(e *event.Event) { e.Timestamp = e.Timestamp.Add(time.Hour) }, event.CodeFuture, "timestamp", "in the future"},
		{"id taken", func(e *event.Event) { *e = first; e.Version = "v3" }, event.CodeConflict, "id", "accepted earlier"},
		{"canary of itself", func(e *event.Event) { e.Strategy, e.Canary = event.StrategyCanary, e.Workload }, event.CodeInvalid, "canary", "canary"},
		{"a step beyond all", func(e *event.Event) { e.Strategy, e.Canary, e.Step = event.StrategyCanary, "x", 101 }, event.CodeInvalid, "step", "101"},
		{"unknown strategy", func(e *event.Event) { e.Strategy = "big-bang" }, event.CodeInvalid, "strategy", "big-bang"},
		{"unknown status", func(e *event.Event) { e.Status = "perhaps" }, event.CodeInvalid, "status", "perhaps"},
		{"policy of another team", func(e *event.Event) { e.Policy = "lax" }, event.CodeUnauthorised, "policy", "lax"},
		{"policy that is not there", func(e *event.Event) { e.Policy = "none" }, event.CodeUnauthorised, "policy", "none"},
		{"control characters in version", func(e *event.Event) { e.Version = "v2\x1b[2J\r\nERROR" }, event.CodeInvalid, "version", `\x1b`},
		{"control characters in id", func(e *event.Event) { e.ID = "a\x00b" }, event.CodeInvalid, "id", `\x00`},
		{"text that runs backwards", func(e *event.Event) { e.Operator = "ana\u202enimda" }, event.CodeInvalid, "operator", `\u202e`},
		{"a path for a service", func(e *event.Event) { e.Service = "../../etc/passwd" }, event.CodeInvalid, "service", "../../etc/passwd"},
		{"too many approvals", func(e *event.Event) { e.Approvals = strings.Split(strings.Repeat("a,", 100), ",") }, event.CodeInvalid, "approvals", "approvals"},
		{"oversized", func(e *event.Event) { e.Verification = strings.Repeat("x", 64<<10) }, event.CodeTooLarge, "", "65536"},
	} {
		e := s.announcement(d, "refused "+c.name, "v2")
		c.change(&e)
		seq := publishEvent(t, d, e)
		n := next()
		require.Equal(t, c.code, n.Code, "%s: %+v", c.name, n)
		require.Equal(t, c.field, n.Field, c.name)
		require.Equal(t, seq, n.StreamSeq, c.name)
		require.Equal(t, subject, n.Subject, c.name)
		require.Contains(t, n.Error()+n.Value, c.says, c.name)
		require.NotEmpty(t, n.Fix, c.name)
		require.Less(t, len(n.Error()), 600, "%s: the reason", c.name)
		counts[c.code]++
	}

	require.Len(t, d.watches(), 1, "nothing but the first event is watched")
	requireRefusalsOnRecord(t, d, counts)
	requireOnlyOwnFiles(t, d)
}

// requireRefusalsOnRecord checks the counter and the log, which must show every refusal and no raw control character.
func requireRefusalsOnRecord(t *testing.T, d *daemon, counts map[event.Code]int) {
	t.Helper()
	for code, n := range counts {
		d.awaitRejected(code, n)
	}
	log := d.logged()
	for code, n := range counts {
		lines := 0
		for line := range strings.Lines(log) {
			if strings.Contains(line, "rejected an event") && strings.Contains(line, fmt.Sprintf("%q:%q", "code", code)) {
				lines++
			}
		}
		require.Equal(t, n, lines, "lines of the log about %s", code)
	}
	require.NotContains(t, log, "\x1b")
	require.NotContains(t, log, "\u202e")
}

// requireOnlyOwnFiles checks that the daemon wrote where it should and nowhere else.
func requireOnlyOwnFiles(t *testing.T, d *daemon) {
	t.Helper()
	err := filepath.WalkDir(d.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil // NATS and the daemon replace files while we look
			}
			return err
		}
		name, err := filepath.Rel(d.Dir, path)
		require.NoError(t, err)
		if name == "nats" && entry.IsDir() {
			return fs.SkipDir
		}
		known := name == "." || name == "daemon.log" || name == "password" || name == "kubeconfig" || name == "rollbackd.yaml"
		for _, folder := range []string{"logs", "artifacts"} {
			known = known || name == folder || strings.HasPrefix(name, folder+string(filepath.Separator))
		}
		require.True(t, known, "the daemon wrote %s", name)
		require.Regexp(t, `^[A-Za-z0-9._-]+$`, entry.Name(), "a name that is safe everywhere")
		return nil
	})
	require.NoError(t, err)
}

// TestHostileValuesAreHarmless: markup and paths are valid text, and appear as text: in no file name, and in no page
// as markup.
func TestHostileValuesAreHarmless(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.SettleFor = 2 * time.Second })
	s := unserved(t, w)
	s.Name = "absent"
	for i, text := range []string{"../../../../tmp/escaped", "/etc/passwd", `<script>alert(1)</script>`, "](javascript:alert(1))", "..", "$(touch /tmp/escaped)", `a\..\b`} {
		e := s.announcement(d, fmt.Sprintf("%s#%d", text, i), text)
		e.Verification, e.Commit, e.Operator, e.PreviousVersion = text, text, text, text
		publishEvent(t, d, e)
		v := d.await(e.ID, 30*time.Second, "known", func(watch.View) bool { return true })
		require.Equal(t, text, v.Version, "shown as it was published")
	}
	eventually(t, 30*time.Second, func() (bool, string) {
		logs, err := filepath.Glob(filepath.Join(d.Dir, "logs", "deployments", "deploy_*.json"))
		return err == nil && len(logs) == 7, fmt.Sprintf("the deployment logs are %v", logs)
	})
	_, body, err := d.get("/api/v1/watches")
	require.NoError(t, err)
	require.NotContains(t, body, "<script>")
	require.NoFileExists(t, "/tmp/escaped")
	requireOnlyOwnFiles(t, d)
}

// TestStaleEventIsRecorded: an event from before the longest watch is on record, with the reason, and is not watched.
func TestStaleEventIsRecorded(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := unserved(t, w)
	e := s.announcement(d, "stale", "v2")
	e.Timestamp = e.Timestamp.Add(-48 * time.Hour)
	publishEvent(t, d, e)

	v := d.awaitState("stale", 30*time.Second, watch.Inconclusive)
	require.Contains(t, v.Reason, "not watched")
	require.Contains(t, v.Reason, "ago")
	requireDeployLogSays(t, d, "ago")
}

// TestSecondEventOfAPairIsTheSameWatch: announced as started and again as complete, or as failed, it is one watch.
func TestSecondEventOfAPairIsTheSameWatch(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := unserved(t, w)
	next := rejections(t, d, s)
	for _, second := range []event.Status{event.StatusSuccess, event.StatusFailed} {
		e := s.announcement(d, "pair-"+string(second), "v2")
		e.Status = event.StatusStarted
		publishEvent(t, d, e)
		first := d.await(e.ID, 30*time.Second, "known", func(watch.View) bool { return true })
		e.Status, e.Verification, e.Timestamp = second, "logs/ci/smoke.log", e.Timestamp.Add(time.Second)
		publishEvent(t, d, e)
		// An event that is refused after it shows that it was handled.
		e.Version = "v3"
		publishEvent(t, d, e)
		require.Equal(t, event.CodeConflict, next().Code)
		v := d.await(e.ID, 10*time.Second, "known", func(watch.View) bool { return true })
		require.Equal(t, first.ID, v.ID)
		require.Equal(t, first.AcceptedAt, v.AcceptedAt)
		eventually(t, 30*time.Second, func() (bool, string) {
			return deployLogsHold(t, d, `"status": "`+string(second)+`"`), "no record of the second event"
		})
	}
	require.Len(t, d.watches(), 2, "one for each pair")
}

func deployLogsHold(t *testing.T, d *daemon, text string) bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(d.Dir, "logs", "deployments", "deploy_*.json"))
	require.NoError(t, err)
	for _, path := range paths {
		if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), text) {
			return true
		}
	}
	return false
}

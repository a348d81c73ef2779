package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestBadReleaseIsRolledBackOnce: the main job. A version that fails a third of its requests is undone, once, the
// service recovers, and the incident is on record.
func TestBadReleaseIsRolledBackOnce(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := newService(t, w)

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "bad", "v2")
	v := d.awaitState("bad", 90*time.Second, watch.RolledBack)

	require.Equal(t, "v1", v.Target)
	s.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
	requireTimelineOf(t, d, v, "Error rate spike detected")
	requireLogs(t, d, "v2", "RolledBack")
}

// TestPlainlyBadReleaseIsNotLeftForFiveMinutes: on enough evidence a release is rolled back long before the runbook's rule
// would be held long enough, and the record says what it was worth.
func TestPlainlyBadReleaseIsNotLeftForFiveMinutes(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.For, s.Active = 5*time.Minute, 10*time.Minute })
	s := newService(t, w)

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "plain", "v2")
	v := d.awaitState("plain", 90*time.Second, watch.RolledBack)

	s.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
	eventually(t, 30*time.Second, func() (bool, string) {
		text, err := os.ReadFile(filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "timeline.md"))
		if err != nil {
			return false, err.Error()
		}
		return strings.Contains(string(text), "- Evidence of this signal alone: over a million against ") &&
			strings.Contains(string(text), "on this evidence about 12s suffice"), string(text)
	})
}

// requireTimelineOf checks the runbook's form; what the evidence below it says is the golden tests' business.
func requireTimelineOf(t *testing.T, d *daemon, v watch.View, broke string) {
	t.Helper()
	path := filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "timeline.md")
	stamp := `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
	form := regexp.MustCompile(`^# Incident Timeline: Deployment Rollback

\*\*Version:\*\* v2
\*\*Deployed:\*\* ` + stamp + `
\*\*Rolled Back:\*\* ` + stamp + `

## Timeline
- ` + stamp + ` - Deployment completed
- ` + stamp + ` - ` + broke + `
- ` + stamp + ` - Rollback initiated
- ` + stamp + ` - Service restored
`)
	eventually(t, 30*time.Second, func() (bool, string) {
		text, err := os.ReadFile(path)
		if err != nil {
			return false, err.Error()
		}
		return form.Match(text), "the timeline is not (yet) as it should be:\n" + string(text)
	})
	requireFolder(t, path)
}

// requireFolder checks that what the timeline links to is there, and that a chart shows both versions.
func requireFolder(t *testing.T, timeline string) {
	t.Helper()
	text, err := os.ReadFile(timeline)
	require.NoError(t, err)
	links := regexp.MustCompile(`\]\(([a-z][a-zA-Z0-9./-]+)\)`).FindAllStringSubmatch(string(text), -1)
	require.GreaterOrEqual(t, len(links), 5)
	for _, link := range links {
		require.FileExists(t, filepath.Join(filepath.Dir(timeline), filepath.FromSlash(link[1])))
	}
	require.Contains(t, string(text), "/graph?g0.", "links to Prometheus")
	charts, err := filepath.Glob(filepath.Join(filepath.Dir(timeline), "charts", "*.svg"))
	require.NoError(t, err)
	require.NotEmpty(t, charts)
	var all []byte
	for _, name := range charts {
		picture, err := os.ReadFile(name)
		require.NoError(t, err)
		all = append(all, picture...)
	}
	require.Contains(t, string(all), `class="line release`)
	require.Contains(t, string(all), `class="line good`, "the known-good version, before the deployment or after the rollback")
}

func requireLogs(t *testing.T, d *daemon, version, result string) {
	t.Helper()
	logs := filepath.Join(d.Dir, "logs", "deployments")
	eventually(t, 30*time.Second, func() (bool, string) {
		deploys, err := filepath.Glob(filepath.Join(logs, "deploy_*.json"))
		if err != nil || len(deploys) != 1 {
			return false, "there is not one deployment log"
		}
		text, err := os.ReadFile(deploys[0])
		return err == nil && regexp.MustCompile(`"result": "`+result+`"`).Match(text), string(text)
	})
	eventually(t, 30*time.Second, func() (bool, string) { // it is the last of what is written of a watch
		text, err := os.ReadFile(filepath.Join(logs, "rollback_"+version+".log"))
		return err == nil && regexp.MustCompile(`^Rollback executed at .*Z.*checkout`).Match(text), fmt.Sprintf("the log of rollbacks says %q (%v)", text, err)
	})
}

// requireDeployLogSays reads the file that people find the deployment in.
func requireDeployLogSays(t *testing.T, d *daemon, text string) {
	t.Helper()
	var log struct{ ResultReason, Query string }
	eventually(t, 30*time.Second, func() (bool, string) {
		paths, err := filepath.Glob(filepath.Join(d.Dir, "logs", "deployments", "deploy_*.json"))
		if err != nil || len(paths) != 1 {
			return false, "there is not one deployment log"
		}
		found, err := os.ReadFile(paths[0])
		if err != nil || json.Unmarshal(found, &log) != nil {
			return false, "the deployment log cannot be read"
		}
		return strings.Contains(log.ResultReason, text) || strings.Contains(log.Query, text), "the deployment log does not say " + text + ":\n" + string(found)
	})
}

// TestGoodReleaseIsLeftAlone: watched to its end and never touched.
func TestGoodReleaseIsLeftAlone(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, toItsEnd)
	s := newService(t, w)

	s.deploy("v2", sampleapp.Behaviour{})
	s.announce(d, "good", "v2")
	d.awaitState("good", 90*time.Second, watch.Healthy)

	s.requireLive("v2")
	require.Empty(t, s.rollbacks())
}

// TestObserveModeOnlyRecords: the default mode proves the release bad, says so and does nothing.
func TestObserveModeOnlyRecords(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.Mode = "observe" })
	s := newService(t, w)

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "observed", "v2")
	v := d.awaitState("observed", 90*time.Second, watch.Held)

	require.NotEmpty(t, v.Incident)
	s.requireLive("v2")
	require.Empty(t, s.rollbacks())
}

package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/promclient"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// strategy is how a case's service is deployed, and rolled back.
type strategy string

const (
	undo      strategy = "undo"
	blueGreen strategy = "blue-green"
)

func strategies() []strategy { return []strategy{undo, blueGreen} }

// app is the service of a case.
type app struct {
	sampleapp.BlueGreen
	t        *testing.T
	w        *world
	strategy strategy
}

// namespaceOf names a test's own namespace.
func namespaceOf(t *testing.T) string {
	h := fnv.New32a()
	h.Write([]byte(t.Name()))
	return fmt.Sprintf("chaos-%x", h.Sum32())
}

// newApp deploys v1, in both colours if it has two, and waits until it has served long enough to be a baseline.
func newApp(t *testing.T, w *world, s strategy) *app {
	t.Helper()
	a := createApp(t, w, s, "checkout", 3, 60)
	a.awaitServed(14 * time.Second)
	a.awaitScraped(200)
	return a
}

func createApp(t *testing.T, w *world, s strategy, name string, replicas int32, rps int) *app {
	t.Helper()
	a := &app{t: t, w: w, strategy: s}
	a.App = sampleapp.App{Client: w.client, Namespace: namespaceOf(t), Name: name, Replicas: replicas, RPS: rps}
	create, remove := a.App.Create, a.App.Delete
	if s == blueGreen {
		create, remove = a.BlueGreen.Create, a.BlueGreen.Delete
	}
	require.NoError(t, create(t.Context(), "v1", sampleapp.Behaviour{}))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := remove(ctx); err != nil {
			t.Error(err)
		}
	})
	return a
}

// awaitServed waits until the version has served for so long.
func (a *app) awaitServed(least time.Duration) {
	a.t.Helper()
	eventually(a.t, least+time.Minute, func() (bool, string) {
		pods, err := a.w.stack.Pods(a.t.Context(), a.Namespace)
		if err != nil {
			return false, err.Error()
		}
		for _, p := range pods {
			if p.App == a.Name && p.Requests > 0 && time.Since(p.CreatedAt) >= least {
				return true, ""
			}
		}
		return false, "no pod has served for long enough"
	})
}

// awaitScraped waits until Prometheus has counted more than so many requests, which it does late on a busy machine or not at all: nothing is
// counted over a gap of more than 2.5 scrapes. Of sixteen scrapes of which nine succeeded at least five follow their predecessors closely enough.
func (a *app) awaitScraped(requests int) {
	a.t.Helper()
	prometheus, err := promclient.New(a.w.stack.Prometheus, &http.Client{})
	require.NoError(a.t, err)
	counter := fmt.Sprintf("http_requests_total{namespace=%q,app=%q}", a.Namespace, a.Name)
	query := fmt.Sprintf("sum(max_over_time(%[1]s[2m]) - min_over_time(%[1]s[2m])) > %[2]d and "+
		"count(max by (pod) (count_over_time(%[1]s[16s])) >= 9) >= %[3]d", counter, requests, a.Replicas)
	eventually(a.t, time.Minute, func() (bool, string) {
		value, _, _, err := prometheus.Query(a.t.Context(), query, time.Now())
		found, ok := value.(model.Vector)
		return err == nil && ok && len(found) > 0, fmt.Sprint("too little is scraped of ", a.Name, " ", err)
	})
}

// side is the Deployment that is judged.
func (a *app) side() sampleapp.App {
	if a.strategy == blueGreen {
		return a.Side(sampleapp.Green)
	}
	return a.App
}

// deploy brings a version into service.
func (a *app) deploy(version string, b sampleapp.Behaviour) {
	a.t.Helper()
	require.NoError(a.t, a.side().Deploy(a.t.Context(), version, b))
	if a.strategy == blueGreen {
		require.NoError(a.t, a.side().AwaitRollout(a.t.Context()))
		require.NoError(a.t, a.Switch(a.t.Context(), sampleapp.Green))
	}
}

func (a *app) deployBad() { a.deploy("v2", sampleapp.FailingThird()) }

// redeploy takes the version back by hand and brings the same one into service again.
func (a *app) redeploy() {
	a.t.Helper()
	if a.strategy == blueGreen {
		require.NoError(a.t, a.Switch(a.t.Context(), sampleapp.Blue))
		require.NoError(a.t, a.Switch(a.t.Context(), sampleapp.Green))
		return
	}
	a.deploy("v1", sampleapp.Behaviour{})
	require.NoError(a.t, a.AwaitRollout(a.t.Context()))
	a.deployBad()
	require.NoError(a.t, a.AwaitRollout(a.t.Context()))
}

// restart is kubectl rollout restart.
func (a *app) restart() {
	a.t.Helper()
	patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339))
	_, err := a.Client.AppsV1().Deployments(a.Namespace).Patch(a.t.Context(), a.side().Workload(), types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(a.t, err)
	require.NoError(a.t, a.side().AwaitRollout(a.t.Context()))
}

func (a *app) event(id, version string) event.Event {
	e := event.Event{
		ID: id, Timestamp: time.Now().UTC(), Environment: "production", Namespace: a.Namespace, Workload: a.side().Workload(),
		Version: version, Operator: "pipeline", Status: event.StatusSuccess,
	}
	if a.strategy == blueGreen {
		e.Strategy, e.Service, e.SelectorKey = event.StrategyBlueGreen, a.Name, sampleapp.ColourLabel
		e.From, e.To = sampleapp.Blue, sampleapp.Green
	}
	return e
}

// restored reports whether the known-good version has the traffic.
func (a *app) restored() bool {
	a.t.Helper()
	if a.strategy == blueGreen {
		colour, err := a.LiveColour(a.t.Context())
		require.NoError(a.t, err)
		return colour == sampleapp.Blue
	}
	version, err := a.LiveVersion(a.t.Context())
	require.NoError(a.t, err)
	return version == "v1"
}

// patches are the changes by rollbackd that the API server accepted.
func (a *app) patches() []localstack.AuditEvent {
	a.t.Helper()
	q := localstack.AuditQuery{Verb: "patch", Resource: "deployments", Namespace: a.Namespace, Name: a.Name, User: "rollbackd"}
	if a.strategy == blueGreen {
		q.Resource = "services"
	}
	events, err := a.w.stack.Audit(a.t.Context(), q)
	require.NoError(a.t, err)
	var landed []localstack.AuditEvent
	for _, e := range events {
		if e.Code < 300 && !strings.Contains(e.URI, "dryRun=") && !e.OnlyAnnotates() { // a preview changes nothing, and a mark nothing that runs
			landed = append(landed, e)
		}
	}
	return landed
}

// told is what the record of an incident says of the rollback.
type told struct {
	// outcome is the newest one, intents are all that were had, in their order, and landed are those that were carried out.
	outcome         rollback.Result
	intents, landed []string
}

// requireRecord checks that the files of an incident are there and tell a possible story, and returns what they tell.
func (a *app) requireRecord(d *daemon, v watch.View) told {
	a.t.Helper()
	dir := filepath.Join(d.Files, "artifacts", "integration", v.Incident)
	var entries []incident.Entry
	eventually(a.t, time.Minute, func() (bool, string) {
		var err error
		entries, err = readJournal(filepath.Join(dir, "journal.jsonl"))
		if err != nil || len(entries) == 0 {
			return false, fmt.Sprint("there is no record: ", err)
		}
		return newestState(entries) == v.State, "the record does not end as the watch does"
	})
	state, record := watch.Pending, told{}
	for _, e := range entries {
		switch e.Kind {
		case incident.KindState:
			next := watch.State(e.State.To)
			require.True(a.t, e.State.From == "" || string(state) == e.State.From && state.CanBecome(next), "%s -> %s", state, next)
			state = next
		case incident.KindIntent:
			record.intents = append(record.intents, e.Intent.ID)
		case incident.KindOutcome:
			require.Contains(a.t, record.intents, e.Outcome.Intent, "an outcome of an intent that nobody had")
			record.outcome = e.Outcome.Result
			if record.outcome == rollback.Landed {
				record.landed = append(record.landed, e.Outcome.Intent)
			}
		}
	}
	eventually(a.t, time.Minute, func() (bool, string) { // the files of a record are written one after the other
		text, err := os.ReadFile(filepath.Join(dir, "timeline.md"))
		begins := strings.HasPrefix(string(text), "# Incident Timeline: Deployment Rollback\n\n**Version:** v2\n")
		restored := v.State != watch.RolledBack || strings.Contains(string(text), " - Service restored\n")
		return begins && restored, fmt.Sprintf("the timeline does not tell the end (%v):\n%s", err, text)
	})
	return record
}

// newestState is the state that the newest change in the record led to. After the last of them comes what is seen and told of a watch that has ended.
func newestState(entries []incident.Entry) watch.State {
	for _, e := range slices.Backward(entries) {
		if e.Kind == incident.KindState {
			return watch.State(e.State.To)
		}
	}
	return ""
}

func readJournal(path string) ([]incident.Entry, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var entries []incident.Entry
	for line := range strings.Lines(string(text)) {
		var e incident.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

package watch

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	jobs "github.com/rollbackd/rollbackd/internal/job"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is everything outside of the daemon, in memory: what outlives a process, and failures on demand. It runs
// under synctest, so that minutes pass in no time.
type world struct {
	t  *testing.T
	t0 time.Time

	mu      sync.Mutex
	stored  map[string][]byte
	journal map[string][]record
	annex   map[string][]record
	seq     uint64
	names   map[string]string
	held    map[string][]byte
	ledger  map[string]entry
	// live is what the cluster runs, patches the intents whose patch changed it.
	live    rollback.Snapshot
	patches []string
	// paused and resumed are what stopped the rollout and what ended that, one for each time.
	paused, resumed []string
	// missing is what the target needs and the cluster does not have.
	missing []string
	// keeper is what is read of the owner's object, heldFor which intent holds it, letGo how often it was let go, and gitops
	// what the policy says of owners.
	keeper  rollback.Keeper
	heldFor string
	letGo   int
	gitops  rollback.GitOps
	// lag, if set, is what the cache shows instead of what is live.
	lag *rollback.Snapshot
	// samples are the signals' subjects of each query; errorsIn is what fraction of the release's requests fail, in per cent.
	samples  [][]analyzer.Subject
	errorsIn uint64
	written  map[string]Watch
	notices  []notifier.Notice
	rejected []*event.Rejection
	// marked are the marks that were written.
	marked []string
	// fail, if set, is asked about every call, one at a time, before it is carried out and after: an error is what the
	// caller gets.
	fail func(call string, done bool) error
	// sendsAreCalls has sending a notice be a call that may fail as others do.
	sendsAreCalls bool
	// edits change the options of every process, announced the text of every event.
	edits     []func(*Options)
	announced []string
	// jobs are those of the cluster by name, ended says what becomes of one once it has run for jobTakes.
	jobs   map[string]*worldJob
	ended  jobs.Status
	asking sync.Mutex
}

type record struct {
	seq  uint64
	id   string
	data []byte
}

// newWorld is a cluster in which shop/checkout v2 has just replaced v1; a fifth of its requests fail.
func newWorld(t *testing.T) *world {
	w := &world{
		t: t, t0: time.Now().UTC(), errorsIn: 20, stored: map[string][]byte{}, journal: map[string][]record{}, annex: map[string][]record{},
		names: map[string]string{}, held: map[string][]byte{}, ledger: map[string]entry{}, written: map[string]Watch{},
		jobs: map[string]*worldJob{}, ended: jobs.Status{State: jobs.Complete},
	}
	w.deploy("v2", "2")
	return w
}

// deploy has the cluster run a version.
func (w *world) deploy(version, revision string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live = clusterShows(version)
	w.live.Revision = revision
	w.live.Revisions = []rollback.Revision{revisionOf("v2", "2", w.t0), revisionOf("v1", "1", w.t0.Add(-time.Hour))}
	if version == "v2" {
		w.live.Live = &w.live.Revisions[0]
	}
}

// call runs one call of a port, unless it is to fail before or after.
func (w *world) call(ctx context.Context, name string, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.ask(name, false); err != nil {
		return err
	}
	w.mu.Lock()
	err := do()
	w.mu.Unlock()
	if late := w.ask(name, true); late != nil {
		return late
	}
	return err
}

func (w *world) ask(name string, done bool) error {
	w.asking.Lock()
	defer w.asking.Unlock()
	if w.fail == nil {
		return nil
	}
	return w.fail(name, done)
}

func (w *world) failing(fail func(call string, done bool) error) {
	w.asking.Lock()
	defer w.asking.Unlock()
	w.fail = fail
}

func (w *world) options() Options {
	policy := testPolicy()
	policy.GitOps = w.gitops
	return Options{
		Instance: "test", Environments: []string{"production"}, Policies: []Policy{policy}, Store: storeOf{w}, Journal: journalOf{w}, Annex: journalOf{w}, Ledger: ledgerOf{w}, Names: namesOf{w},
		Holds: holdsOf{w}, Cluster: clusterOf{w}, Preview: clusterOf{w}, Pause: clusterOf{w}, Owners: ownersOf{w}, Cache: cacheOf{w}, Sampler: samplerOf{w}, Records: recordsOf{w},
		Tell: tellerOf{w}, Reject: rejecterOf{w},
		Metrics: NewMetrics(prometheus.NewRegistry()), Log: zap.NewNop(),
	}
}

// process is one run of the daemon in the world.
type process struct {
	*Supervisor
	stop func()
}

// run starts a process; it ends with stop, and at the latest with the test.
func (w *world) run(edits ...func(*Options)) *process {
	w.t.Helper()
	opts := w.options()
	for _, edit := range append(slices.Clone(w.edits), edits...) {
		edit(&opts)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	p := &process{Supervisor: New(opts)}
	var running sync.WaitGroup
	p.stop = func() { cancel(); running.Wait() }
	w.t.Cleanup(p.stop)
	require.NoError(w.t, p.Load(ctx))
	running.Go(func() { _ = p.Run(ctx) })
	return p
}

// document is the event of a deployment of shop/checkout, dated now.
func (w *world) document(edits ...string) Published {
	return published(w.t0, append(slices.Clone(w.announced), edits...)...)
}

// await lets time pass until the process's only watch is in a state, and returns the watch. What follows from its end in the same moment has happened
// then: people are told after a watch shows that it has ended.
func (w *world) await(p *process, state State) Watch {
	w.t.Helper()
	var seen State
	for range 4000 {
		if all := p.Watches(); len(all) > 0 {
			if seen = all[0].State; seen == state {
				if state.Final() {
					synctest.Wait()
				}
				return all[0]
			}
			require.False(w.t, seen.Final(), "ended %s: %s", seen, all[0].Reason)
		}
		time.Sleep(250 * time.Millisecond)
	}
	w.t.Fatalf("still %s and not %s", seen, state)
	return Watch{}
}

// inBubble runs a test in a bubble of its own time.
func inBubble(t *testing.T, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t)) })
}

// published is the event of a deployment of shop/checkout v2 at a time; pairs of edits are applied to its text.
func published(at time.Time, edits ...string) Published {
	text := `{"id":"d1","timestamp":"` + at.UTC().Format(time.RFC3339) + `","environment":"production","namespace":"shop",` +
		`"workload":"checkout","version":"v2"}`
	return Published{Subject: "deployments.production.shop.checkout", Data: []byte(strings.NewReplacer(edits...).Replace(text)), Seq: 7}
}

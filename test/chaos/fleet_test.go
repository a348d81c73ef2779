package chaos

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// fate is what happens to one app of many after its release.
type fate struct {
	name string
	bad  bool
	// happens plays it; nil if nothing happens.
	happens func(a *app, r *rand.Rand)
	// rolledBack says that the release must be rolled back, and live what must be in service at the end.
	rolledBack bool
	live       string
}

func fates() []fate {
	return []fate{
		{name: "bad and left alone", bad: true, rolledBack: true, live: "v1"},
		{name: "good and left alone", live: "v2"},
		{name: "bad, and fixed by a newer version", bad: true, live: "v3", happens: func(a *app, r *rand.Rand) {
			a.within(r, 25*time.Second)
			a.deploy("v3", sampleapp.Behaviour{})
		}},
		{name: "bad, and undone by a person", bad: true, live: "v1", happens: func(a *app, r *rand.Rand) {
			a.within(r, 25*time.Second)
			a.deploy("v1", sampleapp.Behaviour{})
		}},
		{name: "bad, and restarted", bad: true, rolledBack: true, live: "v1", happens: func(a *app, r *rand.Rand) {
			a.within(r, 20*time.Second)
			patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339))
			a.patch(patch)
		}},
		{name: "bad, and scaled to and fro", bad: true, rolledBack: true, live: "v1", happens: func(a *app, r *rand.Rand) {
			for range 10 {
				a.within(r, 4*time.Second)
				a.patch(fmt.Sprintf(`{"spec":{"replicas":%d}}`, 1+r.IntN(3)))
			}
		}},
		{name: "good, and scaled to and fro", live: "v2", happens: func(a *app, r *rand.Rand) {
			for range 10 {
				a.within(r, 4*time.Second)
				a.patch(fmt.Sprintf(`{"spec":{"replicas":%d}}`, 1+r.IntN(3)))
			}
		}},
	}
}

// within lets a random time pass.
func (a *app) within(r *rand.Rand, limit time.Duration) {
	pause(a.t, time.Duration(r.Int64N(int64(limit))))
}

func (a *app) patch(patch string) {
	_, err := a.Client.AppsV1().Deployments(a.Namespace).Patch(a.t.Context(), a.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		a.t.Errorf("%s: %v", a.Name, err)
	}
}

// fleet is many apps side by side, each with a fate.
type fleet struct {
	t      *testing.T
	apps   []*app
	fates  []fate
	random *rand.Rand
	table  string
	world  *world
	began  time.Time
	// apart is how long after one release the next one follows.
	apart time.Duration
}

// ofAFleet are the settings of a daemon of many small services: one with few requests needs a longer baseline to be proven bad, and
// is left longer to gather the evidence before a person is asked.
func ofAFleet(s *settings) {
	s.MinRequests, s.Baseline, s.For, s.Alone = 15, fleetBaseline, 20*time.Second, true
}

const fleetBaseline = 45 * time.Second

func newFleet(t *testing.T, w *world, table string, size, rps int) *fleet {
	t.Helper()
	chosen := *seed
	if chosen == 0 {
		chosen = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat it with -seed %d", chosen)
	f := &fleet{t: t, table: table, world: w, random: rand.New(rand.NewPCG(chosen, 3)), apps: make([]*app, size)}
	var creating sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range f.apps {
		all := fates()
		f.fates = append(f.fates, all[i%len(all)])
		creating.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			f.apps[i] = createApp(t, w, undo, fmt.Sprintf("app-%d", i), 1, rps)
		})
	}
	creating.Wait()
	for _, a := range f.apps {
		a.awaitServed(fleetBaseline)
	}
	return f
}

// release deploys v2 of every app, announces it by one of the daemons, and lets the fates take their course; meanwhile runs
// beside them.
func (f *fleet) release(meanwhile func(*rand.Rand), daemons ...*daemon) {
	f.t.Helper()
	f.began = time.Now()
	var going sync.WaitGroup
	going.Go(func() { meanwhile(rand.New(rand.NewPCG(f.random.Uint64(), 4))) })
	for i, a := range f.apps {
		r := rand.New(rand.NewPCG(f.random.Uint64(), uint64(i)))
		good := sampleapp.Behaviour{}
		if f.fates[i].bad {
			good = sampleapp.FailingThird()
		}
		a.deploy("v2", good)
		daemons[0].publish(a.event(a.Name, "v2"))
		if happens := f.fates[i].happens; happens != nil {
			going.Go(func() { happens(a, r) })
		}
		pause(f.t, f.apart)
	}
	going.Wait()
}

// check waits for the end of every watch, which any of the daemons may tell of, and compares what came of it with the app's fate.
func (f *fleet) check(limit time.Duration, daemons ...*daemon) {
	f.t.Helper()
	deadline := time.Now().Add(limit)
	for i, a := range f.apps {
		v, over := f.ended(a.Name, deadline, daemons)
		live, err := a.LiveVersion(f.t.Context())
		if err != nil {
			f.t.Error(err)
		}
		n, fate := len(a.patches()), f.fates[i]
		r := row{
			table: f.table, what: fmt.Sprintf("app-%02d: %s", i, fate.name), bad: fate.bad, due: fate.rolledBack, patches: n, by: "-",
			state: string(v.State), took: time.Since(f.began), wrong: n > 0 && live != fate.live, lost: v.ID == "",
		}
		if n > 0 {
			r.by = "a daemon"
			r.took = v.LandedAt.Sub(f.began)
		}
		r.failed = !over || live != fate.live || fate.rolledBack && n != 1
		f.world.tables.add(r)
		if r.failed || r.wronglyRolledBack() {
			f.t.Errorf("%s: %d patches, %s is live, and the watch is %q (%s)", r.what, n, live, v.State, v.Reason)
		}
	}
}

func (f *fleet) ended(id string, deadline time.Time, daemons []*daemon) (watch.View, bool) {
	var last watch.View
	for {
		for _, d := range daemons {
			for _, v := range d.watches() {
				if v.EventID != id {
					continue
				}
				if last = v; v.Final {
					return v, true
				}
			}
		}
		if time.Now().After(deadline) {
			return last, false
		}
		pause(f.t, 500*time.Millisecond)
	}
}

// TestManyAppsSideBySide: forty releases at once, some good, some bad, some of them changed by people at random moments, while
// their daemon is killed at random moments too.
func TestManyAppsSideBySide(t *testing.T) {
	w := alone(t)
	onlyWhole(t)
	n := newNATS(t)
	d := newDaemon(t, w, func(s *settings) {
		ofAFleet(s)
		s.External, s.Active = "nats://"+n.address, 70*time.Second
	})
	f := newFleet(t, w, "Forty apps side by side, their daemon killed three times", 40, 15)
	d.start("")
	f.release(func(r *rand.Rand) {
		for range 3 {
			pause(t, time.Duration(8+r.IntN(10))*time.Second)
			w.tables.fault(f.table, fmt.Sprintf("the daemon was killed after %s", time.Since(f.began).Round(time.Second)))
			d.kill()
			d.launch("")
		}
	}, d)
	f.check(4*time.Minute, d)
}

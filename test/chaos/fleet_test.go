package chaos

import (
	"fmt"
	"math/rand/v2"
	"net/http"
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
	// rolledBack says that the release must be rolled back, untouched that it must not.
	rolledBack, untouched bool
}

func fates() []fate {
	return []fate{
		{name: "bad and left alone", bad: true, rolledBack: true},
		{name: "good and left alone", untouched: true},
		{name: "bad, and fixed by a newer version", bad: true, happens: func(a *app, r *rand.Rand) {
			a.within(r, 25*time.Second)
			a.deploy("v3", sampleapp.Behaviour{})
		}},
		{name: "bad, and undone by a person", bad: true, happens: func(a *app, r *rand.Rand) {
			a.within(r, 25*time.Second)
			a.deploy("v1", sampleapp.Behaviour{})
		}},
		{name: "bad, and restarted", bad: true, happens: func(a *app, r *rand.Rand) {
			a.within(r, 20*time.Second)
			patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339))
			a.patch(patch)
		}},
		{name: "bad, and scaled to and fro", bad: true, rolledBack: true, happens: func(a *app, r *rand.Rand) {
			for range 10 {
				a.within(r, 4*time.Second)
				a.patch(fmt.Sprintf(`{"spec":{"replicas":%d}}`, 1+r.IntN(3)))
			}
		}},
		{name: "good, and scaled to and fro", untouched: true, happens: func(a *app, r *rand.Rand) {
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
	began  time.Time
}

func newFleet(t *testing.T, w *world, table string, size, rps int) *fleet {
	t.Helper()
	chosen := *seed
	if chosen == 0 {
		chosen = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat it with -seed %d", chosen)
	f := &fleet{t: t, table: table, random: rand.New(rand.NewPCG(chosen, 3)), apps: make([]*app, size)}
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
		a.awaitServed()
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
	}
	going.Wait()
}

// check waits for the end of every watch, which any of the daemons may tell of, and compares it with the app's fate.
func (f *fleet) check(w *world, limit time.Duration, daemons ...*daemon) {
	f.t.Helper()
	deadline := time.Now().Add(limit)
	for i, a := range f.apps {
		v, over := f.ended(a.Name, deadline, daemons)
		n, fate := len(a.patches()), f.fates[i]
		r := row{table: f.table, what: fmt.Sprintf("%s: %s", a.Name, fate.name), bad: fate.bad, patches: n, by: "-", state: string(v.State), took: time.Since(f.began)}
		if n > 0 {
			r.by = "a daemon"
		}
		right := over && n <= 1 && (n == 1 || !fate.rolledBack) && (n == 0 || !fate.untouched)
		r.failed, r.lost = !right, !over
		w.tables.add(r)
		if !right {
			f.t.Errorf("%s: %d patches, and the watch is %s (%s)", r.what, n, v.State, v.Reason)
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
		s.External, s.MinRequests, s.Alone, s.Active = "nats://"+n.address, 20, true, 70*time.Second
	})
	f := newFleet(t, w, "Forty apps side by side, their daemon killed three times", 40, 15)
	d.start("")
	f.release(func(r *rand.Rand) {
		for range 3 {
			pause(t, time.Duration(8+r.IntN(10))*time.Second)
			d.kill()
			d.launch("")
		}
	}, d)
	f.check(w, 4*time.Minute, d)
}

// TestTwoReplicas: a hundred watches, carried by two daemons on one NATS, one of which is killed, frozen and cut off from NATS
// at random moments.
func TestTwoReplicas(t *testing.T) {
	w := alone(t)
	onlyWhole(t)
	n := newNATS(t)
	var daemons []*daemon
	var lines []*wire
	for range 2 {
		line := newWire(t, n.address)
		lines = append(lines, line)
		daemons = append(daemons, newDaemon(t, w, func(s *settings) {
			s.External, s.MinRequests, s.Alone, s.Active = "nats://"+line.address, 15, true, 2*time.Minute
			s.LeaderElection = true
		}))
	}
	f := newFleet(t, w, "A hundred watches, two daemons, killed, frozen and cut off", 100, 8)
	for _, d := range daemons {
		d.launch("")
	}
	eventually(t, 40*time.Second, func() (bool, string) {
		first, _, _ := daemons[0].get("/-/ready")
		second, _, _ := daemons[1].get("/-/ready")
		return first == http.StatusOK || second == http.StatusOK, "neither daemon is ready"
	})
	straight := *daemons[0]
	straight.External = "nats://" + n.address // the deploy tool's way to NATS is not cut
	f.release(func(r *rand.Rand) { f.strike(r, daemons, lines) }, &straight)
	f.check(w, 5*time.Minute, daemons...)
}

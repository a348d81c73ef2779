package load

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// service is the stream of requests to one Service.
type service struct {
	generator *Generator
	key       types.NamespacedName
	ctx       context.Context
	stop      context.CancelFunc
	// changed wakes the stream when its rate changes.
	changed  chan struct{}
	requests sync.WaitGroup

	mu         sync.Mutex
	rate       float64
	selector   labels.Selector
	known      bool
	generation int64
	pods       []string
	turn       int
	inFlight   int
	counts     counts
}

type counts struct {
	sent, failed, dropped, noPod int64
}

// ServiceStatus is what is known about the load of one Service.
type ServiceStatus struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Rate      float64  `json:"rps"`
	Pods      []string `json:"pods"`
	// Sent counts requests that were sent, Failed those of them that got no answer at all.
	Sent   int64 `json:"sent"`
	Failed int64 `json:"failed"`
	// Dropped counts requests not sent because too many were in flight, NoPod those for which no
	// pod was ready.
	Dropped int64 `json:"dropped"`
	NoPod   int64 `json:"noPod"`
}

func newService(generator *Generator, key types.NamespacedName) *service {
	ctx, stop := context.WithCancel(generator.ctx)
	return &service{
		generator: generator, key: key, ctx: ctx, stop: stop,
		changed:  make(chan struct{}, 1),
		selector: labels.Nothing(),
	}
}

// configure sets the rate and the selector; both hold from the next request on.
func (s *service) configure(rate float64, selector map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.selector = labels.Nothing() // A Service without a selector has no pods of its own.
	if len(selector) > 0 {
		s.selector = labels.SelectorFromSet(selector)
	}
	s.known = false
	if s.rate == rate {
		return
	}
	s.rate = rate
	select {
	case s.changed <- struct{}{}:
	default: // The stream has yet to see the last change, and will see this one with it.
	}
}

// next returns the pod whose turn it is, taking the pods that are ready right now in turn.
func (s *service) next() (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nextLocked()
}

func (s *service) nextLocked() (string, bool) {
	// The generation is read before the pods: a change in between is then seen next time.
	if generation := s.generator.pods.Generation(); !s.known || generation != s.generation {
		s.pods = s.generator.pods.Ready(s.key.Namespace, s.selector)
		s.generation, s.known = generation, true
	}
	if len(s.pods) == 0 {
		return "", false
	}
	s.turn++
	return s.pods[s.turn%len(s.pods)], true
}

// run sends requests at an even pace until the Service is deleted. The pace does not wait for the
// answers: slow pods get as many requests as quick ones, as from many independent users.
func (s *service) run() {
	defer s.requests.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := time.Now()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.changed:
			due = time.Now()
		case <-timer.C:
			s.launch()
		}
		interval, active := s.interval()
		if !active {
			timer.Stop()
			continue
		}
		due = due.Add(interval)
		// After a pause of the whole process, go on from now instead of sending all that was missed.
		if now := time.Now(); now.Sub(due) > time.Second {
			due = now
		}
		timer.Reset(time.Until(due))
	}
}

func (s *service) interval() (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rate <= 0 {
		return 0, false
	}
	return time.Duration(float64(time.Second) / s.rate), true
}

// launch starts the request that is due, unless it cannot be sent.
func (s *service) launch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rate <= 0 {
		return
	}
	pod, found := s.nextLocked()
	if !found {
		s.counts.noPod++
		return
	}
	// Four seconds' worth of requests: enough for slow pods, and no more than the machine can hold.
	if s.inFlight >= min(max(32, int(4*s.rate)), 512) {
		s.counts.dropped++
		return
	}
	s.inFlight++
	s.counts.sent++
	s.requests.Go(func() { s.request(pod) })
}

func (s *service) request(pod string) {
	answered := s.generator.send(s.ctx, s.key.Namespace, pod)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	if !answered {
		s.counts.failed++
	}
}

func (s *service) status() ServiceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ServiceStatus{
		Namespace: s.key.Namespace, Name: s.key.Name, Rate: s.rate,
		Pods: append([]string{}, s.pods...),
		Sent: s.counts.sent, Failed: s.counts.failed, Dropped: s.counts.dropped, NoPod: s.counts.noPod,
	}
}

package simulator

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/labels"
)

// Fault is something that goes wrong in many pods at once, whatever their own settings are: an outage of something that
// they all need, or a scrape gap.
type Fault struct {
	ID        string `json:"id"`
	Namespace string `json:"namespace"`
	// Selector chooses pods of the namespace by their labels; if it is empty, all are meant.
	Selector string `json:"selector,omitempty"`
	// Fail is the share of requests that are answered with status 500, from 0 to 1.
	Fail float64 `json:"fail,omitempty"`
	// Scrape is how /metrics fails.
	Scrape ScrapeFailure `json:"scrape,omitempty"`
	// Until is when the fault ends by itself, if it does.
	Until *time.Time `json:"until,omitempty"`

	selector labels.Selector
}

// parseFault reads the parameters of a request for a fault.
func parseFault(query url.Values, now time.Time) (Fault, error) {
	f := Fault{Namespace: query.Get("namespace"), Selector: query.Get("selector")}
	if f.Namespace == "" {
		return f, errors.New("parameter namespace is missing")
	}
	var err error
	if f.selector, err = labels.Parse(f.Selector); err != nil {
		return f, fmt.Errorf("parameter selector: %w", err)
	}
	for name, read := range map[string]func(string) error{
		"fail":   func(v string) error { return parseRatio(v, 1, &f.Fail) },
		"scrape": f.Scrape.parse,
		"for": func(v string) error {
			var d time.Duration
			err := parseDuration(v, &d)
			until := now.Add(d).UTC()
			f.Until = &until
			return err
		},
	} {
		if text := query.Get(name); text != "" {
			if err := read(text); err != nil {
				return f, fmt.Errorf("parameter %s: %w", name, err)
			}
		}
	}
	if f.Fail == 0 && f.Scrape == ScrapeAnswered {
		return f, errors.New("neither the parameter fail nor scrape says what goes wrong")
	}
	return f, nil
}

func (f *Fault) over(now time.Time) bool { return f.Until != nil && !now.Before(*f.Until) }

func (f *Fault) hits(namespace string, set labels.Set, now time.Time) bool {
	return f.Namespace == namespace && f.selector.Matches(set) && !f.over(now)
}

// faults are those that hold now. They are read at every request and seldom changed, so a change replaces the list.
type faults struct {
	mu    sync.Mutex
	count int
	list  atomic.Pointer[[]Fault]
}

// active returns the faults that are not over.
func (fs *faults) active(now time.Time) []Fault {
	list := fs.list.Load()
	if list == nil {
		return []Fault{}
	}
	return slices.DeleteFunc(slices.Clone(*list), func(f Fault) bool { return f.over(now) })
}

// add begins a fault and returns it with its id.
func (fs *faults) add(f Fault, now time.Time) Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.count++
	f.ID = strconv.Itoa(fs.count)
	list := append(fs.active(now), f)
	fs.list.Store(&list)
	return f
}

// remove ends a fault and tells whether it was there.
func (fs *faults) remove(id string, now time.Time) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	active := fs.active(now)
	list := slices.DeleteFunc(slices.Clone(active), func(f Fault) bool { return f.ID == id })
	fs.list.Store(&list)
	return len(list) < len(active)
}

// of returns the faults that hit a pod.
func (fs *faults) of(namespace string, set labels.Set, now time.Time) []Fault {
	list := fs.list.Load()
	if list == nil {
		return nil
	}
	var hits []Fault
	for _, f := range *list {
		if f.hits(namespace, set, now) {
			hits = append(hits, f)
		}
	}
	return hits
}

// fails draws whether one request to a pod fails.
func (fs *faults) fails(namespace string, set labels.Set) bool {
	return slices.ContainsFunc(fs.of(namespace, set, time.Now()), func(f Fault) bool { return rand.Float64() < f.Fail })
}

// scrape tells how a scrape of a pod fails.
func (fs *faults) scrape(namespace string, set labels.Set) ScrapeFailure {
	for _, f := range fs.of(namespace, set, time.Now()) {
		if f.Scrape != ScrapeAnswered {
			return f.Scrape
		}
	}
	return ScrapeAnswered
}

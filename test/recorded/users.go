package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// crowd are people who use the service: each thinks between two requests, goes away for a while after a visit, and asks again at
// once when told of an error. How many are there swells and ebbs, and now and then all are away.
type crowd struct {
	client *http.Client
	began  time.Time

	mu   sync.Mutex
	pods []*pod
	// away is until when nobody comes.
	away time.Time
}

const (
	// people are how many there are at most at the same time.
	people = 110
	// tide is the time from one peak to the next.
	tide = 7 * time.Minute
)

// run lets them come and go until ctx ends.
func (c *crowd) run(ctx context.Context) {
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() { c.person(ctx, float64(i)/people) })
	}
	all.Go(func() { c.pauses(ctx) })
	all.Wait()
}

// person visits again and again; one of a high rank only when the tide is high.
func (c *crowd) person(ctx context.Context, rank float64) {
	for ctx.Err() == nil {
		c.mu.Lock()
		away := time.Until(c.away)
		c.mu.Unlock()
		level := 0.6 + 0.4*math.Sin(2*math.Pi*time.Since(c.began).Seconds()/tide.Seconds())
		if away > 0 || rank > level {
			wait(ctx, max(away, 0)+time.Duration(rand.ExpFloat64()*float64(3*time.Second)))
			continue
		}
		for range 3 + rand.IntN(40) {
			for tries := 0; c.ask(ctx) >= http.StatusInternalServerError && tries < 2; tries++ {
				wait(ctx, 100*time.Millisecond)
			}
			wait(ctx, think())
		}
		wait(ctx, time.Duration(rand.ExpFloat64()*float64(15*time.Second)))
	}
}

// think is a time of which the median is 0.8 s, and a few are many seconds.
func think() time.Duration {
	return time.Duration(float64(800*time.Millisecond) * math.Exp(0.9*rand.NormFloat64()))
}

// pauses sends all away now and then.
func (c *crowd) pauses(ctx context.Context) {
	for ctx.Err() == nil {
		wait(ctx, 3*time.Minute+time.Duration(rand.ExpFloat64()*float64(2*time.Minute)))
		c.mu.Lock()
		c.away = time.Now().Add(5*time.Second + time.Duration(rand.IntN(20))*time.Second)
		c.mu.Unlock()
	}
}

// ask sends one request to any pod and returns its status; 599 if there was none.
func (c *crowd) ask(ctx context.Context) int {
	c.mu.Lock()
	p := c.pods[rand.IntN(len(c.pods))]
	c.mu.Unlock()
	method, path := http.MethodGet, fmt.Sprintf("/items/%d", rand.IntN(items+5))
	switch r := rand.Float64(); {
	case r < 0.15:
		method, path = http.MethodPut, fmt.Sprintf("/items/%d", rand.IntN(12)) // a few are changed by everyone
	case r < 0.35:
		path = "/search"
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+p.address+path, nil)
	if err != nil {
		return 599
	}
	response, err := c.client.Do(request)
	if err != nil {
		return 599
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// replace puts a pod in the place of another, as when a node is drained.
func (c *crowd) replace(i int, by *pod) (old *pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, c.pods[i] = c.pods[i], by
	return old
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

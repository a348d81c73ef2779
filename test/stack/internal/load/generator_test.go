package load

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

// pass lets time pass, until everything that is due in it has been done.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestLoadIsSpreadEvenlyAndFollowsThePods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pods := &directory{pods: []string{"a", "b", "c"}}
		g, requests := start(t, pods)
		g.observe(serviceWith("0"))
		synctest.Wait() // Its stream runs, so that the pace counts from the change of its rate.
		g.observe(serviceWith("200"))
		pass(751 * time.Millisecond)
		want := map[string]int{"/pods/shop/a/": 50, "/pods/shop/b/": 50, "/pods/shop/c/": 50}
		if got := requests.take(); !maps.Equal(got, want) {
			t.Errorf("0.75 s at 200 a second: %v, want %v", got, want)
		}
		pods.set("d")
		pass(200 * time.Millisecond)
		want = map[string]int{"/pods/shop/d/": 40}
		if got := requests.take(); !maps.Equal(got, want) {
			t.Errorf("0.2 s after the pods had changed: %v, want %v", got, want)
		}
	})
}

func TestRateChangesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, requests := start(t, &directory{pods: []string{"a"}})
		g.observe(serviceWith("0.01")) // The next request would be due in 100 s.
		pass(time.Millisecond)
		requests.take()
		g.observe(serviceWith("500"))
		pass(101 * time.Millisecond)
		if got := requests.take()["/pods/shop/a/"]; got != 50 {
			t.Errorf("%d requests in 0.1 s at 500 a second", got)
		}
		g.observe(serviceWith("0"))
		pass(time.Hour)
		if got := requests.take(); len(got) != 0 {
			t.Errorf("requests were sent after the rate was set to 0: %v", got)
		}
		g.forget(serviceWith("0"))
		if services := g.Services(); len(services) != 0 {
			t.Errorf("a deleted service is still there: %+v", services)
		}
	})
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]float64{"": 0, "50": 50, "0.5": .5, "2000": 2000} {
		if got, err := parseRate(text); err != nil || got != want {
			t.Errorf("parseRate(%q) = %g, %v; want %g", text, got, err, want)
		}
	}
	for _, text := range []string{"-1", "many", "NaN", "2001"} {
		if _, err := parseRate(text); err == nil {
			t.Errorf("parseRate(%q) succeeded", text)
		}
	}
}

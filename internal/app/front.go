package app

import (
	"fmt"
	"net/http"
	"sync/atomic"
)

// front answers HTTP from the moment that the daemon listens. Until there is something behind it, the daemon lives
// and is not ready: it may be waiting for NATS, and whoever restarts it for not answering would only prolong that.
type front struct {
	address string
	behind  atomic.Pointer[http.Handler]
}

// become puts the daemon's own endpoints behind the front.
func (f *front) become(h http.Handler) { f.behind.Store(&h) }

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := f.behind.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/-/healthy" {
		fmt.Fprintln(w, "rollbackd is healthy.")
		return
	}
	http.Error(w, "rollbackd is starting: it is connecting to NATS, or reading what it knows from there", http.StatusServiceUnavailable)
}

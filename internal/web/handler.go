// Package web serves the daemon's HTTP endpoints. They show and never change anything: people act over NATS.
package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// Watches shows the watches, the newest first.
type Watches interface {
	Watches() []watch.Watch
	Get(key string) (watch.Watch, bool)
}

// Options is what the endpoints show.
type Options struct {
	Watches  Watches
	Gatherer prometheus.Gatherer
	// Ready returns what each part needs in order to work, by the part's name; nil means that it has it.
	Ready func() map[string]error
}

// Handler returns the handler of all endpoints.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "rollbackd is healthy.") })
	mux.HandleFunc("GET /-/ready", o.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /api/v1/watches", o.list)
	mux.HandleFunc("GET /api/v1/watches/{id}", o.show)
	mux.HandleFunc("GET /api/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, map[string]string{"error": "there is no such endpoint; /api/v1/watches is one"})
	})
	return mux
}

// ready answers 200 when every part has what it needs, and otherwise 503 with a line for each part.
func (o Options) ready(w http.ResponseWriter, _ *http.Request) {
	parts := o.Ready()
	status := http.StatusOK
	for _, err := range parts {
		if err != nil {
			status = http.StatusServiceUnavailable
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if err := parts[name]; err != nil {
			fmt.Fprintf(w, "%s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		fmt.Fprintf(w, "%s: ok\n", name)
	}
}

func (o Options) list(w http.ResponseWriter, _ *http.Request) {
	views := []watch.View{}
	for _, watch := range o.Watches.Watches() {
		views = append(views, watch.View())
	}
	answer(w, http.StatusOK, map[string]any{"watches": views})
}

func (o Options) show(w http.ResponseWriter, r *http.Request) {
	found, ok := o.Watches.Get(r.PathValue("id"))
	if !ok {
		answer(w, http.StatusNotFound, map[string]string{"error": "there is no watch with this id; /api/v1/watches lists them"})
		return
	}
	answer(w, http.StatusOK, found.View())
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// An error here means that the client has gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}

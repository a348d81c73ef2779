// Package web serves the daemon's HTTP endpoints. They show, and change nothing that is watched: people act over NATS. What can be asked of the daemon
// itself is in Admin, and switched off by default.
package web

import (
	"encoding/json"
	"fmt"
	"html/template"
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
	Watches Watches
	Records Records
	// Instance is the daemon's name.
	Instance string
	Gatherer prometheus.Gatherer
	// Ready returns what each part needs in order to work, by the part's name; nil means that it has it.
	Ready func() map[string]error
	// Remarks are what people should know of the daemon, such as that its configuration cannot be read; nil means nothing.
	Remarks func() []string
	// Notes are said in passing on every page; nil means nothing.
	Notes func() []string
	// Permissions shows what the daemon lacks on Kubernetes; it may be nil.
	Permissions http.Handler
}

// site is what the pages are made of.
type site struct {
	Options
	look    *template.Template
	folders *folders
	recent  recent
}

// Handler returns the handler of all endpoints.
func Handler(o Options) (http.Handler, error) {
	parsed, err := parseLook()
	if err != nil {
		return nil, fmt.Errorf("the pages cannot be read: %w", err)
	}
	s := &site{Options: o, look: parsed, folders: &folders{records: o.Records, fresh: map[string]folder{}}}
	mux := http.NewServeMux()
	s.pages(mux)
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "rollbackd is healthy.") })
	mux.HandleFunc("GET /-/ready", o.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{}))
	o.servePermissions(mux)
	mux.HandleFunc("GET /api/v1/watches", o.list)
	mux.HandleFunc("GET /api/v1/watches/{id}", o.show)
	mux.HandleFunc("GET /api/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, map[string]string{"error": "there is no such endpoint; /api/v1/watches and /api/v1/incidents are"})
	})
	return mux, nil
}

func (s *site) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /incidents", slash)
	mux.HandleFunc("GET /incidents/{$}", s.incidents)
	mux.HandleFunc("GET /incidents/{id}", slash)
	mux.HandleFunc("GET /incidents/{id}/{$}", s.record)
	mux.HandleFunc("GET /incidents/{id}/{file...}", s.file)
	mux.HandleFunc("GET /watches/{id}", s.watch)
	mux.HandleFunc("GET /look/page.css", s.css)
	mux.HandleFunc("GET /api/v1/incidents", s.apiIncidents)
	mux.HandleFunc("GET /api/v1/incidents/{id}", s.apiIncident)
}

func (o Options) servePermissions(mux *http.ServeMux) {
	if o.Permissions != nil {
		mux.Handle("GET /api/v1/permissions", o.Permissions)
	}
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

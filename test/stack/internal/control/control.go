// Package control is the stack's HTTP interface for tests that break things on purpose.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rollbackd/rollbackd/test/stack/internal/prometheus"
)

// startLimit is how long a Prometheus may take until it answers.
const startLimit = 30 * time.Second

// NewServer prepares a further Prometheus server.
type NewServer func(id string, scrape time.Duration) (*prometheus.Server, error)

// Control answers the requests of the control interface.
type Control struct {
	auditLog  string
	newServer NewServer
	scrape    time.Duration

	mu      sync.Mutex
	servers map[string]*prometheus.Server
	count   int
}

// New makes a control interface. The first server has the id "main"; scrape is the interval of
// further servers unless the request says otherwise.
func New(auditLog string, first *prometheus.Server, scrape time.Duration, newServer NewServer) *Control {
	return &Control{
		auditLog: auditLog, newServer: newServer, scrape: scrape,
		servers: map[string]*prometheus.Server{"main": first}, count: 1,
	}
}

// Handler serves the control interface.
func (c *Control) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]bool{"ok": true}) })
	mux.HandleFunc("GET /audit", c.audit)
	mux.HandleFunc("POST /prometheus", c.add)
	mux.HandleFunc("POST /prometheus/{id}/kill", c.change(func(_ context.Context, s *prometheus.Server) error { return s.Kill() }))
	mux.HandleFunc("POST /prometheus/{id}/start", c.change(func(ctx context.Context, s *prometheus.Server) error { return s.Start(ctx) }))
	mux.HandleFunc("POST /prometheus/{id}/pause", c.change(func(_ context.Context, s *prometheus.Server) error { return s.Pause() }))
	mux.HandleFunc("POST /prometheus/{id}/resume", c.change(func(_ context.Context, s *prometheus.Server) error { return s.Resume() }))
	return mux
}

func (c *Control) audit(w http.ResponseWriter, r *http.Request) {
	filter, err := newAuditFilter(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	events, err := readAudit(c.auditLog, filter)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, events)
}

// instance is the answer about one Prometheus server.
type instance struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

func (c *Control) add(w http.ResponseWriter, r *http.Request) {
	scrape := c.scrape
	if text := r.URL.Query().Get("scrape"); text != "" {
		var err error
		if scrape, err = time.ParseDuration(text); err != nil {
			refuse(w, http.StatusBadRequest, fmt.Errorf("parameter scrape: %w", err))
			return
		}
	}
	id := c.nextID()
	server, err := c.newServer(id, scrape)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), startLimit, errors.New("not ready in time"))
	defer cancel()
	if err := server.Start(ctx); err != nil {
		refuse(w, http.StatusInternalServerError, errors.Join(err, server.Kill()))
		return
	}
	c.mu.Lock()
	c.servers[id] = server
	c.mu.Unlock()
	answer(w, instance{ID: id, URL: server.URL()})
}

func (c *Control) nextID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	return fmt.Sprint(c.count)
}

// change makes a handler that does something to the server named in the path.
func (c *Control) change(do func(context.Context, *prometheus.Server) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		c.mu.Lock()
		server := c.servers[id]
		c.mu.Unlock()
		if server == nil {
			refuse(w, http.StatusNotFound, fmt.Errorf("there is no Prometheus with the id %q", id))
			return
		}
		ctx, cancel := context.WithTimeoutCause(r.Context(), startLimit, errors.New("not done in time"))
		defer cancel()
		if err := do(ctx, server); err != nil {
			refuse(w, http.StatusConflict, err)
			return
		}
		answer(w, instance{ID: id, URL: server.URL()})
	}
}

// answer writes JSON; if that fails the client has gone, and nobody is left to tell.
func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, code int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// Records shows the ledger, and what was recorded of a watch.
type Records interface {
	// Newest returns the newest digests that are wanted, and whether there are more.
	Newest(ctx context.Context, q watch.LedgerQuery) ([]incident.Digest, bool, error)
	// Digest returns that of a watch, by its key or by its incident's ID; the zero value if there is none.
	Digest(ctx context.Context, name string) (incident.Digest, error)
	// Entries returns the journal and the annex of a watch.
	Entries(ctx context.Context, key string) ([]incident.Entry, error)
}

const (
	// perPage is how many incidents a page or an answer of the API has unless it is asked for fewer or more, mostPerPage the most.
	perPage     = 50
	mostPerPage = 1000
	// atHome is how many incidents and how many watches the first page has.
	incidentsAtHome = 10
	watchesAtHome   = 200
	// readTimeout bounds how long reading records may take.
	readTimeout = 20 * time.Second
)

// query reads what is wanted from the parameters of a request.
func query(values url.Values) (q watch.LedgerQuery, err error) {
	q = watch.LedgerQuery{
		Environment: values.Get("env"), Namespace: values.Get("namespace"), Workload: values.Get("workload"), Most: perPage,
	}
	for name, field := range map[string]*bool{"open": &q.Open, "all": &q.All} {
		if text := values.Get(name); text != "" {
			if *field, err = strconv.ParseBool(text); err != nil {
				return q, fmt.Errorf("parameter %s: %s is neither true nor false", name, event.Quote(text))
			}
		}
	}
	if text := values.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostPerPage {
			return q, fmt.Errorf("parameter limit: %s is not a number from 1 to %d", event.Quote(text), mostPerPage)
		}
		q.Most = n
	}
	if text := values.Get("since"); text != "" {
		if q.Since, err = time.Parse(time.RFC3339, text); err != nil {
			return q, fmt.Errorf("parameter since: %s is not an instant such as 2026-11-22T10:00:00Z", event.Quote(text))
		}
	}
	if q.Before, err = watch.ParseLedgerMark(values.Get("before")); err != nil {
		return q, fmt.Errorf("parameter before: %w; take it from the address of the next page, or leave the parameter out", err)
	}
	return q, nil
}

// apiIncidents answers with digests, the newest first, and with where the next page begins.
func (s *site) apiIncidents(w http.ResponseWriter, r *http.Request) {
	q, err := query(r.URL.Query())
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	digests, more, err := s.newest(r.Context(), q)
	if err != nil {
		answer(w, http.StatusServiceUnavailable, map[string]string{"error": "the ledger cannot be read now"})
		return
	}
	body := map[string]any{"incidents": digests}
	if more {
		body["next"] = watch.MarkOf(digests[len(digests)-1]).String()
	}
	answer(w, http.StatusOK, body)
}

// recent keeps the incidents of the first page for a moment: every browser that has it open asks for it again and again.
type recent struct {
	mu    sync.Mutex
	until time.Time
	body  incidentsBody
}

// atHome are the incidents of the first page.
func (s *site) atHome(ctx context.Context) incidentsBody {
	s.recent.mu.Lock()
	defer s.recent.mu.Unlock()
	if now := time.Now(); !now.Before(s.recent.until) {
		s.recent.body = s.listed(context.WithoutCancel(ctx), watch.LedgerQuery{Most: incidentsAtHome}) // others get it, too
		s.recent.until = now.Add(freshFor)
	}
	return s.recent.body
}

func (s *site) newest(ctx context.Context, q watch.LedgerQuery) ([]incident.Digest, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return s.Records.Newest(ctx, q)
}

// incidentsBody is what the list and the first page show.
type incidentsBody struct {
	Query     watch.LedgerQuery
	Incidents []incident.Digest
	// Links leads to the incidents, Next to the next page.
	Links, Next string
	// Problem says why none are shown.
	Problem string
	// Open are the watches that go on, of the first page, and More how many more there are.
	Open []watch.View
	More int
}

// incidents is the page of incidents.
func (s *site) incidents(w http.ResponseWriter, r *http.Request) {
	q, err := query(r.URL.Query())
	if err != nil {
		s.problem(w, r, http.StatusBadRequest, err.Error())
		return
	}
	body := s.listed(r.Context(), q)
	status := http.StatusOK
	if body.Problem != "" {
		status = http.StatusServiceUnavailable
	}
	title := "Incidents"
	if q.Open {
		title = "Open incidents"
	}
	s.show(w, r, status, "list", page{Title: title, Root: rootOf(r.URL.Path), Body: body})
}

func (s *site) listed(ctx context.Context, q watch.LedgerQuery) incidentsBody {
	q.All = false // what was no incident has no page
	body := incidentsBody{Query: q}
	digests, more, err := s.newest(ctx, q)
	if err != nil {
		body.Problem = "The ledger cannot be read now; try again in a moment."
		return body
	}
	body.Incidents = digests
	if more {
		values := url.Values{"before": {watch.MarkOf(digests[len(digests)-1]).String()}, "limit": {strconv.Itoa(q.Most)}}
		for name, value := range map[string]string{"env": q.Environment, "namespace": q.Namespace, "workload": q.Workload} {
			if value != "" {
				values.Set(name, value)
			}
		}
		if q.Open {
			values.Set("open", "true")
		}
		body.Next = "?" + values.Encode()
	}
	return body
}

// home is the first page: what goes on, and what went wrong last.
func (s *site) home(w http.ResponseWriter, r *http.Request) {
	body := s.atHome(r.Context())
	body.Links = "incidents/"
	for _, one := range s.Watches.Watches() {
		switch {
		case one.State.Final():
		case len(body.Open) < watchesAtHome:
			body.Open = append(body.Open, one.View())
		default:
			body.More++
		}
	}
	const refresh = 15 // seconds: a tick or two
	s.show(w, r, http.StatusOK, "home", page{Title: "Deployments", Root: rootOf(r.URL.Path), Refresh: refresh, Body: body})
}

var errNoRecord = errors.New("nothing is recorded under this name")

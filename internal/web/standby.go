package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// RoleHeader tells programs which answers are of a replica that does not lead. Its value is then "standby".
const RoleHeader = "Rollbackd-Role"

// Following is how a replica that does not lead knows what the leader does.
type Following struct {
	// Leader is who was last seen to lead; empty if nobody was.
	Leader func() string
	// Refresh brings what is shown up to date, or says why that cannot be.
	Refresh func(ctx context.Context) error
}

// Standby returns the handler of a replica that does not lead. It is ready when it could take over. It shows what is stored of the watches, so that it does
// not matter which replica somebody's request comes to, nor whether one leads.
func Standby(o Options, f Following) (http.Handler, error) {
	notes := o.Notes
	o.Notes = func() []string {
		own := []string{"This replica is a standby (" + led(f.Leader()) + ") and shows what is stored of the watches, as of a few seconds ago."}
		if notes == nil {
			return own
		}
		return append(own, notes()...)
	}
	pages, err := Handler(o)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, r *http.Request) {
		o.ready(w, r)
		fmt.Fprintf(w, "role: standby; %s\n", led(f.Leader()))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(RoleHeader, "standby")
		if showsWatches(r) {
			if err := f.refresh(r.Context()); err != nil {
				unread(w, r, "this replica is a standby ("+led(f.Leader())+"), and what is stored of the watches cannot be read now: "+err.Error())
				return
			}
		}
		pages.ServeHTTP(w, r)
	})
	return mux, nil
}

func (f Following) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return f.Refresh(ctx)
}

// showsWatches reports whether the answer to a request depends on what is stored.
func showsWatches(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	for _, other := range []string{"/-/", "/metrics", "/look/", "/api/v1/permissions"} {
		if strings.HasPrefix(r.URL.Path, other) {
			return false
		}
	}
	return true
}

func unread(w http.ResponseWriter, r *http.Request, text string) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		answer(w, http.StatusServiceUnavailable, map[string]string{"error": text})
		return
	}
	http.Error(w, text, http.StatusServiceUnavailable)
}

func led(by string) string {
	if by == "" {
		return "no replica is known to lead"
	}
	return fmt.Sprintf("%q leads", by)
}

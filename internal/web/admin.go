package web

import (
	"fmt"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
)

// Admin is what may be asked of a daemon over HTTP beyond showing: all of it is switched off unless the configuration says otherwise.
type Admin struct {
	// Enabled lets requests read the configuration again and set the level of the log.
	Enabled bool
	// Reload reads the configuration again.
	Reload func() error
	// Level shows the level of the log to a GET, and sets it by a PUT.
	Level http.Handler
	// Pprof serves profiles.
	Pprof bool
}

// Before returns a handler of these requests, which hands all others on.
func (a Admin) Before(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	reload, level := http.Handler(http.HandlerFunc(a.reload)), a.Level
	if !a.Enabled {
		reload, level = http.HandlerFunc(off), http.HandlerFunc(off)
	}
	// A browser that has logged in here must not be made to ask for these by another site's page.
	guard := http.NewCrossOriginProtection()
	mux.Handle("/-/reload", guard.Handler(only(reload, http.MethodPost)))
	mux.Handle("/-/loglevel", guard.Handler(only(level, http.MethodGet, http.MethodPut)))
	if a.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func off(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "this is switched off; set http.admin: true, together with http.webConfig or http.tokenFile", http.StatusForbidden)
}

// only lets the methods through.
func only(next http.Handler, methods ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(methods, r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(methods, ", "))
		http.Error(w, "this method is not allowed here", http.StatusMethodNotAllowed)
	})
}

func (a Admin) reload(w http.ResponseWriter, _ *http.Request) {
	if err := a.Reload(); err != nil {
		http.Error(w, "the configuration has not been replaced; the one of before is kept:\n"+err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, "The configuration has been replaced.")
}

package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"

	"go.uber.org/zap/zapcore"

	"github.com/rollbackd/rollbackd/internal/event"
)

// mostBody is how many bytes a request may have that sets something.
const mostBody = 4 << 10

// Admin is what may be asked of a daemon over HTTP beyond showing: all of it is switched off unless the configuration says otherwise.
type Admin struct {
	// Enabled lets requests read the configuration again and set the level of the log.
	Enabled bool
	// Reload reads the configuration again.
	Reload func() error
	// Level is the level of the log, and SetLevel sets it.
	Level    func() zapcore.Level
	SetLevel func(zapcore.Level)
	// Pprof serves profiles.
	Pprof bool
}

// Before returns a handler of these requests, which hands all others on.
func (a Admin) Before(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	reload, level := http.HandlerFunc(a.reload), http.HandlerFunc(a.level)
	if !a.Enabled {
		reload, level = off, off
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

// level shows the level of the log to a GET, and sets it by a PUT. It can be made what the configuration can make it, and nothing that hides errors.
func (a Admin) level(w http.ResponseWriter, r *http.Request) {
	type body struct {
		Level string `json:"level"`
	}
	if r.Method == http.MethodPut {
		var wanted body
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostBody)).Decode(&wanted); err != nil {
			answer(w, http.StatusBadRequest, map[string]string{"error": `the body cannot be read; send {"level":"debug"}`})
			return
		}
		level, err := zapcore.ParseLevel(wanted.Level)
		if err != nil || wanted.Level != level.String() || level > zapcore.ErrorLevel {
			answer(w, http.StatusBadRequest, map[string]string{"error": fmt.Sprintf("level: %s is not a level; use debug, info, warn or error", event.Quote(wanted.Level))})
			return
		}
		a.SetLevel(level)
	}
	answer(w, http.StatusOK, body{a.Level().String()})
}

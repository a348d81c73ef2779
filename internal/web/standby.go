package web

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Standby returns the handler of a replica that does not lead. It is ready when it could take over; what the watches do
// only the leader can tell.
func Standby(o Options, leader func() string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "rollbackd is healthy.") })
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, r *http.Request) {
		o.ready(w, r)
		fmt.Fprintf(w, "role: standby; %s\n", led(leader()))
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{}))
	o.servePermissions(mux)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		text := "this replica is a standby and knows of no watch: " + led(leader())
		if strings.HasPrefix(r.URL.Path, "/api/") {
			answer(w, http.StatusServiceUnavailable, map[string]string{"error": text})
			return
		}
		http.Error(w, text, http.StatusServiceUnavailable)
	})
	return mux
}

func led(by string) string {
	if by == "" {
		return "no replica is known to lead"
	}
	return fmt.Sprintf("%q leads", by)
}

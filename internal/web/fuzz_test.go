package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// FuzzRequests: no path, query or header brings about anything but an answer, none shows markup that was asked with, and none says that the daemon is at fault.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][3]string{
		{"/", "", ""}, {"/incidents/", "env=production&namespace=shop&workload=checkout&open=true&before=x", ""}, {"/api/v1/incidents", "limit=-1&before=%00", ""},
		{"/incidents/../../etc/passwd", "", ""}, {"/incidents/incident-20261122T100000Z/journal.jsonl", "", "bytes=0-"}, {"/watches/" + evil, "", ""},
		{"/api/v1/watches/x", "", ""}, {"/api/v1/incidents", "limit=99999999999999999999", ""}, {"/-/reload", "", ""}, {"/debug/pprof/cmdline", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	pages, err := Handler(Options{Watches: watches(nil), Records: &kept{}, Gatherer: prometheus.NewRegistry(), Ready: func() map[string]error { return nil }})
	if err != nil {
		f.Fatal(err)
	}
	h := Admin{Reload: func() error { panic("nobody may reload") }}.Before(pages)
	f.Fuzz(func(t *testing.T, path, query, header string) {
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, "/", nil)
			r.URL = &url.URL{Path: path, RawQuery: query}
			r.Header["Range"], r.Header["If-None-Match"], r.Header["Authorization"] = []string{header}, []string{header}, []string{header}
			out := httptest.NewRecorder()
			h.ServeHTTP(out, r)
			if method == http.MethodPost {
				require.NotContains(t, []int{http.StatusOK, http.StatusInternalServerError}, out.Code, "%s?%s", path, query)
				continue
			}
			require.NotEqual(t, http.StatusInternalServerError, out.Code, "%s?%s: %s", path, query, out.Body)
			if strings.HasPrefix(out.Header().Get("Content-Type"), "text/html") {
				require.NotContains(t, out.Body.String(), "<script")
				require.NotContains(t, out.Body.String(), "<img src=x")
			}
		}
	})
}

// FuzzToken: nothing but the token itself passes.
func FuzzToken(f *testing.F) {
	for _, seed := range []string{"", "Bearer", "Bearer ", "Bearer secret", "bearer secret", "Bearer  secret", "Bearer secret ", "Basic secret", "Bearer sécret"} {
		f.Add(seed, "secret")
	}
	f.Add("Bearer ", "")
	f.Fuzz(func(t *testing.T, header, token string) {
		scheme, shown, _ := strings.Cut(header, " ")
		require.Equal(t, token != "" && shown == token && strings.EqualFold(scheme, "bearer"), shows(header, token))
	})
}

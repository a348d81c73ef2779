package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// asked is one request.
type asked struct {
	method, path, body string
	header             map[string]string
}

func (a asked) of(h http.Handler) *httptest.ResponseRecorder {
	r := httptest.NewRequest(a.method, a.path, strings.NewReader(a.body))
	for key, value := range a.header {
		r.Header.Set(key, value)
	}
	out := httptest.NewRecorder()
	h.ServeHTTP(out, r)
	return out
}

// Without the switch nothing can be asked of the daemon but to show.
func TestNothingActsOverHTTP(t *testing.T) {
	pages, err := Handler(Options{Watches: watches(nil), Records: keeping(t), Gatherer: prometheus.NewRegistry(), Ready: func() map[string]error { return nil }})
	require.NoError(t, err)
	reloads := 0
	level := zap.NewAtomicLevel()
	h := Admin{Reload: func() error { reloads++; return nil }, Level: level.Level, SetLevel: level.SetLevel}.Before(pages)
	paths := []string{
		"/", "/-/healthy", "/-/ready", "/-/reload", "/-/loglevel", "/-/quit", "/metrics", "/api/v1/watches", "/api/v1/watches/x", "/api/v1/incidents", "/api/v1/incidents/x",
		"/incidents", "/incidents/", "/incidents/x/", "/incidents/x/timeline.md", "/watches/x", "/look/page.css", "/debug/pprof/", "/debug/pprof/profile",
	}
	for _, path := range paths {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			code := asked{method: method, path: path, body: `{"level":"debug"}`}.of(h).Code
			require.Contains(t, []int{http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotFound}, code, "%s %s", method, path)
		}
	}
	require.Equal(t, http.StatusNotFound, asked{method: http.MethodGet, path: "/debug/pprof/"}.of(h).Code)
	require.Equal(t, http.StatusForbidden, asked{method: http.MethodGet, path: "/-/loglevel"}.of(h).Code)
	require.Zero(t, reloads)
	require.Equal(t, zap.InfoLevel, level.Level())
}

// What the switch switches on.
func TestAdmin(t *testing.T) {
	level := zap.NewAtomicLevel()
	reloads := 0
	var problem error
	h := Admin{Enabled: true, Pprof: true, Reload: func() error { reloads++; return problem }, Level: level.Level, SetLevel: level.SetLevel}.Before(http.NotFoundHandler())
	for _, c := range []struct {
		asked
		code int
		says string
	}{
		{asked{method: http.MethodPost, path: "/-/reload"}, http.StatusOK, "has been replaced"},
		{asked{method: http.MethodGet, path: "/-/reload"}, http.StatusMethodNotAllowed, "not allowed"},
		{asked{method: http.MethodPost, path: "/-/reload", header: map[string]string{"Sec-Fetch-Site": "cross-site"}}, http.StatusForbidden, "cross-origin"},
		{asked{method: http.MethodPost, path: "/-/reload", header: map[string]string{"Origin": "https://elsewhere.example"}}, http.StatusForbidden, "cross-origin"},
		{asked{method: http.MethodGet, path: "/-/loglevel"}, http.StatusOK, `{"level":"info"}`},
		{asked{method: http.MethodPut, path: "/-/loglevel", body: `{"level":"debug"}`}, http.StatusOK, `{"level":"debug"}`},
		{asked{method: http.MethodPut, path: "/-/loglevel", body: `{"level":"loud"}`}, http.StatusBadRequest, `level: \"loud\" is not a level; use debug, info, warn or error`},
		// None that hides errors, as none can be configured.
		{asked{method: http.MethodPut, path: "/-/loglevel", body: `{"level":"fatal"}`}, http.StatusBadRequest, "is not a level"},
		{asked{method: http.MethodPut, path: "/-/loglevel", body: `{"level":""}`}, http.StatusBadRequest, "is not a level"},
		{asked{method: http.MethodPut, path: "/-/loglevel", body: `debug`}, http.StatusBadRequest, "cannot be read"},
		{asked{method: http.MethodPut, path: "/-/loglevel", body: `{"level":"` + strings.Repeat("x", 1<<20) + `"}`}, http.StatusBadRequest, "cannot be read"},
		{asked{method: http.MethodGet, path: "/-/loglevel"}, http.StatusOK, `{"level":"debug"}`},
		{asked{method: http.MethodGet, path: "/debug/pprof/"}, http.StatusOK, "goroutine"},
		{asked{method: http.MethodGet, path: "/debug/pprof/heap"}, http.StatusOK, ""},
	} {
		answer := c.of(h)
		require.Equal(t, c.code, answer.Code, "%s %s", c.method, c.path)
		require.Contains(t, answer.Body.String(), c.says)
	}
	require.Equal(t, 1, reloads)
	problem = errors.New("line 3: log.level: no")
	answer := asked{method: http.MethodPost, path: "/-/reload"}.of(h)
	require.Equal(t, http.StatusInternalServerError, answer.Code)
	require.Contains(t, answer.Body.String(), "the one of before is kept:\nline 3: log.level: no")
}

// A token is asked for everything but the probes, and may be replaced at any time.
func TestRequireToken(t *testing.T) {
	token, problem := "first", error(nil)
	h := RequireToken(func() (string, error) { return token, problem }, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	code := func(path, header string) int {
		return asked{method: http.MethodGet, path: path, header: map[string]string{"Authorization": header}}.of(h).Code
	}
	for _, path := range []string{"/", "/metrics", "/-/reload", "/-/loglevel", "/api/v1/watches", "/debug/pprof/", "/-/healthy/x", "//-/healthy"} {
		for _, wrong := range []string{"", "first", "Bearer", "Bearer ", "Bearer firs", "Bearer first ", "Bearer first2", "Basic first", "Basic Zmlyc3Q6"} {
			require.Equal(t, http.StatusUnauthorized, code(path, wrong), "%s %q", path, wrong)
		}
		require.Equal(t, http.StatusOK, code(path, "Bearer first"), path)
		require.Equal(t, http.StatusOK, code(path, "bearer first"), path)
	}
	require.Equal(t, http.StatusOK, code("/-/healthy", ""))
	require.Equal(t, http.StatusOK, code("/-/ready", ""))
	require.Equal(t, http.StatusUnauthorized, asked{method: http.MethodPost, path: "/-/healthy"}.of(h).Code)

	token = "second"
	require.Equal(t, http.StatusUnauthorized, code("/", "Bearer first"))
	require.Equal(t, http.StatusOK, code("/", "Bearer second"))
	token = ""
	require.Equal(t, http.StatusUnauthorized, code("/", "Bearer "))
	token, problem = "second", errors.New("gone")
	require.Equal(t, http.StatusServiceUnavailable, code("/", "Bearer second"))
}

// A page tells what is wrong with the configuration, and escapes it.
func TestRemarksAreOnThePage(t *testing.T) {
	pages, err := Handler(Options{
		Watches: watches(nil), Records: keeping(t), Gatherer: prometheus.NewRegistry(), Ready: func() map[string]error { return nil }, Remarks: func() []string { return []string{evil} },
	})
	require.NoError(t, err)
	body := asked{method: http.MethodGet, path: "/"}.of(pages).Body.String()
	require.NotContains(t, body, "<script>")
	require.Contains(t, body, `<p class="bad">&#34;&gt;&lt;script&gt;`)
}

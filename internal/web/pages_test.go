package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/watch"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// evil is what a publisher might hope that somebody's browser takes for markup.
const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>javascript:alert(1)[a](javascript:alert(1))`

// kept are journals by the keys of their watches.
type kept struct {
	journals map[string][]incident.Entry
	digests  []incident.Digest
	err      error
	reads    int
}

func (k *kept) Newest(_ context.Context, q watch.LedgerQuery) ([]incident.Digest, bool, error) {
	all := slices.SortedFunc(slices.Values(k.digests), func(a, b incident.Digest) int { return cmp.Or(b.At().Compare(a.At()), cmp.Compare(a.Watch, b.Watch)) })
	var out []incident.Digest
	for _, d := range all {
		if (q.Before == watch.LedgerMark{} || d.At().Before(q.Before.At)) && (!q.Open || d.Open()) && (q.Namespace == "" || q.Namespace == d.Namespace) {
			out = append(out, d)
		}
	}
	return out[:min(len(out), q.Most)], len(out) > q.Most, k.err
}

func (k *kept) Digest(_ context.Context, name string) (incident.Digest, error) {
	for _, d := range k.digests {
		if d.Watch == name || d.Incident == name {
			return d, k.err
		}
	}
	return incident.Digest{}, k.err
}

func (k *kept) Entries(_ context.Context, key string) ([]incident.Entry, error) {
	k.reads++
	return k.journals[key], k.err
}

// keeping keeps journals of internal/incident's tests.
func keeping(t *testing.T, names ...string) *kept {
	t.Helper()
	k := &kept{journals: map[string][]incident.Entry{}}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("../incident/testdata", name+".jsonl"))
		require.NoError(t, err)
		var entries []incident.Entry
		for line := range bytes.Lines(text) {
			var e incident.Entry
			require.NoError(t, json.Unmarshal(line, &e))
			e.Watch = "production.shop." + name
			entries = append(entries, e)
		}
		k.journals["production.shop."+name] = entries
		k.digests = append(k.digests, incident.DigestOf(entries))
	}
	return k
}

func get(t *testing.T, o Options, path string, headers ...string) *http.Response {
	t.Helper()
	o.Gatherer, o.Instance = prometheus.NewRegistry(), "main"
	if o.Watches == nil {
		o.Watches = watches{}
	}
	handler, err := Handler(o)
	require.NoError(t, err)
	return getFrom(handler, path, headers...)
}

func getFrom(handler http.Handler, path string, headers ...string) *http.Response {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder.Result()
}

func bodyText(t *testing.T, r *http.Response) string {
	t.Helper()
	var out bytes.Buffer
	_, err := out.ReadFrom(r.Body)
	require.NoError(t, err)
	return out.String()
}

// onWatch are open watches, one of them with all that an event may claim.
func onWatch() watches {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	hostile := watch.Watch{Key: "production.shop.evil", State: watch.AwaitingApproval, Reason: evil, AcceptedAt: at, Since: at, Policy: watch.Policy{Name: evil},
		Event: event.Event{ID: evil, Environment: "production", Namespace: "shop", Workload: "checkout", Version: evil}}
	return append(some(), hostile)
}

// passing are the parts of a page that are not its own: the time, and what renders the incident.
var passing = regexp.MustCompile(`(?s)As of [^.]*\.|<ul class="files">.*?</ul>|<figure>.*</figure>|<article>.*</article>`)

// Every page is what its golden file says, and holds nothing that a browser would carry out, whatever an event claims.
func TestPages(t *testing.T) {
	records := keeping(t, "restored", "hostile")
	due := time.Date(2026, 11, 24, 10, 9, 33, 0, time.UTC)
	records.digests[0].Postmortem = &incident.Review{Number: 7, Due: due}
	bad := &records.digests[1]
	bad.Incident, bad.Signal, bad.ValueText, bad.Version, bad.Reason = "incident-evil", evil, evil, evil, evil
	bad.Postmortem = &incident.Review{Number: 8, Due: due, DoneAt: due, By: evil, Link: "javascript:alert(1)"}
	o := Options{Watches: onWatch(), Records: records}
	for name, path := range map[string]string{
		"home": "/", "incidents": "/incidents/", "open": "/incidents/?open=true&namespace=" + url.QueryEscape(evil),
		"incident": "/incidents/incident-20261122T100653Z/", "hostile": "/incidents/incident-evil/",
		"watch": "/watches/production.shop.evil", "remembered": "/watches/production.shop.hostile",
		"no-incident": "/incidents/none/", "no-file": "/incidents/incident-evil/..%2f..%2fetc%2fpasswd", "wrong": "/incidents/?limit=" + url.QueryEscape(evil),
	} {
		t.Run(name, func(t *testing.T) {
			response := get(t, o, path)
			require.Equal(t, "text/html; charset=utf-8", response.Header.Get("Content-Type"))
			require.Equal(t, pagePolicy, response.Header.Get("Content-Security-Policy"))
			require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
			body := bodyText(t, response)
			harmless(t, body)
			golden(t, name, fmt.Sprintf("%d\n%s", response.StatusCode, passing.ReplaceAllString(body, "…")))
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".html.golden")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "run with -update to accept")
}

// harmless parses a page as a browser does, and looks for anything that acts, or that leads elsewhere.
func harmless(t *testing.T, body string) {
	t.Helper()
	tokens := html.NewTokenizer(strings.NewReader(body))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return
		}
		token := tokens.Token()
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		require.NotContains(t, []string{"script", "iframe", "object", "embed", "base", "svg", "style"}, token.Data)
		for _, a := range token.Attr {
			require.False(t, strings.HasPrefix(a.Key, "on") || a.Key == "style", "%s has %s", token.Data, a.Key)
			if a.Key == "href" || a.Key == "src" || a.Key == "action" {
				u, err := url.Parse(a.Val)
				require.NoError(t, err)
				require.True(t, u.Scheme == "" && u.Host == "" || u.Scheme == "https" || u.Scheme == "http", "%s leads to %s", token.Data, a.Val)
				require.False(t, strings.HasPrefix(a.Val, "/"), "%s leads to %s, which a proxy's path is not part of", token.Data, a.Val)
			}
		}
	}
}

// What an incident's folder holds is served as what it is, and not again to whoever has it.
func TestFilesOfAnIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where no time passes: a folder is kept for a few seconds, in which a busy machine does not ask for all of it
		records := keeping(t, "restored")
		handler, err := Handler(Options{Watches: watches{}, Records: records, Gatherer: prometheus.NewRegistry()})
		require.NoError(t, err)
		kinds := map[string]string{".md": "text/markdown; charset=utf-8", ".json": "application/json", ".jsonl": "application/x-ndjson", ".svg": "image/svg+xml", ".png": "image/png"}
		for _, f := range incident.Files(records.journals["production.shop.restored"]) {
			at := "/incidents/incident-20261122T100653Z/" + f.Name
			response := getFrom(handler, at)
			require.Equal(t, http.StatusOK, response.StatusCode, at)
			require.Equal(t, kinds[filepath.Ext(f.Name)], response.Header.Get("Content-Type"), at)
			require.Equal(t, filePolicy, response.Header.Get("Content-Security-Policy"))
			require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
			require.Equal(t, string(f.Body), bodyText(t, response), at)
			again := getFrom(handler, at, "If-None-Match", response.Header.Get("ETag"))
			require.Equal(t, http.StatusNotModified, again.StatusCode)
		}
		require.Equal(t, 1, records.reads, "a page and its files are one reading of the journal")
		response := getFrom(handler, "/incidents/incident-20261122T100653Z")
		require.Equal(t, []any{301, "incident-20261122T100653Z/"}, []any{response.StatusCode, response.Header.Get("Location")})
	})
}

// The page of an incident is its timeline, with all of its charts, and leads to all of its files.
func TestIncidentShowsItsFolder(t *testing.T) {
	records := keeping(t, "restored")
	body := bodyText(t, get(t, Options{Records: records}, "/incidents/incident-20261122T100653Z/"))
	for _, f := range incident.Files(records.journals["production.shop.restored"]) {
		require.Contains(t, body, `<li><a href="`+f.Name+`">`)
		if filepath.Ext(f.Name) == ".svg" {
			require.Contains(t, body, `<img src="`+f.Name+`"`)
		}
	}
	require.Contains(t, body, "<li>2026-11-22T10:00:28Z - Deployment completed</li>")
	require.Contains(t, body, "<strong>Rolled Back:</strong> 2026-11-22T10:07:04Z")
}

// The journal holds pod templates, and these the values of variables.
func TestSecretsAreHiddenInTheJournal(t *testing.T) {
	records := keeping(t, "restored")
	entries := records.journals["production.shop.restored"]
	for i := range entries {
		if entries[i].Pinned != nil {
			entries[i].Pinned.Release.Template = json.RawMessage(`{"spec":{"containers":[{"name":"app","image":"shop:v2","env":[{"name":"DB_PASSWORD","value":"canary-value"}]}]}}`)
		}
	}
	body := bodyText(t, get(t, Options{Records: records}, "/incidents/production.shop.restored/journal.jsonl"))
	require.NotContains(t, body, "canary-value")
	require.Contains(t, body, `"image":"shop:v2"`)
	require.Equal(t, len(entries), strings.Count(body, "\n"))
	var again []incident.Entry
	for line := range strings.Lines(body) {
		var e incident.Entry
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		again = append(again, e)
	}
	require.Equal(t, string(incident.JSON(entries)), string(incident.JSON(again)), "the journal still tells the same")
}

func TestAPIOfIncidents(t *testing.T) {
	records := keeping(t, "restored")
	first := records.digests[0]
	for i := range 5 {
		d := first
		d.Watch, d.Times.Accepted = fmt.Sprint("production.shop.", i), first.At().Add(time.Duration(-i-1)*time.Hour)
		records.digests = append(records.digests, d)
	}
	var seen []string
	for next := ""; ; {
		var page struct {
			Incidents []incident.Digest `json:"incidents"`
			Next      string            `json:"next"`
		}
		response := get(t, Options{Records: records}, "/api/v1/incidents?limit=4&before="+url.QueryEscape(next))
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.NoError(t, json.Unmarshal([]byte(bodyText(t, response)), &page))
		for _, d := range page.Incidents {
			seen = append(seen, d.Watch)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	require.Equal(t, []string{"production.shop.restored", "production.shop.0", "production.shop.1", "production.shop.2", "production.shop.3", "production.shop.4"}, seen)

	response := get(t, Options{Records: records}, "/api/v1/incidents/incident-20261122T100653Z")
	require.Equal(t, string(incident.JSON(records.journals["production.shop.restored"])), bodyText(t, response))
	for path, want := range map[string]int{
		"/api/v1/incidents/none": 404, "/api/v1/incidents?limit=0": 400, "/api/v1/incidents?open=perhaps": 400,
		"/api/v1/incidents?since=yesterday": 400, "/api/v1/incidents?before=x": 400,
	} {
		response := get(t, Options{Records: records}, path)
		require.Equal(t, want, response.StatusCode, path)
		require.Equal(t, "application/json", response.Header.Get("Content-Type"))
	}
	records.err = errors.New("NATS is away")
	for _, path := range []string{"/api/v1/incidents", "/api/v1/incidents/incident-20261122T100653Z", "/incidents/", "/incidents/none/", "/watches/none"} {
		require.Equal(t, http.StatusServiceUnavailable, get(t, Options{Records: records}, path).StatusCode, path)
	}
	require.Equal(t, http.StatusOK, get(t, Options{Records: records}, "/").StatusCode, "what goes on is known without the ledger")
}

// The newest numbers are shown against their limits.
func TestNumbers(t *testing.T) {
	require.Equal(t, "errors: no data", numbers(analyzer.Assessment{Signal: "errors", Outcome: analyzer.OutcomeNoData}))
	require.Equal(t, "errors: 20.00 % (limit 1.00 %)", numbers(analyzer.Assessment{Signal: "errors", Kind: analyzer.KindErrorRate, Value: 0.2, Limit: 0.01}))
}

func TestLinksLeadBack(t *testing.T) {
	for at, want := range map[string]string{"/": "./", "/incidents/": "../", "/incidents/i/": "../../", "/watches/w": "../"} {
		require.Equal(t, want, rootOf(at), at)
	}
}

package notifier

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// grafanaAPI keeps annotations as Grafana's HTTP API does, by
// https://grafana.com/docs/grafana/latest/developers/http_api/annotations/.
type grafanaAPI struct {
	t    *testing.T
	mu   sync.Mutex
	kept []map[string]any
	// lost has the answer to the next POST be lost, after it was done.
	lost bool
}

func (g *grafanaAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if got := r.Header.Get("Authorization"); got != "Bearer "+canary {
		g.t.Errorf("authorization %q", got)
	}
	path := strings.TrimPrefix(r.URL.Path, "/grafana/api/annotations")
	switch {
	case r.Method == http.MethodGet && path == "":
		g.list(w, r)
	case r.Method == http.MethodPost && path == "":
		a := g.read(r, "dashboardUID", "panelId", "time", "timeEnd", "tags", "text")
		a["id"] = float64(len(g.kept) + 1)
		g.kept = append(g.kept, a)
		if g.lost {
			g.lost = false
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, `{"message":"Annotation added","id":%v}`, a["id"])
	case r.Method == http.MethodPatch:
		for _, a := range g.kept {
			if path == fmt.Sprintf("/%v", a["id"]) {
				for k, v := range g.read(r, "text", "tags", "time", "timeEnd") {
					a[k] = v
				}
				fmt.Fprint(w, `{"message":"Annotation patched"}`)
				return
			}
		}
		http.NotFound(w, r)
	default:
		g.t.Errorf("got %s %s", r.Method, r.URL)
	}
}

func (g *grafanaAPI) list(w http.ResponseWriter, r *http.Request) {
	out := []map[string]any{}
	for _, a := range g.kept {
		if slices.Contains(a["tags"].([]any), any(r.URL.Query().Get("tags"))) {
			out = append(out, a)
		}
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (g *grafanaAPI) read(r *http.Request, allowed ...string) map[string]any {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		g.t.Error(err)
	}
	for k := range body {
		if !slices.Contains(allowed, k) {
			g.t.Errorf("%s has the key %q", r.Method, k)
		}
	}
	return body
}

func grafana(url string) *Grafana {
	return NewGrafana(GrafanaOptions{Name: "charts", URL: url + "/grafana/", Token: func() (string, error) { return canary, nil }, DashboardUID: "shop", PanelID: 2, Tags: []string{"team:shop"}})
}

func TestGrafanaRegion(t *testing.T) {
	api := &grafanaAPI{t: t, lost: true}
	sink := grafana(serve(t, api.ServeHTTP).URL)
	deployed := badRelease()
	deployed.ID, deployed.At, deployed.Kind, deployed.Severity, deployed.Title = "w1.1", clock("10:00:00"), KindDeployed, Info, "shop/checkout v1.2.3 was deployed"
	deployed.Incident, deployed.Open, deployed.Value, deployed.Action, deployed.StartedAt = "", false, "", "", clock("00:00:00").AddDate(1, 0, 0)
	stage := deployed
	stage.Kind, stage.Title = KindStage, "the first stage is over"

	if retry, err := sink.Notify(t.Context(), deployed); !retry || err == nil {
		t.Fatalf("Notify = %v, %v; the answer was lost", retry, err)
	}
	for _, n := range []Notice{deployed, stage, badRelease(), recovered(), recovered()} {
		if retry, err := sink.Notify(t.Context(), n); retry || err != nil {
			t.Fatalf("Notify = %v, %v", retry, err)
		}
	}
	want := []map[string]any{{
		"id": 1., "dashboardUID": "shop", "panelId": 2., "time": float64(clock("10:00:00").UnixMilli()), "timeEnd": float64(clock("10:07:30").UnixMilli()),
		"tags": []any{"rollbackd:2208334739b56554", "rollbackd", "kind:rolled-back", "environment:production", "namespace:shop", "workload:checkout", "version:v1.2.3", "team:shop"},
		"text": "shop/checkout v1.2.3 was rolled back, and it helped\nerrors: 0.3 % (limit 1.1 %, before 0.4 %)\nIt was rolled back to v1.2.2.\n" +
			`<a href="https://rollbackd.example/incidents/incident-20261122T100510Z/">What rollbackd recorded</a>`,
	}}
	if diff := cmp.Diff(want, api.kept); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

func TestGrafanaWithoutABeginning(t *testing.T) {
	api := &grafanaAPI{t: t}
	sink := grafana(serve(t, api.ServeHTTP).URL)
	lost := Notice{ID: "lost-1", At: clock("11:00:00"), Kind: KindOther, Severity: Page, Title: "NATS was wiped"}
	quiet := Notice{ID: "q", At: clock("11:00:00"), Kind: KindOther, Severity: Info, Title: "nothing"}
	for _, n := range []Notice{recovered(), lost, quiet} {
		if _, err := sink.Notify(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, a := range api.kept {
		got = append(got, fmt.Sprintf("%.0f %v", a["time"], a["timeEnd"]))
	}
	want := []string{
		fmt.Sprintf("%d %v", clock("10:05:00").UnixMilli(), float64(clock("10:07:30").UnixMilli())),
		fmt.Sprintf("%d <nil>", clock("11:00:00").UnixMilli()),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

func TestGrafanaNoticeWithoutATime(t *testing.T) {
	api := &grafanaAPI{t: t}
	sink := grafana(serve(t, api.ServeHTTP).URL)
	sink.opts.Now = func() time.Time { return clock("11:00:00") }
	mustNotify(t, sink, Notice{ID: "t-1", Kind: KindTest, Title: "a test"})
	if got := api.kept[0]["time"]; got != float64(clock("11:00:00").UnixMilli()) {
		t.Errorf("drawn at %v", got)
	}
}

func TestGrafanaIsRobust(t *testing.T) {
	wantRobust(t, func(url string) Sink { return grafana(url) })
	t.Run("a page to log in", func(t *testing.T) {
		retry, err := grafana(serve(t, answering(200, "<html>log in")).URL).Notify(t.Context(), badRelease())
		if retry || err == nil || !strings.Contains(err.Error(), "is the URL that of Grafana itself?") {
			t.Errorf("Notify = %v, %v", retry, err)
		}
	})
	t.Run("the token cannot be read", func(t *testing.T) {
		sink := NewGrafana(GrafanaOptions{Name: "charts", Token: func() (string, error) { return "", errors.New("no such file") }})
		if retry, err := sink.Notify(t.Context(), badRelease()); !retry || err == nil {
			t.Errorf("Notify = %v, %v; want another try", retry, err)
		}
	})
}

func TestGrafanaHostileNotice(t *testing.T) {
	api := &grafanaAPI{t: t}
	if _, err := grafana(serve(t, api.ServeHTTP).URL).Notify(t.Context(), evilNotice()); err != nil {
		t.Fatal(err)
	}
	a := api.kept[0]
	if text := a["text"].(string); strings.ContainsAny(text, "<>\x00\x1b\u202e\r") || len(text) > 50_000 {
		t.Errorf("the text is %.300q", text)
	}
	if tags, _ := json.Marshal(a["tags"]); len(tags) > maxGrafanaTags || strings.Contains(string(tags), `\u0000`) {
		t.Errorf("the tags are %s", tags)
	}
}

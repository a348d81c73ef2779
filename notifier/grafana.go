package notifier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The bounds of an annotation. Grafana refuses tags whose JSON is longer than 500 characters (its setting annotations.tags_length), and keeps
// what is before and after the colon of a tag in columns of 100.
const (
	maxGrafanaTag  = 80
	maxGrafanaTags = 500
	maxGrafanaText = 1000
)

// GrafanaOptions configure a Grafana.
type GrafanaOptions struct {
	Name string
	// URL is Grafana's base address.
	URL string
	// Token returns the token of a service account that may create, read and write annotations; it is asked before each call.
	Token func() (string, error)
	// DashboardUID and PanelID tie the annotations to one dashboard, and to one of its panels; without them every dashboard may show them by
	// their tags.
	DashboardUID string
	PanelID      int64
	// Tags are added to each annotation.
	Tags []string
	// Client talks to it; nil means a plain one.
	Client *http.Client
	// Now is the time; nil means time.Now.
	Now func() time.Time
}

// Grafana is a Sink that draws each watched deployment as an annotation, which becomes a region from the deployment to the end of its watch or
// of its incident. Which annotation is a watch's is told by a tag, so nothing need be remembered.
type Grafana struct {
	opts   GrafanaOptions
	client *http.Client
}

// NewGrafana returns a sink that connects to nothing yet.
func NewGrafana(opts GrafanaOptions) *Grafana {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Grafana{opts: opts, client: newHTTPClient(opts.Client)}
}

// Name returns the sink's name.
func (g *Grafana) Name() string { return g.opts.Name }

// Notify makes the annotation that the notice is about, or brings it up to date. The same notice again changes nothing.
func (g *Grafana) Notify(ctx context.Context, n Notice) (retry bool, err error) {
	if !drawn(n) {
		return false, nil
	}
	token, err := g.opts.Token()
	if err != nil {
		// A file that cannot be read now may be there in a moment, as when a Secret is mounted anew.
		return true, fmt.Errorf("the token: %w", err)
	}
	id, err := g.find(ctx, token, regionTag(n))
	if err != nil {
		return mayRetry(err), err
	}
	a := g.annotation(n)
	if id == 0 {
		err = g.create(ctx, token, a)
	} else {
		// It began when it was made; where and when that was stays.
		err = g.patch(ctx, token, id, grafanaPatch{Text: a.Text, Tags: a.Tags, TimeEnd: a.TimeEnd})
	}
	return mayRetry(err), err
}

// drawn reports whether a notice shows in Grafana. Stages and reviews say nothing that a chart lacks.
func drawn(n Notice) bool {
	switch n.Kind {
	case KindStage, KindPostmortem:
		return false
	case KindTest:
		return true
	}
	return n.Watch != "" || n.Incident != "" || n.Severity == Warn || n.Severity == Page
}

// annotation is what POST /api/annotations takes (https://grafana.com/docs/grafana/latest/developers/http_api/annotations/).
type annotation struct {
	DashboardUID string   `json:"dashboardUID,omitempty"`
	PanelID      int64    `json:"panelId,omitempty"`
	Time         int64    `json:"time"`
	TimeEnd      int64    `json:"timeEnd,omitempty"`
	Tags         []string `json:"tags"`
	Text         string   `json:"text"`
}

// grafanaPatch is what PATCH /api/annotations/:id takes; what is left out stays as it is.
type grafanaPatch struct {
	TimeEnd int64    `json:"timeEnd,omitempty"`
	Tags    []string `json:"tags,omitempty"`
	Text    string   `json:"text,omitempty"`
}

func (g *Grafana) annotation(n Notice) annotation {
	if n.At.IsZero() {
		n.At = g.opts.Now()
	}
	begins := n.At
	if !n.StartedAt.IsZero() && n.StartedAt.Before(begins) {
		begins = n.StartedAt
	}
	a := annotation{
		DashboardUID: g.opts.DashboardUID, PanelID: g.opts.PanelID, Time: begins.UnixMilli(), Tags: g.tags(n), Text: grafanaText(n),
	}
	if regionEnds(n) {
		a.TimeEnd = n.At.UnixMilli()
	}
	return a
}

// regionEnds reports whether nothing more is to come of what the notice is about.
func regionEnds(n Notice) bool {
	switch n.Kind {
	case KindRolledBack, KindUnresolved, KindResolved, KindHealthy, KindEnded:
		return !n.Open
	}
	return false
}

// tags are those by which dashboards choose annotations. The first is the one that the annotation is found again by.
func (g *Grafana) tags(n Notice) []string {
	namespace, workload := splitWorkload(n.Workload)
	out := []string{regionTag(n), "rollbackd"}
	for _, t := range []struct{ name, value string }{
		{"kind", string(n.Kind)}, {"environment", n.Environment}, {"namespace", namespace}, {"workload", workload}, {"version", n.Version},
	} {
		if value := short(t.value, maxGrafanaTag); value != "" {
			out = append(out, t.name+":"+value)
		}
	}
	out = append(out, g.opts.Tags...)
	for {
		if whole, err := json.Marshal(out); err == nil && len(whole) <= maxGrafanaTags {
			return out
		}
		out = out[:len(out)-1]
	}
}

// regionTag names the watch, or else the incident or the notice, in few characters.
func regionTag(n Notice) string {
	about := n.Watch
	if about == "" {
		about = n.Incident
	}
	if about == "" {
		about = n.ID
	}
	sum := sha256.Sum256([]byte(about))
	return "rollbackd:" + hex.EncodeToString(sum[:8])
}

// grafanaText is HTML, which Grafana cleans before it shows it; what is not ours is escaped all the same.
func grafanaText(n Notice) string {
	var lines []string
	for _, line := range []string{n.Title, Numbers(n), n.Action} {
		if line = short(line, maxGrafanaText); line != "" {
			lines = append(lines, html.EscapeString(line))
		}
	}
	if link := webLink(n.Link); link != "" {
		lines = append(lines, fmt.Sprintf(`<a href="%s">What rollbackd recorded</a>`, html.EscapeString(link)))
	}
	return strings.Join(lines, "\n")
}

// find returns the ID of the newest annotation with that tag; zero if there is none.
func (g *Grafana) find(ctx context.Context, token, tag string) (int64, error) {
	answer, err := g.call(token, http.MethodGet, "?"+url.Values{"tags": {tag}, "type": {"annotation"}, "limit": {"10"}}.Encode(), nil).do(ctx)
	if err != nil {
		return 0, err
	}
	var found []struct {
		ID   int64    `json:"id"`
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(answer.Body, &found); err != nil {
		return 0, g.misunderstood("a list of annotations")
	}
	for _, a := range found {
		if slices.Contains(a.Tags, tag) {
			return a.ID, nil
		}
	}
	return 0, nil
}

func (g *Grafana) create(ctx context.Context, token string, a annotation) error {
	answer, err := g.call(token, http.MethodPost, "", a).do(ctx)
	if err != nil {
		return err
	}
	var made struct {
		ID int64 `json:"id"`
	}
	// A proxy that wants people to log in answers with a page, and 200.
	if err := json.Unmarshal(answer.Body, &made); err != nil || made.ID == 0 {
		return g.misunderstood("the ID of the annotation that was made")
	}
	return nil
}

func (g *Grafana) patch(ctx context.Context, token string, id int64, p grafanaPatch) error {
	_, err := g.call(token, http.MethodPatch, "/"+strconv.FormatInt(id, 10), p).do(ctx)
	return err
}

func (g *Grafana) call(token, method, rest string, body any) httpCall {
	return httpCall{
		Client: g.client, Method: method, URL: strings.TrimSuffix(g.opts.URL, "/") + "/api/annotations" + rest, Body: body,
		Header: http.Header{"Authorization": {"Bearer " + token}, "Accept": {"application/json"}}, Now: g.opts.Now,
	}
}

func (g *Grafana) misunderstood(wanted string) error {
	return &httpError{Status: http.StatusOK, text: "the answer is not " + wanted + "; is the URL that of Grafana itself?"}
}

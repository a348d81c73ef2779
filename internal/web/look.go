package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/watch"
)

//go:embed look
var look embed.FS

// The policies of what a browser may do with what it is given. No page has a script, and nothing is loaded from elsewhere.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	// filePolicy is that of a file of an incident, which holds text from events: a picture may have a style of its own, and nothing else.
	filePolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// page is what every page shows, Body what this one does.
type page struct {
	Title, Instance string
	// Root leads from the page to the first one; links are relative, so that a proxy may serve them below any path.
	Root string
	// Refresh is after how many seconds a browser asks again; zero means never.
	Refresh int
	Now     time.Time
	// Remarks are what people should know of the daemon.
	Remarks []string
	// Notes are said in passing.
	Notes []string
	Body  any
}

func parseLook() (*template.Template, error) {
	return template.New("look").Funcs(template.FuncMap{
		"when": when, "tone": tone, "numbers": numbers,
		"review": func(r *incident.Review) *incident.Review { return r },
	}).ParseFS(look, "look/page.html")
}

func when(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// tone is the class of a state or a verdict.
func tone(s any) string {
	switch fmt.Sprint(s) {
	case string(watch.Healthy), string(watch.RolledBack), string(analyzer.Healthy):
		return "good"
	case string(watch.Regressed), string(watch.AwaitingApproval), string(watch.RollingBack), string(watch.Verifying),
		string(watch.NotRecovered), string(watch.Held), string(watch.Failed), string(analyzer.Regressed):
		return "bad"
	case string(watch.RolledBackUnverified), string(watch.Inconclusive), string(analyzer.NoData), string(analyzer.External), string(analyzer.SickPod):
		return "odd"
	}
	return ""
}

// numbers tells what a signal showed last, against its limit.
func numbers(a analyzer.Assessment) string {
	if a.Outcome == analyzer.OutcomeNoData || a.Outcome == analyzer.OutcomeError {
		return a.Signal + ": no data"
	}
	value, limit := a.Shown()
	return fmt.Sprintf("%s: %s (limit %s)", a.Signal, value, limit)
}

// show writes a page. It is made whole first, so that one which cannot be made is not half there.
func (s *site) show(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	p.Instance, p.Now = s.Instance, time.Now()
	if s.Remarks != nil {
		p.Remarks = s.Remarks()
	}
	if s.Notes != nil {
		p.Notes = s.Notes()
	}
	var out bytes.Buffer
	if err := s.look.ExecuteTemplate(&out, name, p); err != nil {
		http.Error(w, "the page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	guard(w.Header(), pagePolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(out.Bytes()) // an error means that the client has gone
	}
}

// problem is the page that says what is wrong.
func (s *site) problem(w http.ResponseWriter, r *http.Request, status int, text string) {
	s.show(w, r, status, "problem", page{Title: http.StatusText(status), Root: rootOf(r.URL.Path), Body: text})
}

// rootOf leads from a page's path to the first page.
func rootOf(at string) string {
	depth := strings.Count(strings.TrimPrefix(at, "/"), "/")
	if depth == 0 {
		return "./"
	}
	return strings.Repeat("../", depth)
}

func guard(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

// serveFile writes a file with an ETag, so that it is not sent again to who has it.
func serveFile(w http.ResponseWriter, r *http.Request, name string, body []byte, policy string) {
	guard(w.Header(), policy)
	sum := sha256.Sum256(body)
	w.Header().Set("Content-Type", contentType(name))
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// contentType is known for each file that we write; others are bytes.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".md":
		return "text/markdown; charset=utf-8"
	case ".json":
		return "application/json"
	case ".jsonl":
		return "application/x-ndjson"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".css":
		return "text/css; charset=utf-8"
	case ".log", ".txt", ".yaml", ".diff":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// css serves what the pages look like.
func (s *site) css(w http.ResponseWriter, r *http.Request) {
	body, err := look.ReadFile("look/page.css")
	if err != nil {
		http.NotFound(w, r)
		return
	}
	serveFile(w, r, "page.css", body, filePolicy)
}

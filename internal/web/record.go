package web

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"sync"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/rollbackd/rollbackd/internal/incident"
)

const (
	// freshFor is for how long a folder that was rendered is shown to all who ask: a page asks for itself and then for each chart.
	freshFor = 5 * time.Second
	// mostFolders is how many are kept meanwhile.
	mostFolders = 4
)

// folder is what an incident's folder holds, rendered from its journal.
type folder struct {
	digest incident.Digest
	files  []incident.File
	until  time.Time
}

func (f folder) file(name string) ([]byte, bool) {
	for _, file := range f.files {
		if file.Name == name {
			return file.Body, true
		}
	}
	return nil, false
}

// folders renders folders, one at a time: a journal of a day is megabytes, and many at once would be many of these.
type folders struct {
	records Records
	mu      sync.Mutex
	fresh   map[string]folder
}

// of returns the folder of an incident, by its ID or by the key of its watch.
func (f *folders) of(ctx context.Context, name string) (folder, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if known, ok := f.fresh[name]; ok && now.Before(known.until) {
		return known, nil
	}
	digest, err := f.records.Digest(ctx, name)
	if err != nil {
		return folder{}, err
	}
	if digest.Watch == "" {
		return folder{}, errNoRecord
	}
	entries, err := f.records.Entries(ctx, digest.Watch)
	if err != nil {
		return folder{}, err
	}
	if len(entries) == 0 {
		return folder{}, errNoRecord
	}
	made := folder{digest: digest, files: incident.Files(entries), until: now.Add(freshFor)}
	f.keep(name, made, now)
	return made, nil
}

func (f *folders) keep(name string, made folder, now time.Time) {
	for other, old := range f.fresh {
		if !now.Before(old.until) || len(f.fresh) >= mostFolders {
			delete(f.fresh, other)
		}
	}
	f.fresh[name] = made
}

// record is the page of one incident.
func (s *site) record(w http.ResponseWriter, r *http.Request) {
	made, ok := s.folder(w, r)
	if !ok {
		return
	}
	timeline, _ := made.file("timeline.md")
	text, err := markdown(timeline)
	if err != nil {
		s.problem(w, r, http.StatusInternalServerError, "The timeline cannot be shown: "+err.Error())
		return
	}
	body := struct {
		Files, Charts []string
		Review        *incident.Review
		Timeline      template.HTML
	}{Review: made.digest.Postmortem, Timeline: text}
	for _, f := range made.files {
		if path.Ext(f.Name) == ".svg" {
			body.Charts = append(body.Charts, f.Name)
		}
		body.Files = append(body.Files, f.Name)
	}
	d := made.digest
	title := d.Namespace + "/" + d.Workload + " " + d.Version + ": " + d.State
	s.show(w, r, http.StatusOK, "record", page{Title: title, Root: rootOf(r.URL.Path), Body: body})
}

// file serves one file of an incident's folder.
func (s *site) file(w http.ResponseWriter, r *http.Request) {
	made, ok := s.folder(w, r)
	if !ok {
		return
	}
	name := r.PathValue("file")
	body, ok := made.file(name)
	if !ok {
		s.problem(w, r, http.StatusNotFound, "The incident has no such file; its page lists those that it has.")
		return
	}
	serveFile(w, r, name, body, filePolicy)
}

// folder renders the folder that a request is about, or answers why it cannot.
func (s *site) folder(w http.ResponseWriter, r *http.Request) (folder, bool) {
	made, err := s.folders.of(r.Context(), r.PathValue("id"))
	switch {
	case errors.Is(err, errNoRecord):
		s.problem(w, r, http.StatusNotFound, "There is no such incident. The list has all of the last two years.")
	case err != nil:
		s.problem(w, r, http.StatusServiceUnavailable, "The journal cannot be read now; try again in a moment.")
	}
	return made, err == nil
}

// apiIncident answers with incident.json.
func (s *site) apiIncident(w http.ResponseWriter, r *http.Request) {
	made, err := s.folders.of(r.Context(), r.PathValue("id"))
	body, ok := made.file("incident.json")
	switch {
	case errors.Is(err, errNoRecord), err == nil && !ok:
		answer(w, http.StatusNotFound, map[string]string{"error": "there is no incident with this id; /api/v1/incidents lists them"})
	case err != nil:
		answer(w, http.StatusServiceUnavailable, map[string]string{"error": "the journal cannot be read now"})
	default:
		serveFile(w, r, "incident.json", body, filePolicy)
	}
}

// slash sends those who left out the last slash to the page, by a path relative to where they are.
func slash(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", url.PathEscape(path.Base(r.URL.Path))+"/")
	w.WriteHeader(http.StatusMovedPermanently)
}

// markdown makes HTML of our own Markdown. What came from outside is escaped in it already; should something have slipped through, raw
// HTML and links that are not of the web are left out here.
func markdown(source []byte) (template.HTML, error) {
	var out bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithRendererOptions(html.WithHardWraps())).Convert(source, &out); err != nil {
		return "", err
	}
	return template.HTML(out.String()), nil
}

package notifier

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// slackMessageGot is a message as a channel of the simulated Slack has it.
type slackMessageGot struct {
	TS, Thread, Text string
	Broadcast        bool
	Color            string
	Blocks           []slackBlock
}

// slackTeam is a workspace of Slack: it holds what it is sent to what https://docs.slack.dev/reference/methods says, and keeps it.
type slackTeam struct {
	t   *testing.T
	url string

	mu       sync.Mutex
	messages []*slackMessageGot
	uploaded []byte
	files    []url.Values
	// refuse has the next call of a method be answered with that error.
	refuse map[string]string
	calls  []string
}

func newSlackTeam(t *testing.T) *slackTeam {
	team := &slackTeam{t: t, refuse: map[string]string{}}
	team.url = serve(t, team.ServeHTTP).URL
	return team
}

func (s *slackTeam) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	s.calls = append(s.calls, method)
	body, _ := io.ReadAll(r.Body)
	if r.Method != http.MethodPost {
		s.t.Errorf("%s %s", r.Method, r.URL)
	}
	if method == "/upload/v1/"+"secret" {
		s.uploaded = body
		if r.Header.Get("Authorization") != "" || r.Header.Get("Content-Type") != "image/png" {
			s.t.Errorf("the picture came with %v", r.Header)
		}
		return
	}
	if got := r.Header.Get("Authorization"); got != "Bearer "+canary {
		s.t.Errorf("authorization %q", got)
	}
	if code := s.refuse[method]; code != "" {
		delete(s.refuse, method)
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": false, "error": code, "needed": "chat:write", "token": canary})
		return
	}
	switch method {
	case "chat.postMessage":
		s.post(w, r, body)
	case "chat.update":
		s.update(w, r, body)
	case "files.getUploadURLExternal":
		s.place(w, r, body)
	case "files.completeUploadExternal":
		form, _ := url.ParseQuery(string(body))
		s.files = append(s.files, form)
		fmt.Fprint(w, `{"ok":true,"files":[{"id":"F123ABC456","title":"x"}]}`)
	default:
		s.t.Errorf("unknown method %s", method)
	}
}

func (s *slackTeam) read(r *http.Request, body []byte, allowed ...string) slackMessage {
	if got := r.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		s.t.Errorf("content type %q", got)
	}
	var keys map[string]any
	var m slackMessage
	if err := errors.Join(json.Unmarshal(body, &keys), json.Unmarshal(body, &m)); err != nil {
		s.t.Error(err)
	}
	for k := range keys {
		if !slices.Contains(append(allowed, "channel", "text", "attachments", "unfurl_links", "unfurl_media"), k) {
			s.t.Errorf("a message has the key %q", k)
		}
	}
	wantSlackLimits(s.t, m)
	return m
}

func (s *slackTeam) post(w http.ResponseWriter, r *http.Request, body []byte) {
	m := s.read(r, body, "thread_ts", "reply_broadcast")
	if m.Channel != "C024BE91L" {
		fmt.Fprint(w, `{"ok":false,"error":"channel_not_found"}`)
		return
	}
	if m.ThreadTS != "" && s.find(m.ThreadTS) == nil {
		fmt.Fprint(w, `{"ok":false,"error":"thread_not_found"}`)
		return
	}
	got := &slackMessageGot{TS: fmt.Sprintf("1795342000.%06d", len(s.calls)), Thread: m.ThreadTS, Broadcast: m.ReplyBroadcast}
	got.set(m)
	s.messages = append(s.messages, got)
	fmt.Fprintf(w, `{"ok":true,"channel":"C024BE91L","ts":%q,"message":{"text":"x"}}`, got.TS)
}

func (s *slackTeam) update(w http.ResponseWriter, r *http.Request, body []byte) {
	m := s.read(r, body, "ts")
	got := s.find(m.TS)
	if got == nil || m.Channel != "C024BE91L" {
		fmt.Fprint(w, `{"ok":false,"error":"message_not_found"}`)
		return
	}
	got.set(m)
	fmt.Fprintf(w, `{"ok":true,"channel":"C024BE91L","ts":%q,"text":"x"}`, got.TS)
}

func (s *slackTeam) place(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || form.Get("length") != "7" || form.Get("filename") != "chart.png" {
		s.t.Errorf("asked to upload %s", body)
	}
	fmt.Fprintf(w, `{"ok":true,"upload_url":"%s//upload/v1/secret","file_id":"F123ABC456"}`, s.url+"/api")
}

func (s *slackTeam) find(ts string) *slackMessageGot {
	for _, m := range s.messages {
		if m.TS == ts {
			return m
		}
	}
	return nil
}

func (m *slackMessageGot) set(from slackMessage) {
	m.Text, m.Color, m.Blocks = from.Text, "", nil
	if len(from.Attachments) > 0 {
		m.Color, m.Blocks = from.Attachments[0].Color, from.Attachments[0].Blocks
	}
}

// outline shows the threads of the channel, one line a message.
func (s *slackTeam) outline() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, root := range s.messages {
		if root.Thread != "" {
			continue
		}
		fmt.Fprintln(&b, root.Text)
		for _, m := range s.messages {
			if m.Thread == root.TS {
				fmt.Fprintf(&b, "  %s broadcast=%v\n", m.Text, m.Broadcast)
			}
		}
	}
	return b.String()
}

// wantSlackLimits holds a message to the limits that Slack publishes.
func wantSlackLimits(t *testing.T, m slackMessage) {
	t.Helper()
	if n := utf8.RuneCountInString(m.Text); n == 0 || n > 4000 {
		t.Errorf("the text has %d characters", n)
	}
	for _, a := range m.Attachments {
		if len(a.Blocks) > 50 {
			t.Errorf("%d blocks", len(a.Blocks))
		}
		for _, b := range a.Blocks {
			wantSlackBlock(t, b)
		}
	}
}

func wantSlackBlock(t *testing.T, b slackBlock) {
	t.Helper()
	within := func(texts []slackText, most, each int) {
		if len(texts) > most {
			t.Errorf("a %s has %d texts", b.Type, len(texts))
		}
		for _, text := range texts {
			if n := utf8.RuneCountInString(text.Text); n == 0 || n > each || text.Type != "mrkdwn" || !text.Verbatim {
				t.Errorf("a text of a %s has %d characters, type %s, verbatim %v", b.Type, n, text.Type, text.Verbatim)
			}
		}
	}
	switch b.Type {
	case "section":
		if b.Text == nil && len(b.Fields) == 0 {
			t.Error("a section has neither text nor fields")
		}
		if b.Text != nil {
			within([]slackText{*b.Text}, 1, 3000)
		}
		within(b.Fields, 10, 2000)
	case "context":
		within(b.Elements, 10, 2000)
	default:
		t.Errorf("a block of type %s", b.Type)
	}
}

package notifier

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// slackAPI calls the methods of Slack's Web API (https://docs.slack.dev/apis/web-api).
type slackAPI struct {
	base, token string
	client      *http.Client
	now         func() time.Time
}

// slackPosted is what a method answers, as far as it matters here.
type slackPosted struct {
	OK      bool   `json:"ok"`
	Error   string `json:"error"`
	Needed  string `json:"needed"`
	Channel string `json:"channel"`
	TS      string `json:"ts"`
	// UploadURL and FileID answer files.getUploadURLExternal.
	UploadURL string `json:"upload_url"`
	FileID    string `json:"file_id"`
}

// slackError is a refusal by Slack, which comes with the status 200.
type slackError struct {
	httpError
	code string
}

// Unwrap lets the refusal be judged as any failed call.
func (e *slackError) Unwrap() error { return &e.httpError }

// send calls a method with a document.
func (a slackAPI) send(ctx context.Context, method string, body any) (slackPosted, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return slackPosted{}, &httpError{text: fmt.Sprintf("encoding a message: %v", err)}
	}
	return a.call(ctx, method, "application/json; charset=utf-8", data)
}

// submit calls a method with a form, which all methods take; some take nothing else.
func (a slackAPI) submit(ctx context.Context, method string, form url.Values) (slackPosted, error) {
	return a.call(ctx, method, "application/x-www-form-urlencoded", []byte(form.Encode()))
}

func (a slackAPI) call(ctx context.Context, method, contentType string, body []byte) (slackPosted, error) {
	answer, err := httpCall{
		Client: a.client, URL: strings.TrimSuffix(a.base, "/") + "/" + method, Body: body, Now: a.now,
		Header: http.Header{"Authorization": {"Bearer " + a.token}, "Content-Type": {contentType}},
	}.do(ctx)
	if err != nil {
		return slackPosted{}, err
	}
	var posted slackPosted
	if err := json.Unmarshal(answer.Body, &posted); err != nil {
		return slackPosted{}, &httpError{Status: answer.Status, text: method + ": the answer is not one of Slack's; is the URL that of its Web API?"}
	}
	if !posted.OK {
		return slackPosted{}, a.refusal(method, answer, posted)
	}
	return posted, nil
}

func (a slackAPI) refusal(method string, answer httpAnswer, posted slackPosted) error {
	code := short(blotOut(posted.Error, []string{a.token}), 100)
	e := &slackError{code: posted.Error, httpError: httpError{Status: answer.Status, Retry: slackMayPass(posted.Error)}}
	if e.Retry {
		e.After = retryAfter(answer.Header.Get("Retry-After"), a.time())
	}
	e.text = method + ": Slack answered " + code
	if advice := slackAdvice(posted); advice != "" {
		e.text += ": " + advice
	}
	return e
}

func (a slackAPI) time() time.Time {
	if a.now != nil {
		return a.now()
	}
	return time.Now()
}

// slackMayPass reports whether a refusal is by Slack's own trouble, and not by what was asked.
func slackMayPass(code string) bool {
	switch code {
	case "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "accesslimited", "team_added_to_org":
		return true
	}
	return false
}

// slackAdvice says what to do about the refusals that a wrong configuration gets.
func slackAdvice(posted slackPosted) string {
	switch posted.Error {
	case "not_in_channel":
		return "invite the bot to the channel"
	case "channel_not_found":
		return "use the channel's ID, and invite the bot if the channel is private"
	case "missing_scope":
		return "give the bot the scope " + short(posted.Needed, 100)
	case "invalid_auth", "not_authed", "token_revoked", "account_inactive", "token_expired":
		return "the token is not, or no longer, that of a bot in this workspace"
	}
	return ""
}

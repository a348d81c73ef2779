package notifier

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The least and the most bytes of a webhook's secret, by the Standard Webhooks specification.
const (
	leastSecret = 24
	mostSecret  = 64
)

// secretPrefix may stand before a secret, so that people know it as one.
const secretPrefix = "whsec_"

// WebhookOptions configures a Webhook sink.
type WebhookOptions struct {
	// Name is the sink's.
	Name string
	// URL is where notices are posted. What comes after its host may be a secret.
	URL string
	// Source is a URI reference that names this daemon among all that write events, such as /rollbackd/production-eu.
	Source string
	// Secrets reads the secrets that bodies are signed with, each in base64 and with or without the prefix whsec_, for each notice: one, or
	// two while receivers change over. Nil means that bodies are not signed.
	Secrets func() ([]string, error)
	// HTTPClient is what is asked with; nil means one with bounds of its own.
	HTTPClient *http.Client
	// Now is the time of a signature; nil means time.Now.
	Now func() time.Time
}

// Webhook is a Sink that posts each notice as a CloudEvent, signed as Standard Webhooks (https://www.standardwebhooks.com) has it.
type Webhook struct {
	opts   WebhookOptions
	client *http.Client
}

// NewWebhook returns the sink.
func NewWebhook(opts WebhookOptions) *Webhook {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Webhook{opts: opts, client: newHTTPClient(opts.HTTPClient)}
}

// Name returns the name that the sink was given.
func (w *Webhook) Name() string { return w.opts.Name }

// Notify posts n. Told again it has the same ID, and a signature of its own time.
func (w *Webhook) Notify(ctx context.Context, n Notice) (bool, error) {
	body, err := json.Marshal(w.event(n))
	if err != nil {
		return false, fmt.Errorf("encode the notice: %w", err)
	}
	header, secrets, err := w.header(n, body)
	if err != nil {
		return true, err // a file may be on its way, as a Secret that is being replaced
	}
	_, err = httpCall{Client: w.client, URL: w.opts.URL, Header: header, Body: body, Secrets: secrets, Now: w.opts.Now}.do(ctx)
	return mayRetry(err), err
}

// event is n as a CloudEvent.
func (w *Webhook) event(n Notice) cloudEvent {
	n = boundedNotice(n)
	subject := n.Workload
	if subject == "" {
		subject = n.Incident
	}
	return cloudEvent{
		SpecVersion: "1.0", ID: n.ID, Source: w.opts.Source, Type: "io.rollbackd.notice." + string(n.Kind) + ".v1",
		Subject: plain(subject, maxField), Time: n.At.UTC(), DataContentType: "application/json", Data: n,
	}
}

// header is what goes with a body; the secrets are what no error may quote.
func (w *Webhook) header(n Notice, body []byte) (header http.Header, secrets []string, err error) {
	header = http.Header{"Content-Type": {cloudEventsJSON}}
	id := webhookID(n.ID)
	stamp := strconv.FormatInt(w.opts.Now().Unix(), 10)
	header.Set("Webhook-Id", id)
	header.Set("Webhook-Timestamp", stamp)
	if w.opts.Secrets == nil {
		return header, nil, nil
	}
	if secrets, err = w.opts.Secrets(); err != nil {
		return nil, nil, err
	}
	var signatures []string
	for _, secret := range secrets {
		key, err := WebhookKey(secret)
		if err != nil {
			return nil, nil, err
		}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	header.Set("Webhook-Signature", strings.Join(signatures, " "))
	return header, secrets, nil
}

// webhookID is a notice's ID without dots, which part what is signed; a tilde is in no notice's ID.
func webhookID(id string) string { return strings.ReplaceAll(plain(id, maxField), ".", "~") }

// WebhookKey reads a secret; the error does not show it.
func WebhookKey(secret string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(secret), secretPrefix))
	if err != nil {
		return nil, errors.New("the webhook's secret is not base64; make one by: openssl rand -base64 32")
	}
	if len(key) < leastSecret || len(key) > mostSecret {
		return nil, fmt.Errorf("the webhook's secret has %d bytes; it must have %d to %d, such as those of: openssl rand -base64 32", len(key), leastSecret, mostSecret)
	}
	return key, nil
}

// mostGroup is how many notices of a group are sent along.
const mostGroup = 100

// boundedNotice cuts what is long: receivers bound what they read. Its strings are as they were but for that; JSON needs no other escape.
func boundedNotice(n Notice) Notice {
	for _, s := range []*string{
		&n.Title, &n.Text, &n.Watch, &n.Workload, &n.WorkloadKind, &n.Environment, &n.Version, &n.Target, &n.Image, &n.TargetImage, &n.EventID,
		&n.Operator, &n.Signal, &n.Value, &n.Limit, &n.Baseline, &n.Action, &n.Next, &n.Incident, &n.Link, &n.Chart, &n.Message,
	} {
		*s = cut(*s, 2*maxField)
	}
	group := n.Group
	n.Group = nil
	for _, g := range group[:min(len(group), mostGroup)] {
		g.Group = nil
		n.Group = append(n.Group, boundedNotice(g))
	}
	return n
}

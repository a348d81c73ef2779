package notifier

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// SlackWebhookOptions configure a SlackWebhook.
type SlackWebhookOptions struct {
	Name string
	// URL returns the address of the incoming webhook, which is a secret; it is asked before each call.
	URL func() (string, error)
	// Client talks to Slack; nil means a plain one.
	Client *http.Client
	// Now is the time; nil means time.Now.
	Now func() time.Time
}

// SlackWebhook is a Sink that posts to the channel of an incoming webhook. A webhook tells nothing of what it posted, so there are no
// threads and nothing is brought up to date.
type SlackWebhook struct {
	opts   SlackWebhookOptions
	client *http.Client

	mu   sync.Mutex
	pace pace
}

// NewSlackWebhook returns a sink that connects to nothing yet.
func NewSlackWebhook(opts SlackWebhookOptions) *SlackWebhook {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &SlackWebhook{opts: opts, client: newHTTPClient(opts.Client), pace: pace{every: slackPace, now: opts.Now}}
}

// Name returns the sink's name.
func (s *SlackWebhook) Name() string { return s.opts.Name }

// Notify posts the notice.
func (s *SlackWebhook) Notify(ctx context.Context, n Notice) (retry bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	address, err := s.opts.URL()
	if err != nil {
		// A file that cannot be read now may be there in a moment, as when a Secret is mounted anew.
		return true, fmt.Errorf("the webhook's address: %w", err)
	}
	if err := s.pace.wait(ctx); err != nil {
		return mayRetry(err), err
	}
	_, err = httpCall{Client: s.client, URL: address, Body: slackMessageOf(n), Secrets: []string{address}, Now: s.opts.Now}.doAPI(ctx)
	return mayRetry(err), err
}

package notifier

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// ShoutrrrOptions configures a Shoutrrr sink.
type ShoutrrrOptions struct {
	// Name is the sink's.
	Name string
	// URL reads the service's URL for each message. It is a secret.
	URL func() (string, error)
	// HTTPClient is what services that speak HTTP are asked with; nil means one with bounds of its own.
	HTTPClient *http.Client
}

// Shoutrrr is a Sink for the services that the library shoutrrr knows, such as Teams, Discord, Telegram and ntfy.
//
// Of the library's own errors none is told: they quote tokens out of the URL in forms that cannot be foreseen. What is told is what the
// HTTP client saw.
type Shoutrrr struct {
	opts   ShoutrrrOptions
	client *http.Client
	// busy has room for the one message that may be on its way: the library knows no contexts, and what hangs in it cannot be ended.
	busy chan struct{}
}

// NewShoutrrr returns the sink. It does not look at the URL.
func NewShoutrrr(opts ShoutrrrOptions) *Shoutrrr {
	return &Shoutrrr{opts: opts, client: newHTTPClient(opts.HTTPClient), busy: make(chan struct{}, 1)}
}

// CheckShoutrrrURL says what is wrong with a URL, without a word of it but its scheme. It connects to nothing.
func CheckShoutrrrURL(url string) error {
	_, err := locate(url, nil)
	return err
}

// Name returns the name that the sink was given.
func (s *Shoutrrr) Name() string { return s.opts.Name }

// Notify sends n, and returns when ctx is done though the service hangs; until it no longer does, later notices are not sent.
func (s *Shoutrrr) Notify(ctx context.Context, n Notice) (bool, error) {
	url, err := s.opts.URL()
	if err != nil {
		return true, err
	}
	ctx, cancel := context.WithTimeout(ctx, DefaultDeadline)
	defer cancel()
	seen := &witness{base: transportOf(s.client)}
	client := *s.client
	client.Transport = seen.during(ctx)
	service, err := locate(url, &client)
	if err != nil {
		return false, err
	}
	select {
	case s.busy <- struct{}{}:
	default:
		return true, errors.New("a message before is still on its way")
	}
	done := make(chan error, 1)
	go func() {
		err := sendBy(ctx, service, harmlessMessage(n))
		<-s.busy // before it is told, or the next notice would find it taken
		done <- err
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		return true, fmt.Errorf("%s did not take the message in time: %w", scheme(url), ctx.Err())
	}
	if err == nil {
		return false, nil
	}
	return seen.mayRetry(), fmt.Errorf("%s: %s", scheme(url), seen.words())
}

// sendBy calls the service. One that panics has failed: it runs beside the dispatcher, which could not catch it.
func sendBy(ctx context.Context, service types.Service, message string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the service panicked")
		}
	}()
	if c, ok := service.(types.ContextSender); ok {
		return c.SendContext(ctx, message, &types.Params{})
	}
	return service.Send(message, &types.Params{})
}

// locate finds the service of a URL.
func locate(url string, client *http.Client) (service types.Service, err error) {
	defer func() { // a URL is parsed by many hands
		if recover() != nil {
			service, err = nil, errBadURL(url)
		}
	}()
	var opts types.SenderOptions
	if client != nil {
		opts.HTTPClient = client
	}
	services, err := router.NewWithOptions(log.New(io.Discard, "", 0), opts)
	if err != nil {
		return nil, errBadURL(url)
	}
	if service, err = services.Locate(url); err != nil {
		return nil, errBadURL(url)
	}
	return service, nil
}

func errBadURL(url string) error {
	return fmt.Errorf("the URL of the service (%s) is none that shoutrrr knows; it is not shown here because it is a secret", scheme(url))
}

// scheme is the part of a URL that is no secret.
func scheme(url string) string {
	s, _, ok := strings.Cut(url, ":")
	s, _, _ = strings.Cut(s, "+")
	if !ok || len(s) > 20 || !router.SupportsSchema(s) {
		return "unknown"
	}
	return s
}

// harmlessMessage is the message without what a service could take for a mention or a link of its own: they differ in their markup, and the
// library escapes for none. The link at its end is the daemon's own.
func harmlessMessage(n Notice) string {
	message := n.Message
	if message == "" {
		message = Message(n)
	}
	var lines []string
	for line := range strings.SplitSeq(message, "\n") {
		line = plain(line, MaxMessage)
		if line != n.Link || !isWebAddress(line) {
			line = strings.NewReplacer("<", "‹", ">", "›", "@", "＠", "](", "] (").Replace(line)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// witness sees what the HTTP client of a service sees.
type witness struct {
	base   http.RoundTripper
	status atomic.Int64
	failed atomic.Pointer[string]
}

func transportOf(c *http.Client) http.RoundTripper {
	if c.Transport == nil {
		return http.DefaultTransport
	}
	return c.Transport
}

// during returns the transport for as long as ctx lasts, which the library does not hand on.
func (w *witness) during(ctx context.Context) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		res, err := w.base.RoundTrip(req.WithContext(ctx))
		if err != nil {
			why := cause(err)
			w.failed.Store(&why)
			return nil, err
		}
		w.status.Store(int64(res.StatusCode))
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxAnswer), res.Body}
		return res, nil
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return r(req) }

// mayRetry reports whether the message may be taken later: always, but after an answer that says otherwise.
func (w *witness) mayRetry() bool {
	status := int(w.status.Load())
	return w.failed.Load() != nil || status == 0 || retryStatus(status)
}

// words say what was seen.
func (w *witness) words() string {
	if why := w.failed.Load(); why != nil {
		return *why
	}
	switch status := w.status.Load(); {
	case status/100 == 2:
		return fmt.Sprintf("the receiver answered %d, and refused the message in words that are not shown, because they may hold the URL", status)
	case status != 0:
		return fmt.Sprintf("the receiver answered %d", status)
	}
	return "the message was not sent; what the service says of it is not shown, because that may hold the URL"
}

// cause says in a few words why a request failed, without an address: that may be secret too.
func cause(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "it did not answer in time"
	case errors.As(err, &dns):
		return "its host's name was not resolved"
	case errors.As(err, &authority), errors.As(err, &hostname):
		return "its certificate is not trusted"
	case errors.As(err, &op) && op.Op == "dial":
		return "it cannot be connected to"
	}
	return "the connection broke"
}

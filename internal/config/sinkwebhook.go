package config

import (
	"fmt"
	"net/url"
	"path/filepath"

	promconfig "github.com/prometheus/common/config"

	"github.com/rollbackd/rollbackd/notifier"
)

// WebhookSink posts each notice as a CloudEvent in JSON, signed as Standard Webhooks has it.
type WebhookSink struct {
	// URL is where it posts to. Required.
	URL string `yaml:"url"`
	// SecretFiles hold the secrets that bodies are signed with, each 24 to 64 bytes in base64, with or without whsec_ before it: one, or two
	// while the receiver changes over. They are read for each notice. Default none, and nothing is signed.
	SecretFiles []string `yaml:"secretFiles"`
	// HTTPClient is Prometheus' own client configuration: authentication, TLS, proxy, headers.
	HTTPClient *promconfig.HTTPClientConfig `yaml:"httpClient"`
}

// mostSecretFiles is how many secrets may sign a body: the one and the one after it.
const mostSecretFiles = 2

func (s *WebhookSink) check(k *checker, field func(...any) []any) {
	// The address may hold a token, so it is not shown.
	if u, err := url.Parse(s.URL); !webAddress(s.URL) || err != nil || u.User != nil {
		k.say(field("url"), "is not the address of a web server, without a user or a password; write it as https://bridge.example.com/rollbackd")
	}
	if len(s.SecretFiles) > mostSecretFiles {
		k.say(field("secretFiles"), "are %d; use one, or %d while the receiver changes over", len(s.SecretFiles), mostSecretFiles)
	}
	for i, f := range s.SecretFiles {
		k.secretFile(field("secretFiles", i), f, "a secret")
	}
	k.httpClient(field("httpClient"), s.HTTPClient)
}

func (s *WebhookSink) resolve(file string) {
	for i, f := range s.SecretFiles {
		s.SecretFiles[i] = relativeTo(file, f)
	}
	if s.HTTPClient != nil {
		s.HTTPClient.SetDirectory(filepath.Dir(file))
	}
}

// manner lets each notice be posted: what bridges are made of wants them one by one.
func (s *WebhookSink) manner() manner { return manner{} }

func (s *WebhookSink) build(name string, tools SinkTools) (notifier.Sink, error) {
	opts := notifier.WebhookOptions{Name: name, URL: s.URL, Source: sourceOf(tools)}
	if len(s.SecretFiles) > 0 {
		opts.Secrets = s.secrets
		if _, err := s.secrets(); err != nil {
			return nil, err
		}
	}
	var err error
	if opts.HTTPClient, err = sinkClient(s.HTTPClient); err != nil {
		return nil, fmt.Errorf("httpClient: %w", err)
	}
	return notifier.NewWebhook(opts), nil
}

// secrets reads and checks them, so that a wrong one is found before there is something to tell.
func (s *WebhookSink) secrets() ([]string, error) {
	var out []string
	for i, f := range s.SecretFiles {
		secret, err := readSecret(f)
		if err == nil {
			_, err = notifier.WebhookKey(secret)
		}
		if err != nil {
			return nil, fmt.Errorf("secretFiles[%d]: %w", i, err)
		}
		out = append(out, secret)
	}
	return out, nil
}

// sourceOf is by what a daemon is known among all that write CloudEvents.
func sourceOf(tools SinkTools) string { return "/rollbackd/" + tools.instance }

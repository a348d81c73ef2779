package config

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	promconfig "github.com/prometheus/common/config"

	"github.com/rollbackd/rollbackd/internal/promclient"
)

// Client returns the HTTP client that Prometheus is asked with. It connects to nothing yet.
func (p Prometheus) Client() (*http.Client, error) {
	if p.HTTPClient == nil {
		return &http.Client{}, nil
	}
	client, err := promconfig.NewClientFromConfig(*p.HTTPClient, "rollbackd")
	if err != nil {
		return nil, fmt.Errorf("prometheus.httpClient: %w", err)
	}
	return client, nil
}

// API returns a client of the Prometheus that is configured. It connects to nothing yet.
func (p Prometheus) API() (*promclient.Client, error) {
	client, err := p.Client()
	if err != nil {
		return nil, err
	}
	c, err := promclient.New(p.URL, client)
	if err != nil {
		return nil, fmt.Errorf("prometheus.url: %w", err)
	}
	return c, nil
}

// Page is the address at which people open Prometheus, without a slash at its end.
func (p Prometheus) Page() string { return strings.TrimRight(cmp.Or(p.ExternalURL, p.URL), "/") }

func (p Prometheus) checkExternal(k *checker) {
	at := []any{"prometheus", "externalURL"}
	switch {
	case p.ExternalURL == "":
	case strings.Contains(p.ExternalURL, "@"): // perhaps a password, so it is not shown
		k.say(at, "may not hold a user or a password, as records of incidents show it")
	case !webAddress(p.ExternalURL) || strings.ContainsAny(p.ExternalURL, "?#"):
		k.say(at, "%q is not an address that links can begin with; write it as https://prometheus.example.com/path", p.ExternalURL)
	}
}

func webAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

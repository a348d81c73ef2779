package config

import (
	"fmt"
	"net/http"

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

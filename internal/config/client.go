package config

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	promconfig "github.com/prometheus/common/config"
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
func (p Prometheus) API() (v1.API, error) {
	client, err := p.Client()
	if err != nil {
		return nil, err
	}
	c, err := api.NewClient(api.Config{Address: p.URL, Client: client})
	if err != nil {
		return nil, fmt.Errorf("prometheus.url: %w", err)
	}
	return v1.NewAPI(c), nil
}

package app

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	promconfig "github.com/prometheus/common/config"

	"github.com/rollbackd/rollbackd/internal/config"
)

func newPrometheus(cfg config.Prometheus) (v1.API, error) {
	client := &http.Client{}
	if cfg.HTTPClient != nil {
		var err error
		if client, err = promconfig.NewClientFromConfig(*cfg.HTTPClient, "rollbackd"); err != nil {
			return nil, fmt.Errorf("prometheus.httpClient: %w", err)
		}
	}
	c, err := api.NewClient(api.Config{Address: cfg.URL, Client: client})
	if err != nil {
		return nil, fmt.Errorf("prometheus.url: %w", err)
	}
	return v1.NewAPI(c), nil
}

// reachable asks the cheapest question that every compatible server answers.
func reachable(prom v1.API) check {
	return func(ctx context.Context) error {
		_, _, _, err := prom.Query(ctx, "vector(1)", time.Now())
		return err
	}
}

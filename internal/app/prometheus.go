package app

import (
	"context"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// reachable asks the cheapest question that every compatible server answers.
func reachable(prom v1.API) check {
	return func(ctx context.Context) error {
		_, _, _, err := prom.Query(ctx, "vector(1)", time.Now())
		return err
	}
}

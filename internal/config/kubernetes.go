package config

import (
	"fmt"

	"k8s.io/client-go/rest"
)

// Client returns how the API server that is configured is reached. It connects to nothing yet.
func (k Kubernetes) Client() (*rest.Config, error) {
	rc, err := k.clientConfig().ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubernetes: no cluster to talk to: %w", err)
	}
	rc.QPS = -1 // a rollback must not queue behind reads; the API server's own fairness protects it
	rc.UserAgent = "rollbackd"
	return rc, nil
}

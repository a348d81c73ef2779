package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLinksBeginWithTheAddressThatPeopleUse(t *testing.T) {
	require.Equal(t, "http://p:9090/prefix", Prometheus{URL: "http://p:9090/prefix/"}.Page())
	require.Equal(t, "https://prometheus.example/x", Prometheus{URL: "http://p:9090", ExternalURL: "https://prometheus.example/x/"}.Page())
}

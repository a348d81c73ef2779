package event

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSubject(t *testing.T) {
	tests := []struct {
		subject string
		want    Target
		problem string
	}{
		{"deployments.production.shop.checkout", Target{"production", "shop", "checkout"}, ""},
		{"deployments.production.shop.check.out.v2", Target{"production", "shop", "check.out.v2"}, ""},
		{"deployments.production.shop", Target{}, "form"},
		{"deployments", Target{}, "form"},
		{"", Target{}, "form"},
		{"deploys.production.shop.checkout", Target{}, "form"},
		{"deployments.Production.shop.checkout", Target{}, "environment"},
		{"deployments.*.shop.checkout", Target{}, "environment"},
		{"deployments.production..checkout", Target{}, "namespace"},
		{"deployments.production." + strings.Repeat("x", 64) + ".checkout", Target{}, "namespace"},
		{"deployments.production.shop.>", Target{}, "workload"},
		{"deployments.production.shop.check_out", Target{}, "workload"},
		{"deployments.production.shop.checkout.", Target{}, "workload"},
		{"deployments.production.shop." + strings.Repeat("x", 254), Target{}, "workload"},
	}
	for _, test := range tests {
		t.Run(test.subject, func(t *testing.T) {
			got, err := ParseSubject(test.subject)
			require.Equal(t, test.want, got)
			if test.problem != "" {
				require.ErrorContains(t, err, test.problem)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.subject, got.Subject())
			require.Equal(t, "rollbackd.rejected"+strings.TrimPrefix(test.subject, "deployments"), got.RejectedSubject())
		})
	}
}

func TestRejectedSubjectUsesValidTokensOnly(t *testing.T) {
	tests := map[string]string{
		checkout:                             "rollbackd.rejected.production.shop.checkout",
		"deployments.production.shop.a_b":    "rollbackd.rejected.production.shop.invalid",
		"deployments.production.shop":        "rollbackd.rejected.production.shop.invalid",
		"deployments.production.Shop.a":      "rollbackd.rejected.production.invalid.invalid",
		"deployments.production":             "rollbackd.rejected.production.invalid.invalid",
		"deployments.Production.shop.a":      "rollbackd.rejected.invalid.invalid.invalid",
		"deployments":                        "rollbackd.rejected.invalid.invalid.invalid",
		"orders.production.shop.checkout":    "rollbackd.rejected.invalid.invalid.invalid",
		"deployments.production.shop.\n.x.>": "rollbackd.rejected.production.shop.invalid",
	}
	for subject, want := range tests {
		require.Equal(t, want, RejectedSubject(subject), subject)
	}
}

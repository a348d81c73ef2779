package app

import (
	"github.com/prometheus/client_golang/prometheus"

	build "github.com/rollbackd/rollbackd/internal/version"
)

// buildInfo is rollbackd_build_info, with the labels that Prometheus' own programs have.
func buildInfo(version string) prometheus.Collector {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "rollbackd", Name: "build_info", Help: "The running version, and what it was built from; the value is always 1.",
	}, []string{"version", "revision", "goversion"})
	info := build.Get()
	g.WithLabelValues(version, info.Commit, info.Go).Set(1)
	return g
}

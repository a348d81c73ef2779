package config

import (
	"time"

	"github.com/prometheus/common/model"
)

// BlueGreen is about switching back to the old colour of a blue-green deployment.
type BlueGreen struct {
	// ScaleUp scales the old colour up first where it was scaled down below what takes the traffic: to the replicas that it had
	// when the deployment was announced, within what a HorizontalPodAutoscaler allows. Without it such a switch is refused.
	// Default true.
	ScaleUp bool `yaml:"scaleUp"`
	// ReadyWithin is how long it may take to get ready. After it the release is held: nothing is switched. Default 5m.
	ReadyWithin model.Duration `yaml:"readyWithin"`
}

// readyWithin is zero where nothing is scaled.
func (b BlueGreen) readyWithin() time.Duration {
	if !b.ScaleUp {
		return 0
	}
	return time.Duration(b.ReadyWithin)
}

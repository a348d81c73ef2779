package config

import (
	"github.com/rollbackd/rollbackd/internal/diagnosis/gather"
	"github.com/rollbackd/rollbackd/internal/mask"
)

// Diagnosis is what is gathered of why a release is bad, beside its rollback and without holding that up.
type Diagnosis struct {
	// Enabled has it gathered. Default true.
	Enabled bool `yaml:"enabled"`
	// Logs has the logs of a few containers read, grouped by what their error lines have in common, and an example of each kept. It
	// takes the permission to get pods/log; without that none is read, and the record says so. Secrets that are known by their form
	// or by a name beside them are hidden, and so are mail addresses; other personal data is not. Where your logs hold some that may
	// not be copied, hide it by mask, or set this to false. Default true.
	Logs bool `yaml:"logs"`
	// MaxPods is of how many pods of each version logs are read, from 1 to 10. Default 3.
	MaxPods uint64 `yaml:"maxPods"`
	// Mask are regular expressions, in the syntax of Go; what matches one is hidden too, in what is gathered and in the pod templates of the record.
	Mask []string `yaml:"mask"`
}

func defaultDiagnosis() Diagnosis { return Diagnosis{Enabled: true, Logs: true, MaxPods: 3} }

// mostDiagnosedPods is what can be read in a few seconds.
const mostDiagnosedPods = 10

func (d Diagnosis) check(k *checker) {
	if d.MaxPods < 1 || d.MaxPods > mostDiagnosedPods {
		k.say([]any{"diagnosis", "maxPods"}, "%d is not a number of pods between 1 and %d; to read no logs, set logs: false", d.MaxPods, mostDiagnosedPods)
	}
	for i, text := range d.Mask {
		if _, err := mask.New(text); err != nil {
			k.say([]any{"diagnosis", "mask", i}, "%v", err)
		}
	}
}

// Gathering returns what is gathered; false if nothing is.
func (d Diagnosis) Gathering() (gather.Options, bool) {
	return gather.Options{Logs: d.Logs, Pods: int(d.MaxPods), Mask: d.Masker()}, d.Enabled
}

// Masker hides what looks like a secret, and what Mask says is one, also where nothing is gathered. Mask has been checked.
func (d Diagnosis) Masker() mask.Masker {
	hide, err := mask.New(d.Mask...)
	if err != nil {
		return mask.Masker{}
	}
	return hide
}

package config

import (
	"regexp"
	"strings"
)

// Without the two placeholders nothing may be left that a person would take for one, and behind a wildcard something must
// follow that cannot be a part of what it stands for.
var (
	looksLikePlaceholder = regexp.MustCompile(`[{}]`)
	endlessWildcard      = regexp.MustCompile(`\*[*0-9a-zA-Z]`)
)

// workloadValue checks the form of the workload label's values.
func (c signalCheck) workloadValue(l Labels) {
	if l.WorkloadValue == "" {
		return
	}
	at := c.field("labels", "workloadValue")
	if l.Workload == "" {
		c.say(at, "has no effect without labels.workload; name the label whose values have this form, or remove it")
	}
	// The letter stands for names, which begin and end with one.
	bare := strings.NewReplacer("{namespace}", "n", "{workload}", "w").Replace(l.WorkloadValue)
	switch {
	case !strings.Contains(l.WorkloadValue, "{workload}"):
		c.say(at, "%q is the same for every workload; put {workload} where the values hold its name, as in {namespace}-{workload}-*@kubernetes", l.WorkloadValue)
	case looksLikePlaceholder.MatchString(bare):
		c.say(at, "%q has braces around something else than {namespace} and {workload}; use these two, and * for letters and digits", l.WorkloadValue)
	case endlessWildcard.MatchString(bare):
		c.say(at, "%q does not tell where a * ends; let a separator follow it, as in {workload}-*@kubernetes", l.WorkloadValue)
	}
}

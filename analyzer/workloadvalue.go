package analyzer

import (
	"regexp"
	"slices"
	"strings"
)

// This file is about labels whose value holds more than the workload's name: to Traefik the port 80 of a Service is
// shop-checkout-80@kubernetes.

// alphanumerics are what the wildcard of a workload's label stands for. Names in Kubernetes consist of these and of
// separators, so that a wildcard never swallows a part of a longer name.
const alphanumerics = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// workloadForm is what the value of the workload's label consists of: the literals between the wildcards.
func (l Labels) workloadForm(namespace, workload string) []string {
	if l.WorkloadValue == "" {
		return []string{workload}
	}
	form := strings.Split(l.WorkloadValue, "*")
	for i := range form {
		form[i] = strings.NewReplacer("{namespace}", namespace, "{workload}", workload).Replace(form[i])
	}
	return form
}

// namesWorkload reports whether a value of the workload's label means the workload of that name.
func (l Labels) namesWorkload(namespace, workload, value string) bool {
	form := l.workloadForm(namespace, workload)
	rest, ok := strings.CutPrefix(value, form[0])
	for _, literal := range form[1:] {
		after := strings.TrimLeft(rest, alphanumerics)
		if !ok || len(after) == len(rest) {
			return false
		}
		rest, ok = strings.CutPrefix(after, literal)
	}
	return ok && rest == ""
}

// ownerIn is the workload that a series is of, as owner; a name is read from the form of its label if it is one of a workload of
// the namespace, and is else the label's whole value.
func (f found) ownerIn(l Labels, namespace string) string {
	owner := f.owner(l)
	if l.Workload == "" || l.WorkloadValue == "" {
		return owner
	}
	before, after, _ := strings.Cut(l.WorkloadValue, "{workload}")
	plain := func(text string) string { return Labels{WorkloadValue: text}.workloadPattern(namespace, "") }
	form, err := regexp.Compile("^" + plain(before) + "(.+)" + plain(after) + "$")
	if err != nil { // nothing in it is left unquoted
		return owner
	}
	if m := form.FindStringSubmatch(owner); m != nil {
		return m[1]
	}
	return owner
}

// workloadPattern is a regular expression for the same values.
func (l Labels) workloadPattern(namespace, workload string) string {
	form := slices.Clone(l.workloadForm(namespace, workload))
	for i := range form {
		form[i] = regexp.QuoteMeta(form[i])
	}
	return strings.Join(form, "[0-9a-zA-Z]+")
}

package config

import (
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// Budgets bound how many rollbacks are made without a person; when one is spent, further bad releases wait for approval.
type Budgets struct {
	// Workload is that of each Deployment, and of each Service that is switched. Default 3 within 24h.
	Workload Budget `yaml:"workload"`
	// Namespace is that of each namespace. Default 5 within 1h.
	Namespace Budget `yaml:"namespace"`
	// Cluster is that of everything this daemon does. Default 10 within 1h.
	Cluster Budget `yaml:"cluster"`
}

// PolicyBudgets take the place of the top level's for the workloads of a policy; what is left out is as it is there.
type PolicyBudgets struct {
	// Workload is that of each Deployment, and of each Service that is switched.
	Workload Budget `yaml:"workload"`
	// Namespace is that of each namespace. All automatic rollbacks in it count, also those by other policies.
	Namespace Budget `yaml:"namespace"`
}

// Budget is a number of rollbacks in any span of a length.
type Budget struct {
	// Rollbacks is how many there may be. It is at least 1.
	Rollbacks uint64 `yaml:"rollbacks"`
	// Within is the length of the span.
	Within model.Duration `yaml:"within"`
}

func defaultBudgets() Budgets {
	d := watch.DefaultBudgets()
	of := func(b watch.Budget) Budget {
		return Budget{Rollbacks: uint64(b.Rollbacks), Within: model.Duration(b.Within)}
	}
	return Budgets{Workload: of(d.Workload), Namespace: of(d.Namespace), Cluster: of(d.Cluster)}
}

// inherit fills in what a policy leaves to the top level.
func (b *PolicyBudgets) inherit(top Budgets, given func(path ...any) bool) {
	for _, own := range []struct {
		name     string
		to, from *Budget
	}{{"workload", &b.Workload, &top.Workload}, {"namespace", &b.Namespace, &top.Namespace}} {
		if !given("budgets", own.name, "rollbacks") {
			own.to.Rollbacks = own.from.Rollbacks
		}
		if !given("budgets", own.name, "within") {
			own.to.Within = own.from.Within
		}
	}
}

func (b Budget) compile() watch.Budget {
	return watch.Budget{Rollbacks: int(b.Rollbacks), Within: time.Duration(b.Within)}
}

// WatchBudgets returns the budgets of the top level in the form in which watches ask for them.
func (c *Config) WatchBudgets() watch.Budgets {
	return watch.Budgets{Workload: c.Budgets.Workload.compile(), Namespace: c.Budgets.Namespace.compile(), Cluster: c.Budgets.Cluster.compile()}
}

// mostRollbacks is more than there could be, and fits into any integer.
const mostRollbacks = 1_000_000

// budget checks one that was written down; one that is inherited is checked where it stands.
func (c *checker) budget(at func(...any) []any, b Budget) {
	if c.given(at("rollbacks")) && (b.Rollbacks < 1 || b.Rollbacks > mostRollbacks) {
		c.say(at("rollbacks"), "%d is not a number of rollbacks between 1 and %d; to have none without a person, set mode: approve", b.Rollbacks, mostRollbacks)
	}
	if c.given(at("within")) {
		c.positive(at("within"), b.Within)
	}
}

func (c *Config) checkBudgets(k *checker) {
	for name, b := range map[string]Budget{"workload": c.Budgets.Workload, "namespace": c.Budgets.Namespace, "cluster": c.Budgets.Cluster} {
		k.budget(func(path ...any) []any { return append([]any{"budgets", name}, path...) }, b)
	}
}

func (b PolicyBudgets) check(k *checker, field func(...any) []any) {
	for name, b := range map[string]Budget{"workload": b.Workload, "namespace": b.Namespace} {
		k.budget(func(path ...any) []any { return field(append([]any{"budgets", name}, path...)...) }, b)
	}
}

// outrunBudgets tells of budgets that a wider one always cuts short.
func (c *Config) outrunBudgets(warn func(path []any, format string, args ...any)) {
	given := (&checker{root: c.root}).given
	look := func(at []any, b, wider Budget, of string) {
		at = append(at, "rollbacks")
		if given(at) && b.Rollbacks > wider.Rollbacks && b.Within <= wider.Within {
			warn(at, "%d within %s is more than the budget of %s, %d within %s, ever lets through; raise that one too, or lower this one",
				b.Rollbacks, b.Within, of, wider.Rollbacks, wider.Within)
		}
	}
	look([]any{"budgets", "namespace"}, c.Budgets.Namespace, c.Budgets.Cluster, "the cluster")
	look([]any{"budgets", "workload"}, c.Budgets.Workload, c.Budgets.Namespace, "the namespace")
	for i, p := range c.Policies {
		look([]any{"policies", i, "budgets", "namespace"}, p.Budgets.Namespace, c.Budgets.Cluster, "the cluster")
		look([]any{"policies", i, "budgets", "workload"}, p.Budgets.Workload, p.Budgets.Namespace, "the namespace")
	}
}

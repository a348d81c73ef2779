package config

import (
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// Policy says how the workloads that it matches are judged and what may be done about a bad release.
type Policy struct {
	// Name tells policies apart. Required.
	Name string `yaml:"name"`
	// Match selects workloads by shell patterns; without any the policy covers all of them.
	Match []Match `yaml:"match"`
	// Mode is observe (record only), approve (ask a person) or automatic (roll back). Default observe.
	Mode   watch.Mode `yaml:"mode"`
	Stages Stages     `yaml:"stages"`
	// Baseline says what a release is compared with.
	Baseline  Baseline  `yaml:"baseline"`
	KnownGood KnownGood `yaml:"knownGood"`
	// SettleFor is how long the announced version may take to show up in the cluster, from the event that says that its deployment is
	// complete. One that has only started may take until the active stage would be over, or 30m if that is longer. Default 5m.
	SettleFor model.Duration `yaml:"settleFor"`
	Verify    Verify         `yaml:"verify"`
	Approval  Approval       `yaml:"approval"`
	// Budgets take the place of the top level's; what is left out is as it is there.
	Budgets PolicyBudgets `yaml:"budgets"`
	// CoolDown is how long after a rollback the next one of the same workload waits for a person; 0s is not at all. Default 10m.
	CoolDown model.Duration `yaml:"coolDown"`
	// Freeze says what a freeze means for the rollbacks of the policy.
	Freeze PolicyFreeze `yaml:"freeze"`
	// GitOps says what becomes of a rollback that another owner of the workload would undo, such as Argo CD, Flux or an operator:
	// refuse (the default) pages with what to do instead, hold keeps the owner from it until the next deployment is announced,
	// and ignore rolls back all the same.
	GitOps rollback.GitOps `yaml:"gitops"`
	// Alpha bounds the probability that a healthy deployment is ever rolled back without asking. Default 0.001.
	Alpha float64 `yaml:"alpha"`
	// MinBreach is the least length of a breach that is acted on, never less than three ticks. Default 15s.
	MinBreach model.Duration `yaml:"minBreach"`
	// WatchUnannounced has deployments watched that nobody announces: the containers of a Deployment change, and no event tells of
	// it within announceWithin. Restarts, changes of labels and scaling are no deployments. Default false.
	WatchUnannounced bool `yaml:"watchUnannounced"`
	// AnnounceWithin is how long after a deployment its event may come. Default 2m.
	AnnounceWithin model.Duration `yaml:"announceWithin"`
	// EarlyPass ends a watch as healthy when the active stage is over and the release is proven to be within every limit, which
	// takes traffic. Default false: a fault may also come late. It cannot be had with business metrics.
	EarlyPass bool `yaml:"earlyPass"`
	// PauseAtSuspicion pauses the rolling update of a Deployment that is still going on as soon as the release is suspected to be
	// bad, so that no more users get it until that is decided, for 5 minutes at the most and once in a watch. Stages that only
	// observe pause nothing. Default false.
	PauseAtSuspicion bool   `yaml:"pauseAtSuspicion"`
	Guards           Guards `yaml:"guards"`
	// BlueGreen is about switching back to the old colour of a blue-green deployment.
	BlueGreen BlueGreen `yaml:"blueGreen"`
	// Migration is how the database is taken back with a release whose event says schemaChange. Without it such a release is never
	// rolled back by itself.
	Migration *Migration `yaml:"migration"`
	Canary    Canary     `yaml:"canary"`
	// Signals are what releases are judged by. Required.
	Signals []Signal `yaml:"signals"`
}

// Approval is about rollbacks that wait for a person.
type Approval struct {
	// Within is how long a person may take to approve. After it the release is held: nothing is done. Default 1h.
	Within model.Duration `yaml:"within"`
}

// Match selects workloads. An empty pattern matches everything.
type Match struct {
	// Environment is a pattern of environments, in which * stands for any characters and ? for one.
	Environment string `yaml:"environment"`
	// Namespace is a pattern of namespaces.
	Namespace string `yaml:"namespace"`
	// Workload is a pattern of Deployments' names.
	Workload string `yaml:"workload"`
}

// Stages are the runbook's three monitoring windows.
type Stages struct {
	// Active ends after 15m by default; its ticks come once a scrape, but not more often than every 5s.
	Active Stage `yaml:"active"`
	// OnCall ends after 1h by default, with a tick every 15s.
	OnCall Stage `yaml:"onCall"`
	// Enhanced ends after 24h by default, with a tick every 1m. Its mode is approve unless it is set here or the policy only
	// observes: so long after a deployment a person should look first.
	Enhanced Stage `yaml:"enhanced"`
}

// Stage is one monitoring window.
type Stage struct {
	// Until is when it ends, counted from the deployment's start.
	Until model.Duration `yaml:"until"`
	// Interval is the time between two ticks, in whole seconds.
	Interval model.Duration `yaml:"interval"`
	// Mode overrides the policy's.
	Mode watch.Mode `yaml:"mode"`
}

// Baseline is the control that a release is compared with.
type Baseline struct {
	// Window is how long before the deployment it starts. Default 1h.
	Window model.Duration `yaml:"window"`
}

// KnownGood says what may be rolled back to.
type KnownGood struct {
	// MinServing is how long a version that was never watched must have served before the deployment. Default 15m.
	MinServing model.Duration `yaml:"minServing"`
}

// Verify says how a rollback is checked.
type Verify struct {
	// For is how long all signals must be within their limits. Default 2m.
	For model.Duration `yaml:"for"`
	// Deadline bounds the rollout, and after it the check. Default 10m.
	Deadline model.Duration `yaml:"deadline"`
	// GuardFor is how long after that it is looked whether somebody puts the bad version back. Nothing is done then but to
	// page. Default 1h; 0s looks no longer.
	GuardFor model.Duration `yaml:"guardFor"`
}

// UnmarshalYAML implements the decoder's interface; fields that are left out get their defaults.
func (p *Policy) UnmarshalYAML(unmarshal func(any) error) error {
	*p = Policy{
		Mode: watch.Observe,
		Stages: Stages{
			Active:   Stage{Until: minutes(15)},
			OnCall:   Stage{Until: minutes(60)},
			Enhanced: Stage{Until: minutes(24 * 60)},
		},
		Baseline:  Baseline{Window: minutes(60)},
		KnownGood: KnownGood{MinServing: minutes(15)},
		SettleFor: minutes(5),

		AnnounceWithin: model.Duration(watch.DefaultAnnounceWithin),

		Verify:    Verify{For: minutes(2), Deadline: minutes(10), GuardFor: minutes(60)},
		Approval:  Approval{Within: minutes(60)},
		Budgets:   PolicyBudgets{Workload: defaultBudgets().Workload, Namespace: defaultBudgets().Namespace},
		CoolDown:  minutes(10),
		Freeze:    PolicyFreeze{Rollback: FreezeAllow},
		GitOps:    rollback.GitOpsRefuse,
		Alpha:     analyzer.DefaultAlpha,
		MinBreach: model.Duration(15 * time.Second),
		Guards:    Guards{Peers: true},
		BlueGreen: BlueGreen{ScaleUp: true, ReadyWithin: minutes(5)},
		Canary:    defaultCanary(),
	}
	type plain Policy
	return unmarshal((*plain)(p))
}

func minutes(n int) model.Duration { return model.Duration(time.Duration(n) * time.Minute) }

// complete fills in what follows from other fields where it is not given.
func (p *Policy) complete(given func(path ...any) bool) {
	for stage, mode := range map[string]*watch.Mode{"active": &p.Stages.Active.Mode, "onCall": &p.Stages.OnCall.Mode} {
		if !given("stages", stage, "mode") {
			*mode = p.Mode
		}
	}
	if !given("stages", "enhanced", "mode") {
		p.Stages.Enhanced.Mode = p.Mode
		if p.Mode == watch.Automatic {
			p.Stages.Enhanced.Mode = watch.Approve
		}
	}
	for i := range p.Signals {
		s := &p.Signals[i]
		if s.Job != nil && !given("signals", i, "every") {
			s.Every = minutes(5)
		}
		if s.Query == "" {
			continue
		}
		for label, name := range map[string]*string{"namespace": &s.Labels.Namespace, "pod": &s.Labels.Pod} {
			if !given("signals", i, "labels", label) {
				*name = "" // an expression may read series of any kind
			}
		}
	}
}

// leastInterval is the shortest time between two ticks that is chosen by itself.
const leastInterval = 5 * time.Second

// compile turns the policy into the form that watches keep.
func (p Policy) compile(scrape model.Duration) watch.Policy {
	out := watch.Policy{
		Name:           p.Name,
		BaselineWindow: time.Duration(p.Baseline.Window),
		MinServing:     time.Duration(p.KnownGood.MinServing),
		SettleFor:      time.Duration(p.SettleFor),
		ApprovalFor:    time.Duration(p.Approval.Within),
		Verify: watch.Verify{
			For: time.Duration(p.Verify.For), Deadline: time.Duration(p.Verify.Deadline), GuardFor: time.Duration(p.Verify.GuardFor),
		},
		GitOps:         p.GitOps,
		Budgets:        watch.Budgets{Workload: p.Budgets.Workload.compile(), Namespace: p.Budgets.Namespace.compile()},
		CoolDown:       time.Duration(p.CoolDown),
		AskInFreeze:    p.Freeze.Rollback == FreezeApprove,
		Alpha:          p.Alpha,
		MinBreach:      time.Duration(p.MinBreach),
		EarlyPass:      p.EarlyPass,
		Unannounced:    p.WatchUnannounced,
		AnnounceWithin: time.Duration(p.AnnounceWithin),
		ReadyWithin:    p.BlueGreen.readyWithin(),
		Peers:          p.Guards.Peers,
		Dependencies:   p.Guards.dependencies(scrape),
		Migration:      p.Migration.compile(),
		Canary:         p.Canary.compile(),

		PauseAtSuspicion: p.PauseAtSuspicion,
	}
	for _, m := range p.Match {
		out.Match = append(out.Match, watch.Match(m))
	}
	longest := p.longestScrape(scrape)
	for _, s := range p.Signals {
		if !s.scraped() {
			s.ScrapeInterval = model.Duration(longest)
		}
		out.Signals = append(out.Signals, s.compile(scrape))
	}
	fill(&p.Stages.Active.Interval, model.Duration(wholeSeconds(max(leastInterval, longest))))
	fill(&p.Stages.OnCall.Interval, model.Duration(wholeSeconds(max(15*time.Second, longest))))
	fill(&p.Stages.Enhanced.Interval, model.Duration(wholeSeconds(max(time.Minute, longest))))
	for _, s := range p.Stages.named() {
		out.Stages = append(out.Stages, watch.Stage{
			Name: s.name, Until: time.Duration(s.Until), Interval: time.Duration(s.Interval), Mode: s.Mode,
		})
	}
	return out
}

// longestScrape is the longest scrape interval of the policy's signals: a tick that is shorter holds nothing. Signals that no series
// are scraped for have none of their own, and wait for those of the others; where there are no others, for what is usual.
func (p Policy) longestScrape(scrape model.Duration) time.Duration {
	var longest time.Duration
	for _, s := range p.Signals {
		if s.scraped() {
			fill(&s.ScrapeInterval, scrape)
			longest = max(longest, time.Duration(s.ScrapeInterval))
		}
	}
	if longest == 0 {
		return time.Duration(scrape)
	}
	return longest
}

// scraped reports whether a signal is measured by series.
func (s Signal) scraped() bool { return s.Kind != analyzer.KindRollout && s.Kind != analyzer.KindSmoke }

// wholeSeconds rounds up: ticks lie on whole seconds.
func wholeSeconds(d time.Duration) time.Duration { return (d + time.Second - 1).Truncate(time.Second) }

type namedStage struct {
	name, field string
	Stage
}

func (s Stages) named() []namedStage {
	return []namedStage{{"active", "active", s.Active}, {"on-call", "onCall", s.OnCall}, {"enhanced", "enhanced", s.Enhanced}}
}

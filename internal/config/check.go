package config

import (
	"net"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

var (
	instanceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)
	leaseName    = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	policyName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,62})$`)
)

func (c *Config) check(k *checker) {
	if !instanceName.MatchString(c.Instance) {
		k.say([]any{"instance"}, "%q is not an instance name; use up to 40 lower-case letters, digits and dashes, such as production-eu", c.Instance)
	}
	if len(c.Environments) == 0 {
		k.say([]any{"environments"}, "is empty; name the environments whose deployments are to be watched, such as [production]")
	}
	for i, e := range c.Environments {
		if !event.IsName(e) {
			k.say([]any{"environments", i}, "%q is not an environment's name; use lower-case letters, digits and dashes", e)
		}
	}
	c.NATS.check(k, c.Environments)
	c.checkEndpoints(k)
	c.checkLog(k)
	c.Postmortems.check(k, c.Environments)
	c.Notify.check(k)
	c.checkDocuments(k)
	c.LeaderElection.check(k, c.NATS)
	c.Drills.check(k, c.Environments)
	c.checkSources(k)
	c.Diagnosis.check(k)
	c.Reload.check(k)
	names := map[string]bool{}
	for i, p := range c.Policies {
		at := []any{"policies", i}
		if names[p.Name] {
			k.say(append(slices.Clone(at), "name"), "%q is the name of an earlier policy too; give each its own", p.Name)
		}
		names[p.Name] = true
		p.check(k, at, c.Prometheus.ScrapeInterval)
	}
	if len(c.Policies) == 0 {
		k.say([]any{"policies"}, "is empty; without a policy no deployment is watched")
	}
}

func (c *Config) checkEndpoints(k *checker) {
	c.HTTP.check(k)
	switch {
	case strings.Contains(c.Prometheus.URL, "@"): // perhaps a password, so it is not shown
		k.say([]any{"prometheus", "url"}, "may not hold a user or a password; put them into prometheus.httpClient, as basic_auth with a password_file")
	case !webAddress(c.Prometheus.URL):
		k.say([]any{"prometheus", "url"}, "%q is not an address of Prometheus; write it as http://prometheus:9090", c.Prometheus.URL)
	}
	c.Prometheus.checkExternal(k)
	k.positive([]any{"prometheus", "timeout"}, c.Prometheus.Timeout)
	k.positive([]any{"prometheus", "scrapeInterval"}, c.Prometheus.ScrapeInterval)
	c.Kubernetes.check(k, c.Policies)
	k.address([]any{"http", "listen"}, c.HTTP.Listen)
	if c.HTTP.Probes != "" {
		k.address([]any{"http", "probes"}, c.HTTP.Probes)
	}
	c.checkOwnPorts(k)
	k.folder([]any{"files", "root"}, c.Files.Root)
	if h := c.Prometheus.HTTPClient; h != nil {
		if err := h.Validate(); err != nil {
			k.say([]any{"prometheus", "httpClient"}, "%v", err)
		}
	}
}

// checkOwnPorts refuses addresses of which only one can be listened on.
func (c *Config) checkOwnPorts(k *checker) {
	type own struct {
		at     []any
		listen string
	}
	all := []own{{[]any{"http", "listen"}, c.HTTP.Listen}, {[]any{"http", "probes"}, c.HTTP.Probes}}
	if c.NATS.URL == "" {
		all = append(all, own{[]any{"nats", "embedded", "listen"}, c.NATS.Embedded.Listen})
	}
	for i, later := range all {
		for _, earlier := range all[:i] {
			if sameAddress(earlier.listen, later.listen) {
				k.say(later.at, "%q is taken by %s, which is %q; give each a port of its own", later.listen, dotted(earlier.at), earlier.listen)
			}
		}
	}
}

// sameAddress reports whether two addresses cannot be listened on at the same time. Those that are no addresses are told of elsewhere.
func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || strings.Trim(portA, "0") == "" {
		return false
	}
	every := func(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
	return hostA == hostB || every(hostA) || every(hostB)
}

func (c *Config) checkLog(k *checker) {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		k.say([]any{"log", "level"}, "%q is not a level; use debug, info, warn or error", c.Log.Level)
	}
	if !slices.Contains([]string{"auto", "json", "console"}, c.Log.Format) {
		k.say([]any{"log", "format"}, "%q is not a format; use auto, json or console", c.Log.Format)
	}
}

func (n NATS) check(k *checker, environments []string) {
	if n.URL == "" {
		n.Embedded.check(k, environments)
		n.checkUnused(k)
		return
	}
	n.checkClient(k)
	if len(n.Embedded.Users) > 0 {
		k.say([]any{"nats", "embedded", "users"}, "have no effect with nats.url: give that server its own users")
	}
}

func (e Embedded) check(k *checker, environments []string) {
	base := []any{"nats", "embedded"}
	k.address(append(slices.Clone(base), "listen"), e.Listen)
	k.folder(append(slices.Clone(base), "dataDir"), e.DataDir)
	seen := map[string]bool{}
	for i, u := range e.Users {
		at := append(slices.Clone(base), "users", i)
		if !event.IsName(u.Name) || seen[u.Name] {
			k.say(append(slices.Clone(at), "name"), "%q is not a name of its own of lower-case letters, digits and dashes", u.Name)
		}
		seen[u.Name] = true
		if u.PasswordFile == "" {
			k.say(append(slices.Clone(at), "passwordFile"), "is missing; every publisher needs a password")
		}
		u.checkScopes(k, at, environments)
	}
}

func (u User) checkScopes(k *checker, at []any, environments []string) {
	check := func(field string, scopes []Scope) {
		for j, s := range scopes {
			scope := append(slices.Clone(at), field, j)
			if !slices.Contains(environments, s.Environment) {
				k.say(append(slices.Clone(scope), "environment"), "%q is not one of the environments that this daemon watches; use one of %q", s.Environment, environments)
			}
			if !event.IsName(s.Namespace) {
				k.say(append(slices.Clone(scope), "namespace"), "%q is not a namespace's name; use it as Kubernetes has it", s.Namespace)
			}
		}
	}
	check("publish", u.Publish)
	check("control", u.Control)
}

func (p Policy) check(k *checker, at []any, scrape model.Duration) {
	field := func(path ...any) []any { return append(slices.Clone(at), path...) }
	if !policyName.MatchString(p.Name) {
		k.say(field("name"), "%q is not a name; use up to 63 letters, digits, dots, dashes and underscores", p.Name)
	}
	k.mode(field("mode"), p.Mode)
	k.patterns(field, p.Match)
	p.checkStages(k, field, scrape)
	k.positive(field("baseline", "window"), p.Baseline.Window)
	k.positive(field("knownGood", "minServing"), p.KnownGood.MinServing)
	k.positive(field("settleFor"), p.SettleFor)
	k.positive(field("verify", "for"), p.Verify.For)
	k.positive(field("approval", "within"), p.Approval.Within)
	k.positive(field("announceWithin"), p.AnnounceWithin)
	k.positive(field("minBreach"), p.MinBreach)
	k.positive(field("blueGreen", "readyWithin"), p.BlueGreen.ReadyWithin)
	if !(p.Alpha > 0 && p.Alpha <= 0.1) {
		k.say(field("alpha"), "%v is not a probability of a false rollback that one can live with; use more than 0 and at most 0.1, such as 0.001", p.Alpha)
	}
	if p.Verify.Deadline <= p.Verify.For {
		k.say(field("verify", "deadline"), "%s leaves no time for verify.for, which is %s; make it longer", p.Verify.Deadline, p.Verify.For)
	}
	p.Budgets.check(k, field)
	p.Freeze.check(k, field)
	p.checkGitOps(k, field)
	p.Guards.check(k, field, scrape)
	p.Migration.check(k, field)
	p.Canary.check(k, field)
	names := map[string]bool{}
	for i, s := range p.Signals {
		if s.Name == "" || names[s.Name] {
			k.say(field("signals", i, "name"), "%q is not a name of its own; give every signal of a policy another, such as error-rate", s.Name)
		}
		names[s.Name] = true
		if p.EarlyPass && s.Kind == analyzer.KindBusiness {
			k.say(field("earlyPass"), "cannot be had with the business metric %q, which is never proven to be well; remove one of the two", s.Name)
		}
		s.check(k, field("signals", i), p, scrape)
	}
	if len(p.Signals) == 0 {
		k.say(field("signals"), "is empty; a policy judges by at least one signal")
	}
}

func (c *checker) patterns(field func(...any) []any, match []Match) {
	for i, m := range match {
		for _, m := range [][2]string{{"environment", m.Environment}, {"namespace", m.Namespace}, {"workload", m.Workload}} {
			if _, err := path.Match(m[1], ""); err != nil {
				c.say(field("match", i, m[0]), "%q is not a pattern; use a name with * and ?", m[1])
			}
		}
	}
}

func (p Policy) checkStages(k *checker, field func(...any) []any, scrape model.Duration) {
	var before model.Duration
	for _, s := range p.Stages.named() {
		if k.given(field("stages", s.field, "mode")) { // otherwise it is the policy's, which was checked
			k.mode(field("stages", s.field, "mode"), s.Mode)
		}
		if s.Until <= before {
			k.say(field("stages", s.field, "until"), "%s is not after the end of the stage before it, %s; make it longer", s.Until, before)
		}
		before = s.Until
		if k.given(field("stages", s.field, "interval")) {
			k.interval(field("stages", s.field, "interval"), s.Interval, p.longestScrape(scrape))
		}
	}
}

func (c *checker) interval(at []any, d model.Duration, scrape time.Duration) {
	switch {
	case d < model.Duration(time.Second) || time.Duration(d)%time.Second != 0:
		c.say(at, "%s is not a whole number of seconds; use 5s or more", d)
	case time.Duration(d) < scrape:
		c.say(at, "%s is shorter than the scrape interval, %s, so some ticks would hold nothing; make it at least as long", d, model.Duration(scrape))
	}
}

func (c *checker) mode(at []any, m watch.Mode) {
	if m != watch.Observe && m != watch.Approve && m != watch.Automatic {
		c.say(at, "%q is not a mode; use observe, approve or automatic", m)
	}
}

func (c *checker) positive(at []any, d model.Duration) {
	if d <= 0 {
		c.say(at, "%s is not a positive duration; write it as 30s, 5m or 1h30m", d)
	}
}

func (c *checker) address(at []any, listen string) {
	_, port, err := net.SplitHostPort(listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		c.say(at, "%q is not an address to listen on; write it as 127.0.0.1:4222", listen)
	}
}

func (c *checker) folder(at []any, path string) {
	if path == "" {
		c.say(at, "is empty; name a folder, such as .")
	}
}

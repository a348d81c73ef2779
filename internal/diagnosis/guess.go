package diagnosis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Cause is a kind of cause, after the common causes of the runbook.
type Cause string

// The causes.
const (
	CauseImage          Cause = "image-pull"
	CauseConfigMissing  Cause = "configuration-missing"
	CauseMemory         Cause = "out-of-memory"
	CausePlacement      Cause = "no-room"
	CauseProbe          Cause = "health-check"
	CauseCrash          Cause = "crash"
	CauseDatabaseAccess Cause = "database-login"
	CauseDatabasePool   Cause = "database-connections"
	CauseDatabaseSchema Cause = "database-schema"
	CauseConnection     Cause = "connection"
	CausePermission     Cause = "permission"
	CauseConfiguration  Cause = "configuration"
	CauseCode           Cause = "code"
)

const (
	// mostGuesses is how many guesses are kept, mostFacts how many facts of each.
	mostGuesses = 6
	mostFacts   = 6
	// mostWords bounds what is quoted in a fact, in runes.
	mostWords = 240
)

// GuessOf guesses at causes from what was gathered, the likeliest first: what the kubelet says of pods that cannot run comes before what
// logs tell, and that before what merely was changed. It claims nothing beyond the facts that it lists, and does not guess where they tell
// nothing.
func GuessOf(d Diagnosis) []Guess {
	var all []Guess
	for _, guess := range []func(Diagnosis) *Guess{
		imagePull, configMissing, outOfMemory, noRoom, healthCheck, crash, configurationChanged,
	} {
		if g := guess(d); g != nil {
			all = append(all, *g)
		}
	}
	all = append(all, fromLogs(d)...)
	if g := onlyTheImage(d); g != nil && len(all) == 0 {
		all = append(all, *g)
	}
	slices.SortStableFunc(all, func(a, b Guess) int { return cmp.Compare(b.Weight, a.Weight) })
	for i := range all {
		all[i].Facts = all[i].Facts[:min(len(all[i].Facts), mostFacts)]
	}
	return slices.Clone(all[:min(len(all), mostGuesses)])
}

// suspects are the pods that the diagnosis is about: the release's, or after a rollback those of the version that was put back.
func (d Diagnosis) suspects() []Pod {
	side := Release
	if d.Moment == Ended && slices.ContainsFunc(d.Pods, func(p Pod) bool { return p.Side == Before }) {
		side = Before
	}
	var out []Pod
	for _, p := range d.Pods {
		if p.Side == side {
			out = append(out, p)
		}
	}
	return out
}

// each calls fn with every container of the suspects.
func (d Diagnosis) each(fn func(Pod, Container)) {
	for _, p := range d.suspects() {
		for _, c := range p.Containers {
			fn(p, c)
		}
	}
}

// changed lists the changes of some parts as facts.
func (d Diagnosis) changed(parts ...Part) []string {
	var facts []string
	for _, c := range d.Changes {
		if slices.Contains(parts, c.Part) {
			facts = append(facts, c.String())
		}
	}
	return facts
}

// String tells a change in one line.
func (c Change) String() string {
	what := string(c.Part) + " of " + c.Where
	if c.Part == PartVolume || c.Part == PartContainer || c.Part == PartOther || c.Part == PartPlacement {
		what = c.Where
	}
	switch {
	case c.Was == "":
		return fmt.Sprintf("the release added %s: %s", what, c.Is)
	case c.Is == "":
		return fmt.Sprintf("the release removed %s, which was %s", what, c.Was)
	}
	return fmt.Sprintf("the release changed %s from %s to %s", what, c.Was, c.Is)
}

func fact(format string, args ...any) string { return shorten(fmt.Sprintf(format, args...), mostWords) }

// unique keeps the first of equal facts.
func unique(facts []string) []string {
	var out []string
	for _, f := range facts {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

func imagePull(d Diagnosis) *Guess {
	var facts []string
	words := ""
	d.each(func(p Pod, c Container) {
		if c.State == "waiting" && (strings.HasPrefix(c.Reason, "ErrImage") || c.Reason == "ImagePullBackOff" || c.Reason == "InvalidImageName") {
			facts = append(facts, fact("pod %s, container %s waits with %s for %s: %s", p.Name, c.Name, c.Reason, c.Image, c.Message))
			words += " " + c.Message
		}
	})
	if len(facts) == 0 {
		return nil
	}
	for _, e := range d.eventsOf("Failed", "ErrImageNeverPull") {
		if strings.Contains(e.Message, "image") {
			facts = append(facts, e.fact())
			words += " " + e.Message
		}
	}
	text := "an image of the release cannot be pulled" + whyUnpullable(words)
	return &Guess{Cause: CauseImage, Text: text, Facts: append(unique(facts), d.changed(PartImage, PartContainer)...), Weight: 95}
}

// whyUnpullable tells the common answers of registries apart.
func whyUnpullable(words string) string {
	words = strings.ToLower(words)
	switch {
	case has(words, "unauthorized", "authentication required", "denied", "forbidden", "no basic auth"):
		return "; the registry does not let the cluster in, or has no such image"
	case has(words, "not found", "manifest unknown", "does not exist"):
		return "; the registry has no such image or tag"
	case has(words, "no such host", "timeout", "connection refused", "i/o", "tls"):
		return "; the registry cannot be reached"
	}
	return ""
}

func has(text string, any ...string) bool {
	return slices.ContainsFunc(any, func(s string) bool { return strings.Contains(text, s) })
}

func configMissing(d Diagnosis) *Guess {
	var facts []string
	d.each(func(p Pod, c Container) {
		if c.State == "waiting" && (c.Reason == "CreateContainerConfigError" || c.Reason == "CreateContainerError") {
			facts = append(facts, fact("pod %s, container %s waits with %s: %s", p.Name, c.Name, c.Reason, c.Message))
		}
	})
	for _, e := range d.eventsOf("FailedMount") {
		if strings.Contains(e.Message, "not found") {
			facts = append(facts, e.fact())
		}
	}
	if len(facts) == 0 {
		return nil
	}
	return &Guess{
		Cause: CauseConfigMissing, Text: "configuration that the release needs is not there, so that its containers cannot be created",
		Facts: append(unique(facts), d.changed(PartConfiguration, PartVolume)...), Weight: 93,
	}
}

func outOfMemory(d Diagnosis) *Guess {
	var facts []string
	d.each(func(p Pod, c Container) {
		if c.Ended != nil && c.Ended.Reason == "OOMKilled" {
			facts = append(facts, fact("pod %s, container %s was killed for its memory (OOMKilled, %s)", p.Name, c.Name, count(c.Restarts, "restart")))
		}
	})
	if len(facts) == 0 {
		return nil
	}
	return &Guess{Cause: CauseMemory, Text: "the release needs more memory than its limit allows", Facts: append(facts, d.changed(PartResources)...), Weight: 90}
}

func noRoom(d Diagnosis) *Guess {
	var facts []string
	for _, p := range d.suspects() {
		if p.Unplaced != "" {
			facts = append(facts, fact("no node takes pod %s: %s", p.Name, p.Unplaced))
		}
	}
	for _, e := range d.eventsOf("FailedCreate") {
		facts = append(facts, e.fact())
	}
	if len(facts) == 0 {
		return nil
	}
	return &Guess{
		Cause: CausePlacement, Text: "the cluster has no room for the release's pods, or does not allow them",
		Facts: append(unique(facts), d.changed(PartResources, PartPlacement)...), Weight: 88,
	}
}

func healthCheck(d Diagnosis) *Guess {
	var facts []string
	for _, e := range d.eventsOf("Unhealthy", "ProbeError") {
		facts = append(facts, e.fact())
	}
	if len(facts) == 0 {
		return nil
	}
	g := Guess{Cause: CauseProbe, Text: "the release does not pass its health checks", Weight: 60}
	if probes := d.changed(PartProbe); len(probes) > 0 {
		g.Text, g.Weight = "the release does not pass its health checks, which it changed", 80
		facts = append(facts, probes...)
	}
	g.Facts = unique(facts)
	return &g
}

func crash(d Diagnosis) *Guess {
	var facts []string
	d.each(func(p Pod, c Container) {
		if c.Ended == nil || c.Ended.Reason == "OOMKilled" || c.Restarts == 0 && c.State != "terminated" || c.Ended.Code == 0 {
			return
		}
		facts = append(facts, fact("pod %s, container %s ended with exit code %d%s, %s", p.Name, c.Name, c.Ended.Code, signalOf(*c.Ended), count(c.Restarts, "restart")))
	})
	if len(facts) == 0 {
		return nil
	}
	for _, w := range d.Logs.LastWords {
		if n := len(w.Lines); n > 0 {
			facts = append(facts, fact("the last line of pod %s, container %s was: %s", w.Pod, w.Container, w.Lines[n-1]))
		}
	}
	return &Guess{Cause: CauseCrash, Text: "the release's containers crash", Facts: append(facts, d.changed(PartCommand)...), Weight: 70}
}

func signalOf(e Exit) string {
	if e.Signal == 0 {
		return ""
	}
	return fmt.Sprintf(" (signal %d)", e.Signal)
}

// configurationChanged is weak by itself: that something was changed does not tell that it was wrong.
func configurationChanged(d Diagnosis) *Guess {
	facts := d.changed(PartEnvironment, PartConfiguration, PartCommand, PartVolume)
	if len(facts) == 0 {
		return nil
	}
	return &Guess{Cause: CauseConfiguration, Text: "the release changed its configuration, which may not fit", Facts: facts, Weight: 30}
}

// onlyTheImage says what is left where nothing but the image was changed.
func onlyTheImage(d Diagnosis) *Guess {
	if d.Moment == Ended || len(d.Changes) == 0 || slices.ContainsFunc(d.Changes, func(c Change) bool { return c.Part != PartImage }) {
		return nil
	}
	return &Guess{Cause: CauseCode, Text: "a fault in the code of the new image", Weight: 20,
		Facts: append([]string{"nothing of the pod template but the image was changed, as far as it decides what runs"}, d.changed(PartImage)...)}
}

// eventsOf returns the events of the suspects with one of the reasons.
func (d Diagnosis) eventsOf(reasons ...string) []Event {
	var out []Event
	names := map[string]bool{}
	for _, p := range d.suspects() {
		names["Pod "+p.Name] = true
	}
	for _, e := range d.Events {
		if slices.Contains(reasons, e.Reason) && (names[e.Object] || e.Side == Release && d.Moment == Regressed || !strings.HasPrefix(e.Object, "Pod ")) {
			out = append(out, e)
		}
	}
	return out
}

func (e Event) fact() string {
	return fact("%s of %s, %s: %s", e.Reason, e.Object, count(max(e.Count, 1), "time"), e.Message)
}

// count writes a number of things.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

package analyzer

import (
	"fmt"
	"time"
)

// This file reads from what was counted elsewhere whether it explains a release's failures.

const (
	// sharedPart is the part of the peers that must have grown worse for an outage to be a shared one, sharedPeers the least
	// number of them that must be about as bad as the release.
	sharedPart  = 0.3
	sharedPeers = 2
	// timesWorse is how many times worse than another workload a release must be for the other's failures not to explain it.
	timesWorse = 3
	// mostCaused is how many failures of others one failure of a release may cause, each at a workload that waits for the
	// next.
	mostCaused = 3
	// calleePart is the part of a release's failures that failures of what it calls must make up to explain them.
	calleePart = 0.5
)

// rose reports whether a change is surely for the worse.
func (c Change) rose(sig Signal) bool {
	before, during := clamp(c.Before), clamp(c.During)
	if before.N == 0 || during.N == 0 {
		return false
	}
	e := evidence{}.times(twoSample(during, before, 1+sig.Rule.Relative, levelOf(before), 1), 1e9)
	ratio, _ := during.Ratio()
	usual, _ := before.Ratio()
	return e.value() >= suspicious && over(ratio, sig.Rule.Limit(usual))
}

// excess is by how much the bad fraction is above what it was.
func (c Change) excess() float64 {
	during, _ := clamp(c.During).Ratio()
	before, _ := clamp(c.Before).Ratio()
	return max(0, during-before)
}

// added is how many bad ones there were beyond what there would have been before.
func (c Change) added() float64 { return c.excess() * float64(c.During.N) }

// wouldShow reports whether the same excess would have shown here too: there was traffic enough, and room to grow worse.
func (c Change) wouldShow(excess float64) bool {
	usual, known := clamp(c.Before).Ratio()
	return known && usual < 0.5 && excess*float64(c.During.N) >= sickExpects
}

// alike reports whether another change is of the same order, so that one thing may be behind both.
func (c Change) alike(other Change) bool { return timesWorse*c.excess() >= other.excess() }

// shared reports whether other workloads grew worse at the same time, which no release of this one explains. Those of the
// same namespace share the most, so that they need not be outvoted by the rest of the cluster.
func (a Around) shared(sig Signal, release Change) string {
	var near []Peer
	for _, p := range a.Peers {
		if !p.Elsewhere {
			near = append(near, p)
		}
	}
	if why := shared(near, sig, release); why != "" {
		return why
	}
	return shared(a.Peers, sig, release)
}

func shared(peers []Peer, sig Signal, release Change) string {
	affected, able, alike := 0, 0, 0
	var added float64
	var worst Peer
	for _, p := range peers {
		switch {
		case p.rose(sig):
			affected, able = affected+1, able+1
			if p.alike(release) {
				alike, added = alike+1, added+p.added()
			}
			if p.excess() > worst.excess() {
				worst = p
			}
		case p.wouldShow(release.excess()):
			able++
		}
	}
	// Few of many may be those who call the release, but not if they have more failures than it can have caused.
	if alike < sharedPeers || float64(affected) < sharedPart*float64(able) && added <= mostCaused*release.added() {
		return ""
	}
	return fmt.Sprintf("%d of %d other workloads grew worse at the same time, %s among them, so that something they share is failing",
		affected, able, worst.Workload)
}

// callee reports whether failures of what the release calls explain its own. Settled says that it had served without them.
func (a Around) callee(sig Signal, release Change, limit float64, settled bool) string {
	var explained float64
	var worst Callee
	for _, c := range a.Callees {
		if c.failing(sig, settled) {
			explained += c.Own.added()
			if c.Own.added() > worst.Own.added() {
				worst = c
			}
		}
	}
	excess := float64(release.During.K) - limit*float64(release.During.N)
	if worst.Workload == "" || explained < calleePart*excess {
		return ""
	}
	return fmt.Sprintf("%s, which it calls, is failing: %.0f more of the calls to it failed than usual", worst.Workload, worst.Own.added())
}

// failing reports whether a workload fails by itself what the release asks of it. If others ask it in vain too, it does; if
// they get good answers, the release asks for the wrong thing. Where there are no others to tell, it is the release that
// changed if it fails from the start, as a new version may ask for something new, and the callee if it fails later.
func (c Callee) failing(sig Signal, settled bool) bool {
	switch {
	case c.Own.Before.N > 0 && !c.Own.rose(sig):
		return false
	case c.Others.rose(sig):
		return settled || c.Others.alike(c.Own)
	case c.Others.wouldShow(c.Own.excess()):
		return false
	}
	return settled
}

// asUsual reports whether the same happened at the same time of earlier days: then it is the hour's doing. All days that are
// known must agree, or the incident of one day would hide that of the next; of requests that fail or are slow, which is
// hardly ever normal at any hour, at least two must be known.
func (a Around) asUsual(sig Signal, before, during float64) string {
	agreeing, example := 0, Reference{}
	for _, ref := range a.References {
		if !(ref.Before > 0 && ref.During > 0 && before > 0) {
			continue
		}
		usual, now := ref.During/ref.Before, during/before
		alike := now > 1 && usual > 1+sig.Rule.Relative && now <= usual*(1+sig.Rule.Relative) ||
			now < 1 && usual < 1-sig.Rule.Relative && now >= usual*(1-sig.Rule.Relative)
		if !alike {
			return ""
		}
		agreeing++
		example = ref
	}
	least := 2
	if sig.Kind == KindBusiness {
		least = 1
	}
	if agreeing < least {
		return ""
	}
	return fmt.Sprintf("the same happened at this time %s before, from %s to %s", days(example.Ago), sig.figure(example.Before), sig.figure(example.During))
}

func days(d time.Duration) string {
	if n := int(d.Hours() / 24); n != 1 {
		return fmt.Sprintf("%d days", n)
	}
	return "one day"
}

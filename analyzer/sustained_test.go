package analyzer

import (
	"testing"
	"time"
)

// rule is the runbook's, with floors.
var rule = Sustained{Relative: 0.10, Absolute: 0.001, Window: time.Minute, For: 5 * time.Minute, MinRequests: 100}

var scenarios = []scenario{{
	name: "it acts at the first tick at which the breach was held for longer than five minutes",
	ticks: `
		100/0*8   -> HEALTHY 0s
		100/5     -> INSUFFICIENT 0s
		100/5*20  -> INSUFFICIENT 5m0s
		100/5     -> REGRESSED 5m15s
		100/5*9   -> REGRESSED 7m30s`,
}, {
	name: "a release that is bad from the first tick on",
	ticks: `
		100/5*21  -> INSUFFICIENT 5m0s
		100/5     -> REGRESSED 5m15s`,
}, {
	name: "a fraction that is exactly on the limit is no breach",
	rule: oneTickWindow,
	ticks: `
		1000/11*30  -> HEALTHY 0s
		1000/12     -> INSUFFICIENT 0s`,
	baseline: Counts{N: 10_000, K: 100},
}, {
	name: "one good tick restarts the held time",
	rule: oneTickWindow,
	ticks: `
		100/5*21  -> INSUFFICIENT 5m0s
		100/0     -> HEALTHY 0s
		100/5*21  -> INSUFFICIENT 5m0s
		100/5     -> REGRESSED 5m15s`,
}, {
	name: "the trailing window smooths a good tick between bad ones",
	ticks: `
		100/5*20  -> INSUFFICIENT 4m45s
		100/0     -> INSUFFICIENT 5m0s
		100/5     -> REGRESSED 5m15s`,
}, {
	name: "a tick leaves the window when it is as old as the window is long",
	ticks: `
		100/50   -> INSUFFICIENT 0s
		100/0*3  -> INSUFFICIENT 45s
		100/0    -> HEALTHY 0s`,
}, {
	name: "a gap of two scrapes neither adds nor restarts",
	ticks: `
		100/5*21  -> INSUFFICIENT 5m0s
		_*2       -> INSUFFICIENT 5m0s
		100/5     -> REGRESSED 5m15s`,
}, {
	name: "nor do many short gaps, however long they are together",
	ticks: `
		100/5*5  -> INSUFFICIENT 1m0s
		_*2      -> INSUFFICIENT 1m0s
		100/5*5  -> INSUFFICIENT 2m15s
		E*2      -> INSUFFICIENT 2m15s
		100/5*5  -> INSUFFICIENT 3m30s
		_ E      -> INSUFFICIENT 3m30s
		100/5*6  -> INSUFFICIENT 5m0s
		100/5    -> REGRESSED 5m15s`,
}, {
	name: "a longer gap restarts, and is told as missing data",
	ticks: `
		100/5*21  -> INSUFFICIENT 5m0s
		_*2       -> INSUFFICIENT 5m0s
		_         -> NO_DATA 0s
		100/5*21  -> INSUFFICIENT 5m0s
		100/5     -> REGRESSED 5m15s`,
}, {
	name: "a longer gap clears the trailing window",
	rule: func(r *Sustained) { r.Window = 5 * time.Minute },
	ticks: `
		100/0*4   -> HEALTHY
		100/50    -> INSUFFICIENT 0s
		_*2       -> INSUFFICIENT 0s
		E         -> NO_DATA 0s
		100/0     -> HEALTHY 0s`,
}, {
	name: "a shorter one leaves it as it is",
	rule: func(r *Sustained) { r.Window = 5 * time.Minute },
	ticks: `
		100/0*4   -> HEALTHY
		100/50    -> INSUFFICIENT 0s
		_*2       -> INSUFFICIENT 0s
		100/0     -> INSUFFICIENT 15s`,
}, {
	name: "missing data and failed queries are one and the same gap",
	ticks: `
		100/5*21  -> INSUFFICIENT 5m0s
		E _       -> INSUFFICIENT 5m0s
		E*5       -> NO_DATA 0s`,
}, {
	name: "an answer with a warning is not the truth: not a breach",
	ticks: `
		100/0*8      -> HEALTHY 0s
		W100/100*2   -> INSUFFICIENT 0s
		W100/100*30  -> NO_DATA 0s
		100/0        -> HEALTHY 0s`,
}, {
	name: "nor an all-clear",
	ticks: `
		100/5*21  -> INSUFFICIENT 5m0s
		W100/0    -> INSUFFICIENT 5m0s
		100/5     -> REGRESSED 5m15s`,
}, {
	name: "a regressed release with no data is proven bad no longer",
	ticks: `
		100/5*21  -> INSUFFICIENT
		100/5*2   -> REGRESSED
		_*2       -> INSUFFICIENT
		_         -> NO_DATA 0s
		100/5     -> INSUFFICIENT 0s`,
}, {
	name: "a tick of which nothing could be counted after a gap neither adds nor restarts",
	ticks: `
		100/5*20  -> INSUFFICIENT 4m45s
		_*2 G     -> INSUFFICIENT 4m45s
		100/5     -> INSUFFICIENT 5m0s
		100/5     -> REGRESSED 5m15s`,
}, {
	name: "nor does it end the gap",
	ticks: `
		100/5*20  -> INSUFFICIENT 4m45s
		_*2 G     -> INSUFFICIENT 4m45s
		_         -> NO_DATA 0s
		G*9       -> NO_DATA 0s
		100/5     -> INSUFFICIENT 0s`,
}, {
	name: "no traffic is no proof of anything",
	ticks: `
		0/0*50    -> INSUFFICIENT 0s`,
}, {
	name: "nor of health after there was some",
	ticks: `
		100/0*8  -> HEALTHY 0s
		0/0*3    -> HEALTHY 0s
		0/0*9    -> INSUFFICIENT 0s
		100/0    -> HEALTHY 0s`,
}, {
	name: "where nobody asks any more the breach is not held",
	ticks: `
		100/5*10  -> INSUFFICIENT 2m15s
		0/0*3     -> INSUFFICIENT 3m0s
		0/0*30    -> INSUFFICIENT 0s`,
}, {
	name:       "no baseline, no verdict",
	noBaseline: true,
	ticks: `
		100/0*5    -> INSUFFICIENT 0s
		100/100*50 -> INSUFFICIENT 0s`,
}, {
	name:       "nor without floors",
	noBaseline: true,
	rule:       strict,
	ticks:      `100/100*50 -> INSUFFICIENT 0s`,
}, {
	name:     "a baseline that is too small proves nothing",
	baseline: Counts{N: 99},
	ticks:    `100/50*50 -> INSUFFICIENT`,
}, {
	name:     "one that is just large enough does",
	baseline: Counts{N: 100},
	ticks: `
		100/50*21 -> INSUFFICIENT
		100/50    -> REGRESSED`,
}, {
	name:     "the absolute floor keeps a baseline near zero quiet",
	baseline: Counts{N: 1_000_000, K: 1},
	ticks: `
		10000/10*50  -> HEALTHY 0s
		10000/11*21  -> INSUFFICIENT 5m0s
		10000/11     -> REGRESSED 5m15s`,
}, {
	name:     "without it the first error is a breach",
	baseline: Counts{N: 1_000_000},
	rule:     strict,
	ticks: `
		100000/1*21  -> INSUFFICIENT 5m0s
		100000/1     -> REGRESSED 5m15s`,
}, {
	name: "too few requests in the held span",
	rule: func(r *Sustained) { r.MinRequests = 500 },
	ticks: `
		1000/0*4  -> HEALTHY 0s
		0/0*3     -> HEALTHY 0s
		0/0       -> INSUFFICIENT 0s
		4/4*26    -> INSUFFICIENT 6m15s
		400/400   -> REGRESSED 6m30s`,
}, {
	name: "too few requests to call it healthy",
	ticks: `
		9/0*11  -> INSUFFICIENT 0s
		1/0     -> HEALTHY 0s`,
}, {
	name: "a held breach that is over by now is none, though the window still shows it",
	ticks: `
		100/50*21     -> INSUFFICIENT 5m0s
		100/0*2       -> REGRESSED 5m30s
		100/0         -> INSUFFICIENT 5m45s
		100/0         -> HEALTHY 0s`,
}, {
	name: "more errors than requests are all of them",
	ticks: `
		100/300*21  -> INSUFFICIENT 5m0s
		100/300     -> REGRESSED 5m15s`,
}, {
	name: "errors without a request are no fraction",
	ticks: `
		0/50*50  -> INSUFFICIENT 0s`,
}, {
	name:     "a baseline of more errors than requests leaves nothing to be worse than",
	baseline: Counts{N: 1000, K: 3000},
	ticks:    `100/100*50 -> HEALTHY 0s`,
}}

func oneTickWindow(r *Sustained) { r.Window = 15 * time.Second }

func strict(r *Sustained) { r.Absolute, r.MinRequests = 0, 0 }

func TestSustained(t *testing.T) {
	for _, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			sig := Signal{Name: "errors", Kind: KindErrorRate, Scrape: scrape, Rule: rule}
			if c.rule != nil {
				c.rule(&sig.Rule)
			}
			play(t, sig, c)
		})
	}
}

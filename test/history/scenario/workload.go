package scenario

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"
)

// workload is a service with all its releases.
type workload struct {
	namespace, name string
	layout          Layout
	seed            uint64
	// blueGreen workloads have two Deployments, <name>-blue and <name>-green, and a Service of their name.
	blueGreen bool
	// eager workloads expose their counters at zero; the others when they first count.
	eager bool
	// autoscaled workloads get pods and lose them again.
	autoscaled bool
	// callee is the peer that is called once for every request; peers call nobody.
	callee *workload
	habits

	// current serves at the end of what is planned so far.
	current  *release
	releases []*release
	pods     []*pod
	// troubles befall the workload whatever its version.
	troubles []trouble
	// recorded are the times of the samples, in seconds since the epoch; none means always.
	recorded []interval
	load     steps
}

// interval is a span of time in seconds since the epoch.
type interval struct{ from, to float64 }

// habits are what a workload is like when nothing is wrong.
type habits struct {
	// rps is requests a second on an average day; errors is the share that fails.
	rps, errors float64
	// median and sigma describe the lognormal latency, in seconds.
	median, sigma float64
	// conversion is the share of successful requests that are orders.
	conversion float64
	// peak is the hour of the day (UTC) with the most traffic and swing how much more it is than the mean.
	peak, swing float64
	// spread is the shape of the gamma distribution that errors scatter by from scrape to scrape: less is burstier.
	spread float64
}

func newHabits(rng *rand.Rand) habits {
	return habits{
		rps: logUniform(rng, 5, 200), errors: logUniform(rng, 0.0005, 0.01),
		median: logUniform(rng, 0.02, 0.12), sigma: uniform(rng, 0.4, 0.65),
		conversion: uniform(rng, 0.02, 0.08),
		peak:       uniform(rng, 11, 20), swing: uniform(rng, 0.3, 0.6),
		spread: logUniform(rng, 0.5, 20),
	}
}

// noiseEvery is the spacing of the noise that all pods of a workload share, in seconds.
const noiseEvery = 15

// noise returns by what traffic and errors of the workload are multiplied at a time. Its mean is close to 1.
func (w *workload) noise(at float64) (traffic, errors float64) {
	src := rand.NewPCG(w.seed, uint64(at/noiseEvery))
	traffic = distuv.Gamma{Alpha: 60, Beta: 60, Src: src}.Rand()
	errors = distuv.Gamma{Alpha: w.spread, Beta: w.spread, Src: src}.Rand()
	if src.Uint64()%400 == 0 {
		errors *= 4 // a burst
	}
	return traffic, errors
}

const (
	secondsPerHour = 3600
	secondsPerDay  = 24 * secondsPerHour
)

// season returns by what traffic and errors are multiplied at a time of the day and the week.
func (w *workload) season(at float64) (traffic, errors float64) {
	hour := math.Mod(at, secondsPerDay) / secondsPerHour
	wave := math.Cos((hour - w.peak) / 24 * 2 * math.Pi)
	traffic = 1 + w.swing*wave
	if weekend(at) {
		traffic *= 0.65
	}
	return traffic, 1 + 0.25*wave
}

// weekend reports whether a time is on a Saturday or Sunday. The epoch was a Thursday.
func weekend(at float64) bool { return math.Mod(math.Floor(at/secondsPerDay)+3, 7) >= 5 }

// isRecorded reports whether the workload has samples at a time.
func (w *workload) isRecorded(at float64) bool {
	if len(w.recorded) == 0 {
		return true
	}
	i := sort.Search(len(w.recorded), func(i int) bool { return w.recorded[i].to >= at })
	return i < len(w.recorded) && at >= w.recorded[i].from
}

// dark reports whether scrapes of the workload fail.
func (w *workload) dark(at float64) bool {
	return slices.ContainsFunc(w.troubles, func(tr trouble) bool {
		return tr.fault == TelemetryOutage && tr.begin <= at && at < tr.end
	})
}

// steps counts how many pods take traffic at a time.
type steps struct {
	at    []float64
	count []int
}

func newSteps(pods []*pod) steps {
	change := map[float64]int{}
	for _, p := range pods {
		if p.serves() {
			change[p.ready]++
			change[p.leaves]--
		}
	}
	var s steps
	for at := range change {
		s.at = append(s.at, at)
	}
	slices.Sort(s.at)
	sum := 0
	for _, at := range s.at {
		sum += change[at]
		s.count = append(s.count, sum)
	}
	return s
}

func (s steps) pods(at float64) int {
	i := sort.Search(len(s.at), func(i int) bool { return s.at[i] > at })
	if i == 0 {
		return 0
	}
	return s.count[i-1]
}

// name picks the i-th of some names, and numbers them when they are used up.
func name(i int, names ...string) string {
	if i < len(names) {
		return names[i]
	}
	return names[i%len(names)] + "-" + strconv.Itoa(i/len(names)+1)
}

func namespaceName(i int) string { return name(i, "shop", "billing", "search", "media") }

func peerName(i int) string { return name(i, "ledger", "inventory") }

func workloadName(i int) string {
	return name(i, "checkout", "payments", "cart", "catalog", "orders", "profile", "pricing", "shipping", "invoices", "reviews",
		"login", "coupons", "refunds", "feed", "images", "suggest", "basket", "stock", "mailer", "gateway")
}

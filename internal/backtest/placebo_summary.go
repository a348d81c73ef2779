package backtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/report"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// PlaceboSummary says what came of placebos. Its JSON form is the last line of the ndjson output.
type PlaceboSummary struct {
	// Seed is what the times and the halves were drawn with.
	Seed uint64 `json:"seed"`
	// Comparisons are what each way to compare came to.
	Comparisons []PlaceboTally `json:"comparisons"`
	// Covered is how many hours of the workloads' past were watched, each counted once, however many placebos watched it.
	Covered float64 `json:"coveredHours"`
	// Unplaced names the workloads that there was no time for, with the reason.
	Unplaced []string `json:"unplaced,omitempty"`

	alphas  map[string]float64
	watched map[event.Target][]gap
}

// PlaceboTally counts the placebos of one comparison by what rollbackd would have done.
type PlaceboTally struct {
	Compared Comparison `json:"compared"`
	Placebos int        `json:"placebos"`
	// Hours is how long they were watched, together.
	Hours float64 `json:"watchedHours"`
	// RolledBack would have been, Asked a person about.
	RolledBack int `json:"wouldHaveBeenRolledBack"`
	Asked      int `json:"wouldHaveAskedAPerson"`
	External   int `json:"external"`
	SickPod    int `json:"sickPod"`
	Healthy    int `json:"healthy"`
	// Insufficient had too little traffic to say, NoData nothing recorded, Indivisible no halves: they count for nothing.
	Insufficient int `json:"insufficient"`
	NoData       int `json:"noData"`
	Indivisible  int `json:"indivisible"`
	// Rate is RolledBack among those that could be judged, with its 95 % interval, and Alpha what the policies allow at most, on average.
	Rate  report.Rate `json:"rate"`
	Alpha float64     `json:"alpha"`

	alphas float64
}

// NewPlaceboSummary returns a summary of nothing yet.
func NewPlaceboSummary(seed uint64, policies []watch.Policy, without []Unplaced) *PlaceboSummary {
	s := &PlaceboSummary{Seed: seed, alphas: map[string]float64{}, watched: map[event.Target][]gap{}}
	for _, how := range Comparisons() {
		s.Comparisons = append(s.Comparisons, PlaceboTally{Compared: how})
	}
	for _, p := range policies {
		s.alphas[p.Name] = p.Alpha
	}
	for _, u := range without {
		s.Unplaced = append(s.Unplaced, plain(fmt.Sprintf("%s/%s: %s", u.Target.Namespace, u.Target.Workload, u.Why), maxReason))
	}
	return s
}

// Add takes an outcome up.
func (s *PlaceboSummary) Add(o Outcome) {
	i := slices.IndexFunc(s.Comparisons, func(t PlaceboTally) bool { return t.Compared == o.Compared })
	if i < 0 {
		return
	}
	t := &s.Comparisons[i]
	t.Placebos++
	if t.count(o); !o.tried() {
		return
	}
	if span := (gap{o.Evidence.T0, o.Evidence.Until}); span.until.After(span.from) {
		t.Hours += span.until.Sub(span.from).Hours()
		s.watched[o.Event.Target()] = append(s.watched[o.Event.Target()], span)
	}
	t.alphas += s.alphas[o.Policy]
	judged := t.judged()
	t.Rate, t.Alpha = report.NewRate(t.RolledBack, judged), t.alphas/float64(judged)
	s.Covered = s.covered().Hours()
}

func (t *PlaceboTally) count(o Outcome) {
	switch {
	case o.Indivisible:
		t.Indivisible++
	case o.Verdict == analyzer.Regressed && o.Evidence.Asks:
		t.Asked++
	case o.Verdict == analyzer.Regressed:
		t.RolledBack++
	case o.Verdict == analyzer.External:
		t.External++
	case o.Verdict == analyzer.SickPod:
		t.SickPod++
	case o.Verdict == analyzer.Healthy:
		t.Healthy++
	case o.Verdict == analyzer.Insufficient:
		t.Insufficient++
	default:
		t.NoData++
	}
}

// tried reports whether a placebo could be judged at all.
func (o Outcome) tried() bool {
	return o.Verdict != analyzer.NoData && o.Verdict != analyzer.Insufficient
}

func (t *PlaceboTally) judged() int {
	return t.RolledBack + t.Asked + t.External + t.SickPod + t.Healthy
}

// covered is the length of the union of what was watched of each workload.
func (s *PlaceboSummary) covered() (sum time.Duration) {
	for _, spans := range s.watched {
		slices.SortFunc(spans, func(a, b gap) int { return a.from.Compare(b.from) })
		var end time.Time
		for _, g := range spans {
			if from := latest(g.from, end); g.until.After(from) {
				sum += g.until.Sub(from)
			}
			end = latest(end, g.until)
		}
	}
	return sum
}

// sentence says what one comparison came to.
func (t *PlaceboTally) sentence() string {
	text := fmt.Sprintf("%s, %s: %s, watched for %s in all. ", title(t.Compared), t.Compared.tests(), count(t.Placebos, "placebo"), days(time.Duration(t.Hours*float64(time.Hour))))
	if t.Placebos == t.Indivisible {
		return text + "None had two pods that the series tell apart."
	}
	if t.judged() == 0 {
		return text + "None could be judged."
	}
	return text + fmt.Sprintf("Would have been rolled back: %s. %s%s", t.Rate, t.verdict(), t.rest())
}

// verdict compares the rate with what alpha allows.
func (t *PlaceboTally) verdict() string {
	allowed := fmt.Sprintf("alpha allows %.3g %%", 100*t.Alpha)
	switch {
	case t.Rate.Low > t.Alpha:
		return "That is more than chance: " + allowed + ". Look at each: an incident of that time is no mistake, anything else is."
	case t.Rate.High <= t.Alpha:
		return "That is within what alpha allows, " + strings.TrimPrefix(allowed, "alpha allows ") + "."
	case t.RolledBack > 0:
		return "Look at each: an incident of that time is no mistake. " + strings.ToUpper(allowed[:1]) + allowed[1:] + ", which so few placebos neither show nor refute."
	}
	return "None was, but " + allowed + ", and to show so little takes far more placebos."
}

// Unsaid is how many had too little traffic, or nothing recorded.
func (t PlaceboTally) Unsaid() int { return t.Insufficient + t.NoData }

// rest says what else there was.
func (t *PlaceboTally) rest() string {
	var parts []string
	for _, p := range []struct {
		n     int
		words string
	}{
		{t.Asked, "would have asked a person"},
		{t.External, "failed by what others failed by too"},
		{t.SickPod, "failed in one pod only"},
		{t.Healthy, "healthy"},
		{t.Insufficient, "had too little traffic to say"},
		{t.NoData, "had no samples"},
		{t.Indivisible, "had no halves"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.words))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " The others: " + strings.Join(parts, ", ") + "."
}

func title(c Comparison) string {
	words := c.words()
	return strings.ToUpper(words[:1]) + words[1:]
}

// tests says what a comparison is a test of.
func (c Comparison) tests() string {
	if c == HalfOfPods {
		return "which tests how alike pods are"
	}
	return "which tests what changes with time"
}

// Sentences are the summary for people.
func (s *PlaceboSummary) Sentences() []string {
	var out []string
	placebos := 0
	hours := 0.0
	for i := range s.Comparisons {
		out = append(out, s.Comparisons[i].sentence())
		placebos, hours = max(placebos, s.Comparisons[i].Placebos), max(hours, s.Comparisons[i].Hours)
	}
	if hours > 1.1*s.Covered {
		out = append(out, fmt.Sprintf("The placebos overlap: they watched %s of past. What overlaps is not independent, and the intervals are narrower than they ought to be.",
			days(time.Duration(s.Covered*float64(time.Hour)))))
	}
	out = append(out, s.Unplaced...)
	return append(out, fmt.Sprintf("The times and halves were drawn with --placebo-seed %d; the same seed, span and deployments give them again.", s.Seed))
}

package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
)

var update = flag.Bool("update", false, "write the golden files")

func quarter() Scope {
	return Scope{Environment: "production", From: end.AddDate(0, 0, -90), To: end}
}

// The report of a made-up year, as a table and as a document.
func TestGolden(t *testing.T) {
	r := Make(made(7, 600), quarter())
	var text bytes.Buffer
	require.NoError(t, Text(&text, r))
	golden(t, "quarter.txt", text.Bytes())
	document, err := json.MarshalIndent(r, "", "  ")
	require.NoError(t, err)
	golden(t, "quarter.json", append(document, '\n'))
	var page bytes.Buffer
	require.NoError(t, Page(&page, r))
	golden(t, "quarter.html", unstyled(page.Bytes()))

	for name, digests := range map[string][]incident.Digest{"nothing": nil, "three": made(3, 12)[9:12]} {
		r := Make(digests, quarter())
		text.Reset()
		require.NoError(t, Text(&text, r))
		golden(t, name+".txt", text.Bytes())
		page.Reset()
		require.NoError(t, Page(&page, r))
	}
}

// unstyled leaves out what the page looks like, which is not this package's alone.
func unstyled(page []byte) []byte {
	return regexp.MustCompile(`(?s)<style>.*</style>|sha256-[^&]*`).ReplaceAll(page, nil)
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "go test ./internal/report -update accepts it")
}

// Wilson's interval by its own published example (81 of 263, 15 of 148, 0 of 20 and 1 of 29; Newcombe 1998, table 1).
func TestRate(t *testing.T) {
	for _, tc := range []struct {
		count, of int
		low, high float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}, {20, 20, 0.8389, 1}} {
		r := NewRate(tc.count, tc.of)
		require.InDelta(t, tc.low, r.Low, 5e-5)
		require.InDelta(t, tc.high, r.High, 5e-5)
	}
	require.Equal(t, "none of 0", NewRate(0, 0).String(), "a percentage of nothing is none")
	require.Equal(t, "1 of 3, 33.3 % (95 %: 6.1 to 79.2 %)", NewRate(1, 3).String())
}

// The difference by Newcombe's own example: 56 of 70 against 48 of 80 differs by 0.2, from 0.0524 to 0.3339.
func TestCompare(t *testing.T) {
	require.Equal(t, Higher, compare(NewRate(48, 80), NewRate(56, 70)))
	require.Equal(t, Lower, compare(NewRate(56, 70), NewRate(48, 80)))
	require.Equal(t, Unclear, compare(NewRate(0, 3), NewRate(1, 3)), "a third more says nothing of three")
	require.Equal(t, Incomparable, compare(NewRate(0, 0), NewRate(1, 3)))
}

func TestSpans(t *testing.T) {
	require.Equal(t, Spans{}, spansOf(nil))
	require.Equal(t, Spans{Count: 4, Median: 2.5, P95: 100, Longest: 100}, spansOf([]float64{100, 1, 3, 2}))
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	require.Equal(t, Spans{Count: 100, Median: 50.5, P95: 95, Longest: 100}, spansOf(hundred))
	require.Equal(t, "median 2.5 s, longest 100 s (4)", spansOf([]float64{100, 1, 3, 2}).String(), "of so few the percentile is the longest")
}

// one is a deployment of shop/checkout, accepted so many hours before the end, and well.
func one(hours int, edits ...func(*incident.Digest)) incident.Digest {
	at := end.Add(-time.Duration(hours) * time.Hour)
	d := incident.Digest{
		Watch: at.String(), Environment: "production", Namespace: "shop", Workload: "checkout", Kind: "Deployment", Version: "v2", State: "Healthy", Final: true, Seq: 1,
		Times: incident.DigestTimes{Accepted: at, Started: at},
	}
	for _, edit := range edits {
		edit(&d)
	}
	return d
}

func became(state string) func(*incident.Digest) {
	return func(d *incident.Digest) { d.State = state }
}

// proven bad a minute after the first bad measurement; rolled back at once, if at all.
func proven(state string) func(*incident.Digest) {
	return func(d *incident.Digest) {
		d.State, d.Incident = state, "incident-1"
		d.Times.FirstBad = d.Times.Started.Add(time.Minute)
		d.Times.Decided = d.Times.FirstBad.Add(time.Minute)
		if strings.HasPrefix(state, "RolledBack") || state == "NotRecovered" {
			d.RolledBack, d.Times.Landed = true, d.Times.Decided.Add(time.Second)
		}
		if state == "RolledBack" {
			d.Recovered, d.Times.Restored = true, d.Times.Landed.Add(2*time.Minute)
		}
	}
}

// ordered is the watch that is begun for a rollback by hand of what is live.
func orderedBy(d *incident.Digest) {
	d.EventID, d.By, d.State, d.Incident, d.RolledBack, d.Recovered = "rollback-x", "ana", "RolledBack", "incident-2", true, true
	d.Times.Landed, d.Times.Restored = d.Times.Accepted.Add(time.Second), d.Times.Accepted.Add(time.Minute)
}

func TestWhatIsCounted(t *testing.T) {
	for _, tc := range []struct {
		name    string
		digests []incident.Digest
		want    func(*testing.T, Figures)
	}{
		{"what is well, and what is not known to be", []incident.Digest{one(1), one(2, became("Superseded")), one(3, became("Inconclusive")), one(4, became("Aborted"))},
			func(t *testing.T, f Figures) {
				require.Equal(t, []int{4, 3}, []int{f.Deployments, f.Unjudged})
				require.Equal(t, NewRate(0, 4), f.FailureRate)
			}},
		{"what never came is no deployment", []incident.Digest{one(1, became("Inconclusive"), func(d *incident.Digest) { d.Times.Started = time.Time{} })},
			func(t *testing.T, f Figures) { require.Equal(t, []int{0, 1}, []int{f.Deployments, f.Unseen}) }},
		{"each way in which a bad one ends", []incident.Digest{
			one(1, proven("RolledBack")), one(2, proven("NotRecovered")), one(3, proven("RolledBackUnverified")), one(4, proven("Held")), one(5, proven("AwaitingApproval")), one(6)},
			func(t *testing.T, f Figures) {
				require.Equal(t, NewRate(5, 6), f.FailureRate)
				require.Equal(t, NewRate(1, 2), f.FalseRollbacks)
				require.Equal(t, []int{3, 2, 1}, []int{f.RolledBack, f.LeftLive, f.Unverified})
				require.Equal(t, Spans{5, 60, 60, 60}, f.Detect)
				require.Equal(t, Spans{3, 1, 1, 1}, f.RollBack)
				require.Equal(t, Spans{1, 181, 181, 181}, f.Restore)
			}},
		{"a drill is nothing of all this", []incident.Digest{one(1), one(2, proven("RolledBack"), func(d *incident.Digest) { d.Drill = true })},
			func(t *testing.T, f Figures) { require.Equal(t, NewRate(0, 1), f.FailureRate) }},
		{"what a person has rolled back is the deployment of then, and no other one", []incident.Digest{one(30), one(1, orderedBy)},
			func(t *testing.T, f Figures) {
				require.Equal(t, NewRate(1, 1), f.FailureRate)
				require.Equal(t, []int{1, 1}, []int{f.RolledBack, f.ByPerson})
				require.Zero(t, f.Restore.Count, "since when it was bad nobody measured")
			}},
		{"a person who rolls back what is on no record", []incident.Digest{one(1, orderedBy)},
			func(t *testing.T, f Figures) { require.Equal(t, NewRate(1, 1), f.FailureRate) }},
		{"a record that was read twice", []incident.Digest{one(1, proven("Held")), one(1, proven("RolledBack"), func(d *incident.Digest) { d.Seq = 2 })},
			func(t *testing.T, f Figures) { require.Equal(t, []int{1, 1}, []int{f.Deployments, f.RolledBack}) }},
		{"other environments", []incident.Digest{one(1, func(d *incident.Digest) { d.Environment = "staging" })},
			func(t *testing.T, f Figures) { require.Zero(t, f.Deployments) }},
		{"times that are the wrong way round are none", []incident.Digest{one(1, proven("RolledBack"), func(d *incident.Digest) { d.Times.FirstBad = d.Times.Restored.Add(time.Hour) })},
			func(t *testing.T, f Figures) {
				require.Equal(t, []int{0, 0, 1}, []int{f.Detect.Count, f.Restore.Count, f.RollBack.Count})
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			slices.Reverse(tc.digests)
			r := Make(tc.digests, quarter())
			tc.want(t, r.Period)
			total := 0
			for _, w := range r.Weeks {
				total += w.Deployments
			}
			require.Equal(t, r.Period.Deployments, total, "the weeks are all of the period")
			total = 0
			for _, g := range r.Services {
				total += g.Deployments
			}
			require.Equal(t, r.Period.Deployments, total, "so are the services")
		})
	}
}

// A period is compared with the one before, which ends where it begins: nothing is in both.
func TestPeriods(t *testing.T) {
	s := Scope{Environment: "production", From: end.Add(-48 * time.Hour), To: end}
	r := Make([]incident.Digest{one(0), one(1), one(47), one(48), one(49), one(96), one(97)}, s)
	require.Equal(t, []int{3, 2}, []int{r.Period.Deployments, r.Before.Deployments})
	require.InDelta(t, 10.5, r.Period.PerWeek, 0.01)
	require.Len(t, r.Weeks, 1)
	require.True(t, r.Weeks[0].Partial)
}

func TestReviewsAreOpenWhereverTheIncidentWas(t *testing.T) {
	review := func(number uint64, due time.Time, done bool) func(*incident.Digest) {
		return func(d *incident.Digest) {
			d.Postmortem = &incident.Review{Number: number, Due: due}
			if done {
				d.Postmortem.DoneAt = end
			}
		}
	}
	r := Make([]incident.Digest{
		one(24*300, proven("RolledBack"), review(1, end.Add(-time.Hour), false)), one(5, proven("Held"), review(3, end.Add(time.Hour), false)), one(4, proven("Held"), review(2, end, true)),
	}, quarter())
	require.Len(t, r.Reviews, 2)
	require.Equal(t, []bool{true, false}, []bool{r.Reviews[0].Overdue, r.Reviews[1].Overdue})
	require.Equal(t, "DEC-INCIDENT-0001", r.Reviews[0].Name)
}

// Whatever is in a record, neither a terminal nor a browser acts on it.
func TestHostileRecords(t *testing.T) {
	evil := "<script>alert(1)</script>\x1b[2J\u202e" + strings.Repeat("x", 1<<20)
	d := one(1, proven("RolledBack"), func(d *incident.Digest) {
		d.Workload, d.Version, d.Signal, d.Incident, d.EventID, d.State = evil, evil, evil, evil, evil, "RolledBack"
		d.Postmortem = &incident.Review{Number: 1}
	})
	drill := d
	drill.Drill, drill.Watch = true, "drill"
	r := Make([]incident.Digest{d, drill}, Scope{Environment: "production", From: end.AddDate(0, 0, -90), To: end})
	var text, page bytes.Buffer
	require.NoError(t, Text(&text, r))
	require.NoError(t, Page(&page, r))
	for _, out := range []string{text.String(), page.String()} {
		require.NotContains(t, out, "\x1b")
		require.NotContains(t, out, "\u202e")
		require.Less(t, len(out), 100_000)
	}
	require.NotContains(t, page.String(), "<script")
	require.Contains(t, page.String(), `content="default-src &#39;none&#39;; style-src &#39;sha256-`)
}

// How many drills there were, how many were passed, and how long they took; of one nobody said what it came to.
func TestDrillsAreSummedUp(t *testing.T) {
	as := func(name string, result *incident.DigestDrill) incident.Digest {
		d := rehearsed(end.Add(-time.Hour), 0)
		d.Watch, d.Drilled = name, result
		return d
	}
	r := Make([]incident.Digest{
		as("a", &incident.DigestDrill{Passed: true, RestoredBy: "rollbackd", Detect: new(10.0), Recover: new(100.0)}),
		as("b", &incident.DigestDrill{Passed: true, RestoredBy: "rollbackd", Detect: new(30.0), Recover: new(200.0)}),
		as("c", &incident.DigestDrill{Missed: "it was not found\x1b[2J", RestoredBy: "rollbackctl"}), as("d", nil),
	}, quarter())
	require.Equal(t, Rehearsals{
		Carried: 4, Passed: 2, NotPassed: 1, Unknown: 1,
		Detect: spansOf([]float64{10, 20, 20, 30}), Restore: spansOf([]float64{100, 180, 180, 200}),
	}, r.Rehearsals)
	var text, page bytes.Buffer
	require.NoError(t, Text(&text, r))
	require.NoError(t, Page(&page, r))
	for _, out := range []string{text.String(), page.String()} {
		require.Contains(t, out, "4 carried out: 2 passed, 1 not passed, 1 without a result on record; found in median 20 s, longest 30 s (4), restored in median 3 min 00 s, longest 3 min 20 s (4)")
		require.Contains(t, out, "NOT passed: it was not found\ufffd[2J")
	}
}

// A time of a record that no clock has shown leaves nothing undrawn or unended.
func TestExtremeTimes(t *testing.T) {
	d := one(1, proven("RolledBack"), func(d *incident.Digest) { d.Times.Restored = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) })
	r := Make([]incident.Digest{d}, quarter())
	require.False(t, math.IsInf(r.Period.Restore.Longest, 0))
	require.NoError(t, Page(&bytes.Buffer{}, r))
}

// BenchmarkYear makes the report of a year of ten thousand deployments, and its page.
func BenchmarkYear(b *testing.B) {
	digests := made(1, 10_000)
	s := Scope{Environment: "production", From: end.AddDate(-1, 0, 0), To: end}
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		if err := Page(&out, Make(digests, s)); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(out.Len()), "page-bytes")
	}
}

func TestOneDayIsOne(t *testing.T) {
	for n, want := range map[float64]string{1: "1 day", 30: "30 days", 0.5: "0.5 days"} {
		if got := days(n); got != want {
			t.Errorf("%v is written %q", n, got)
		}
	}
}

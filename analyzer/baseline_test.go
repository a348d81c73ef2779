package analyzer

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
)

// steady is a counter of an hour that grows by n a scrape.
func steady(pod, code string, n float64) *model.SampleStream {
	values := make([]float64, 241)
	for i := range values {
		values[i] = 1000 + n*float64(i)
	}
	return counter("http_requests_total", "shop", pod, code, 0, values...)
}

func known() Subject {
	return Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}}
}

// An hour is asked for in pieces that add up: nothing is lost at their edges and nothing counted twice.
func TestBaselineTelescopes(t *testing.T) {
	gone := steady("a-gone2", "200", 1)
	gone.Values = gone.Values[:50]
	srv := &server{t: t, series: []*model.SampleStream{steady("a-x2x4z", "200", 10), steady("a-x2x4z", "500", 1), gone}}
	for _, length := range []int{3000, 2999, 1234, 600, 601, 15, 7} {
		srv.asked = nil
		span := Span{second(3000 - length), second(3000)} // the counters go on after it
		got, err := srv.sampler().Baseline(t.Context(), httpErrors(), known(), span)
		if err != nil {
			t.Fatal(err)
		}
		whole := sample(t, srv.sampler(), httpErrors(), Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: []Span{span}})["a"][0]
		if got.Counts != whole.Total() {
			t.Errorf("%d s in pieces: %v, at once: %v", length, got.Counts, whole.Total())
		}
		for i, q := range srv.asked[:len(srv.asked)-1] {
			if q.to.Sub(q.from) > baselineChunk+Lookback(scrape) {
				t.Errorf("query %d asks for %v at once", i, q.to.Sub(q.from))
			}
		}
	}
}

func TestBaselineSaysWhatItMeasured(t *testing.T) {
	srv := &server{t: t, series: []*model.SampleStream{steady("a-x2x4z", "200", 10), steady("a-x2x4z", "500", 1), steady("a-b2b2b", "200", 5)}}
	got, err := srv.sampler().Baseline(t.Context(), httpErrors(), known(), Span{second(15), second(3600)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := Query(httpErrors(), Subject{Namespace: "shop", Release: Members{PodPrefix: "a-"}}, Span{second(15), second(3600)})
	if err != nil {
		t.Fatal(err)
	}
	want := Baseline{
		Signal: "errors", From: second(15), To: second(3600), Counts: Counts{N: 16 * 239, K: 239},
		Pods: []string{"a-b2b2b", "a-x2x4z"}, Query: text,
		Step: 15 * time.Second, Ticks: slices.Repeat([]Counts{{N: 16, K: 1}}, 239),
	}
	// Only one of the two fails: over 16 ticks their chi-square is 16·16/33, and of fourteen such spans it is taken at two standard errors above.
	if math.Abs(got.Apart-256/33.0*(1+2*math.Sqrt(2/14.0))) > 1e-9 {
		t.Errorf("the pods are %v apart", got.Apart)
	}
	want.Apart = got.Apart
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The known-good version's pods are of any age, so their past is never counted as if it had been served now, whatever
// the caller's subject says.
func TestBaselineNeverCountsThePast(t *testing.T) {
	srv := &server{t: t, series: []*model.SampleStream{counter("http_requests_total", "shop", "a-x2x4z", "200", 900, 1e6, 1e6+1)}}
	sub := known()
	sub.Fresh = true
	got, err := srv.sampler().Baseline(t.Context(), httpErrors(), sub, Span{second(0), second(3600)})
	if err != nil || got.Counts != (Counts{N: 1}) {
		t.Errorf("%v, error %v", got.Counts, err)
	}
}

// A baseline is frozen for the whole watch, so one from half an answer would be wrong for as long: better to ask again.
func TestBaselineWithAWarningIsNone(t *testing.T) {
	srv := &server{t: t, series: []*model.SampleStream{steady("a-x2x4z", "200", 10)}}
	srv.warn = func(end time.Time) []string {
		if end.Equal(second(1800)) {
			return []string{"a store is missing"}
		}
		return nil
	}
	got, err := srv.sampler().Baseline(t.Context(), httpErrors(), known(), Span{second(0), second(3600)})
	if err == nil || !strings.Contains(err.Error(), "a store is missing") || got.Counts != (Counts{}) {
		t.Errorf("%v, error %v", got, err)
	}
}

func TestBaselineOfNonsenseIsNone(t *testing.T) {
	bad := steady("a-x2x4z", "200", 10)
	bad.Values[100].Value = -1
	srv := &server{t: t, series: []*model.SampleStream{bad}}
	got, err := srv.sampler().Baseline(t.Context(), httpErrors(), known(), Span{second(0), second(3600)})
	if err != nil || !strings.Contains(got.Problem, "no count") || got.Counts != (Counts{}) {
		t.Errorf("%v, error %v", got, err)
	}
	tick := Tick{At: second(5), Signals: map[string]Measurement{"errors": {Pods: map[string]Counts{"b": {N: 500, K: 500}}, Samples: 1}}}
	_, j := Step(Rules{Signals: []Signal{httpErrors()}}, map[string]Baseline{httpErrors().Name: got}, State{}, tick)
	if j.Verdict == Regressed || j.Verdict == Healthy {
		t.Errorf("judged against a baseline of nonsense: %+v", j)
	}
}

// Where the known-good version served nothing the baseline is empty, and that is an answer.
func TestBaselineOfNothing(t *testing.T) {
	srv := &server{t: t}
	got, err := srv.sampler().Baseline(t.Context(), httpErrors(), known(), Span{second(0), second(60)})
	if err != nil || got.Counts != (Counts{}) || got.Query == "" || got.Pods != nil {
		t.Errorf("%+v, error %v", got, err)
	}
}

func TestBaselineOfASignalThatCannotBeAsked(t *testing.T) {
	sig := httpErrors()
	sig.Errors = "sum(a)"
	if _, err := (&server{t: t}).sampler().Baseline(t.Context(), sig, known(), Span{second(0), second(60)}); err == nil {
		t.Error("no error")
	}
}

// Samples that come less often than is configured make no baseline, and it is said why; nobody asking anything is no such thing.
func TestABaselineSaysThatSamplesAreTooFarApart(t *testing.T) {
	seldom, idle := steady("a-x2x4z", "200", 10), steady("a-x2x4z", "200", 0)
	seldom.Values = slices.DeleteFunc(seldom.Values, func(p model.SamplePair) bool { return p.Timestamp.Unix()%60 != second(0).Unix()%60 })
	for _, c := range []struct {
		series *model.SampleStream
		says   string
	}{{seldom, "less often than every 15s as configured; see scrapeInterval"}, {idle, ""}} {
		srv := &server{t: t, series: []*model.SampleStream{c.series}}
		got, err := srv.sampler().Baseline(t.Context(), httpErrors(), known(), Span{second(15), second(3600)})
		if err != nil {
			t.Fatal(err)
		}
		if got.Counts.N != 0 || !strings.Contains(got.Problem, c.says) || c.says == "" && got.Problem != "" {
			t.Errorf("counted %v, problem %q; want none and %q", got.Counts, got.Problem, c.says)
		}
	}
}

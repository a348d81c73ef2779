package analyzer

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

func TestSelectorsThatAreAllowed(t *testing.T) {
	for text, printed := range map[string]string{
		`http_requests_total`:                              `http_requests_total`,
		`http_requests_total{code=~"5.."}`:                 `http_requests_total{code=~"5.."}`,
		` http_requests_total { code = "500" , } # trail`:  `http_requests_total{code="500"}`,
		`{__name__=~"http_requests_total|rpc_total"}`:      `{__name__=~"http_requests_total|rpc_total"}`,
		`{"http.server.requests", "http.status_code"="5"}`: `{"http.status_code"="5",__name__="http.server.requests"}`,
		`http_requests_total{path="a\"b\\c\n"}`:            `http_requests_total{path="a\"b\\c\n"}`,
		"x{path=`a\\b`}":                                   `x{path="a\\b"}`,
	} {
		s, err := ParseSelector(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if s.String() != printed {
			t.Errorf("%s is printed as %s", text, s)
		}
	}
}

func TestSelectorsThatAreRefused(t *testing.T) {
	for text, why := range map[string]string{
		``:                                   "is not PromQL",
		`http_requests_total{code=~"5.."`:    "is not PromQL",
		`http_requests_total{code=~"(5.."}`:  "is not PromQL",
		`{}`:                                 "is not PromQL",
		`{code=~".*"}`:                       "is not PromQL",
		`a b`:                                "is not PromQL",
		`1`:                                  "write the bare counter",
		`"text"`:                             "write the bare counter",
		`rate(http_requests_total[5m])`:      "write the bare counter",
		`http_requests_total[5m]`:            "write the bare counter",
		`http_requests_total[5m:1m]`:         "write the bare counter",
		`sum(http_requests_total)`:           "write the bare counter",
		`(http_requests_total)`:              "write the bare counter",
		`-http_requests_total`:               "write the bare counter",
		`http_requests_total > 0`:            "write the bare counter",
		`a or b`:                             "write the bare counter",
		`http_requests_total offset 5m`:      "offset or an @ modifier",
		`http_requests_total offset -5m`:     "offset or an @ modifier",
		`http_requests_total @ 1700000000`:   "offset or an @ modifier",
		`http_requests_total @ 0`:            "offset or an @ modifier",
		`http_requests_total @ start()`:      "offset or an @ modifier",
		`http_requests_total @ end()`:        "offset or an @ modifier",
		`http_requests_total offset step()`:  "offset or an @ modifier",
		`http_requests_total anchored`:       "anchored or smoothed",
		`http_requests_total smoothed`:       "anchored or smoothed",
		strings.Repeat("(", 100) + "a":       "is not PromQL",
		"http_requests_total{code=\"\xff\"}": "is not PromQL",
	} {
		_, err := ParseSelector(text)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.60q: error %v, want one about %q", text, err, why)
		}
	}
}

func TestWithLeavesTheOriginalAlone(t *testing.T) {
	s := selector(t, `a{b="c"}`)
	one, two := s.With(literally(t, "pod", "x")), s.With(literally(t, "pod", "y"))
	for _, got := range []struct{ s, want string }{
		{s.String(), `a{b="c"}`}, {one.String(), `a{b="c",pod=~"x"}`}, {two.String(), `a{b="c",pod=~"y"}`},
	} {
		if got.s != got.want {
			t.Errorf("got %s, want %s", got.s, got.want)
		}
	}
}

func TestRangeRoundsUpToWholeMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Minute:                       `a[1m]`,
		90 * time.Second:                  `a[1m30s]`,
		37500 * time.Millisecond:          `a[37s500ms]`,
		time.Second + time.Nanosecond:     `a[1s1ms]`,
		25*time.Hour + time.Microsecond*5: `a[1d1h1ms]`,
	} {
		if got := selector(t, `a`).Range(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestNarrowedBy(t *testing.T) {
	for _, c := range []struct {
		requests, errors string
		want             bool
	}{
		{`a`, `a{code=~"5.."}`, true},
		{`a{job="x"}`, `a{code=~"5..",job="x"}`, true},
		{`a`, `a`, true},
		{`a`, `b`, false},
		{`a{job="x"}`, `a{code=~"5.."}`, false},
		{`a{job="x"}`, `a{job=~"x",code="500"}`, false}, // the same in effect, but that is not for us to prove
		{`a{job!="x"}`, `a{job="x"}`, false},
	} {
		if got := selector(t, c.requests).narrowedBy(selector(t, c.errors)); got != c.want {
			t.Errorf("%s narrowed by %s: %t", c.requests, c.errors, got)
		}
	}
}

// A label that a series does not have is empty, as in Prometheus.
func TestMatches(t *testing.T) {
	s := selector(t, `a{code=~"5..",canary=""}`)
	for _, c := range []struct {
		series map[string]string
		want   bool
	}{
		{map[string]string{"__name__": "a", "code": "500"}, true},
		{map[string]string{"__name__": "a", "code": "1500"}, false},
		{map[string]string{"__name__": "b", "code": "500"}, false},
		{map[string]string{"__name__": "a", "code": "500", "canary": "yes"}, false},
		{map[string]string{"__name__": "a"}, false},
	} {
		if got := s.matches(func(label string) string { return c.series[label] }); got != c.want {
			t.Errorf("%v: %t", c.series, got)
		}
	}
}

func TestPodPrefixesMatchPodsOfTheirReplicaSetOnly(t *testing.T) {
	var patterns []string
	for _, prefix := range []string{"checkout-b-", "checkout.a-", "checkout-b-"} {
		patterns = append(patterns, Subject{Release: Members{PodPrefix: prefix}}.podPatterns(Labels{Pod: "pod"}, exactly)...)
	}
	m, err := oneOf(labels.MatchRegexp, "pod", patterns)
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]bool{
		"checkout-b-x2x4z":        true,
		"checkout.a-x2x4z":        true,
		"checkout-a-x2x4z":        false, // the dot is a dot
		"checkout-b-x2x4":         false,
		"checkout-b-x2x4zz":       false,
		"checkout-b-x2x4a":        false, // no vowels
		"checkout-b-api-x2x4z":    false,
		"my-checkout-b-x2x4z":     false,
		"checkout-b-x2x4z\n":      false,
		"checkout-b-|checkout.a-": false,
		"":                        false,
	} {
		if got := m.Matches(value); got != want {
			t.Errorf("%q: %t", value, got)
		}
	}
	if got := strings.Count(m.Value, "checkout-b-"); got != 1 {
		t.Errorf("an alternative is repeated %d times in %s", got, m.Value)
	}
}

// hostile are label values that would change a query's meaning if they were pasted into it.
var hostile = []string{
	"", "plain", `"`, `\`, `\"`, `"} or up{x="`, "a\nb", "\r\t\v", "\x00\x7f", "a|b", ".*", "(?i)a", "[a", "a{2}", "^a$",
	`\Q.\E`, `\x41`, "$1", "#", "`", "ü", "\u2028", "\U0001f600", strings.Repeat("x", 10_000), strings.Repeat(`\"|`, 3_000),
}

func TestHostileValuesAreLiteral(t *testing.T) {
	for _, value := range hostile {
		for _, other := range hostile {
			checkLiteral(t, value, other)
		}
	}
}

func FuzzAnyOf(f *testing.F) {
	for _, value := range hostile {
		f.Add(value, value+"x")
	}
	f.Fuzz(checkLiteral)
}

// checkLiteral checks that a value added through oneOf matches exactly itself, and that the printed query means to
// Prometheus what was meant here.
func checkLiteral(t *testing.T, value, other string) {
	m, err := oneOf(labels.MatchRegexp, "pod", quoted([]string{value}))
	if err != nil {
		if utf8.ValidString(value) {
			t.Fatalf("%.60q is refused: %v", value, err)
		}
		return
	}
	if !m.Matches(value) || m.Matches(other) != (value == other) {
		t.Fatalf("the matcher %.60s: %.60q %t, %.60q %t", m, value, m.Matches(value), other, m.Matches(other))
	}
	s := selector(t, `a{code=~"5.."}`).With(m)
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(s.Range(time.Minute))
	if err != nil {
		t.Fatalf("the printed query is not PromQL: %v", err)
	}
	got := expr.(*parser.MatrixSelector).VectorSelector.(*parser.VectorSelector).LabelMatchers
	if !slices.EqualFunc(withoutName(got), withoutName(s.vector.LabelMatchers), sameMatcher) {
		t.Fatalf("%s came back as %s", s.vector.LabelMatchers, got)
	}
}

// withoutName leaves out the metric's name, which the parser puts at the end.
func withoutName(all []*labels.Matcher) []*labels.Matcher {
	return slices.DeleteFunc(slices.Clone(all), func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel })
}

func sameMatcher(a, b *labels.Matcher) bool {
	return a.Type == b.Type && a.Name == b.Name && a.Value == b.Value
}

func selector(t *testing.T, text string) Selector {
	t.Helper()
	s, err := ParseSelector(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func literally(t *testing.T, label, value string) *labels.Matcher {
	t.Helper()
	m, err := oneOf(labels.MatchRegexp, label, quoted([]string{value}))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

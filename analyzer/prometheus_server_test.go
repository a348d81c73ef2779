package analyzer

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/rollbackd/rollbackd/internal/promclient"
)

// server answers range selectors as Prometheus does: it parses and matches them with Prometheus' own code, on series
// held in memory. What it was asked is kept.
type server struct {
	t      *testing.T
	series []*model.SampleStream
	// warn returns the warnings of the answer to a query that ends at a time.
	warn func(end time.Time) []string

	mu    sync.Mutex
	asked []asked
}

type asked struct {
	text string
	// from and to are the range selector's, as it is evaluated: open on the left.
	from, to time.Time
}

// counter is one series with a sample every 15 seconds from second `from` on.
func counter(name, namespace, pod, code string, from int, values ...float64) *model.SampleStream {
	s := &model.SampleStream{Metric: model.Metric{
		"__name__": model.LabelValue(name), "namespace": model.LabelValue(namespace), "pod": model.LabelValue(pod),
		"job": "apps", "instance": model.LabelValue(pod + ":8080"), "code": model.LabelValue(code),
	}}
	for i, v := range values {
		s.Values = append(s.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(second(from + 15*i).UnixNano()), Value: model.SampleValue(v)})
	}
	return s
}

func (s *server) sampler() *Sampler {
	s.t.Helper()
	return samplerOf(s.t, s)
}

func samplerOf(t *testing.T, h http.Handler) *Sampler {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	client, err := promclient.New(srv.URL, srv.Client())
	if err != nil {
		t.Fatal(err)
	}
	return NewSampler(client, time.Hour) // a busy machine makes no server a slow one
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, err := strconv.ParseFloat(r.FormValue("time"), 64)
	if err != nil || r.URL.Path != "/api/v1/query" {
		s.t.Errorf("%s was asked with the time %q", r.URL.Path, r.FormValue("time"))
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.FormValue("query"))
	matrix, ok := expr.(*parser.MatrixSelector)
	if err != nil || !ok {
		s.t.Errorf("%s: %v", r.FormValue("query"), err)
		http.Error(w, "not a range selector", http.StatusBadRequest)
		return
	}
	end := time.UnixMilli(int64(at * 1000))
	q := asked{text: r.FormValue("query"), from: end.Add(-matrix.Range), to: end}
	s.asked = append(s.asked, q)
	var warnings []string
	if s.warn != nil {
		warnings = s.warn(end)
	}
	answer(w, map[string]any{
		"status": "success", "warnings": warnings,
		"data": map[string]any{"resultType": "matrix", "result": s.find(matrix, q)},
	})
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func (s *server) find(m *parser.MatrixSelector, q asked) model.Matrix {
	out := model.Matrix{}
	sel := Selector{vector: m.VectorSelector.(*parser.VectorSelector)}
	for _, have := range s.series {
		if !sel.matches(func(l string) string { return string(have.Metric[model.LabelName(l)]) }) {
			continue
		}
		values := slices.DeleteFunc(slices.Clone(have.Values), func(p model.SamplePair) bool {
			return !p.Timestamp.Time().After(q.from) || p.Timestamp.Time().After(q.to)
		})
		if len(values) > 0 {
			out = append(out, &model.SampleStream{Metric: have.Metric, Values: values})
		}
	}
	return out
}

func httpErrors() Signal {
	return Signal{
		Name: "errors", Kind: KindErrorRate, Scrape: scrape, Rule: rule,
		Requests: `http_requests_total{job="apps"}`, Errors: `http_requests_total{job="apps",code=~"5.."}`,
		Labels: Labels{Namespace: "namespace", Pod: "pod"},
	}
}

func span(from, at int) []Span { return []Span{{second(from), second(at)}} }

package policytest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"

	"github.com/rollbackd/rollbackd/internal/promclient"
)

// This file is a Prometheus without a network: its own engine over the series of a test, behind the two calls of its HTTP API
// that judging needs. Everything on this side of it, the client included, is what asks a real one.

const (
	// lookback is what Prometheus looks back for a sample by default.
	lookback = 5 * time.Minute
	// maxSamples and maxSteps are Prometheus' own defaults.
	maxSamples = 50_000_000
	maxSteps   = 11_000
	// timeout bounds one query.
	timeout = time.Minute
)

// server answers the queries of one test.
type server struct {
	engine *promql.Engine
	series storage.Queryable
}

// newEngine returns an engine with the settings of a Prometheus that was given none.
func newEngine() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples: maxSamples, Timeout: timeout, LookbackDelta: lookback,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		EnableAtModifier:         true, EnableNegativeOffset: true,
		Parser: parser.NewParser(parser.Options{}),
	})
}

// client returns what asks the server.
func (s server) client() (*promclient.Client, error) {
	return promclient.New("http://policy-test", &http.Client{Transport: s})
}

// RoundTrip implements http.RoundTripper: it answers the request itself.
func (s server) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	code, body := http.StatusOK, answer{Status: "success"}
	if err := s.answer(r.Context(), strings.TrimPrefix(r.URL.Path, "/api/v1/"), r.Form, &body); err != nil {
		code, body = http.StatusUnprocessableEntity, answer{Status: "error", ErrorType: "execution", Error: err.Error()}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(text)), Body: io.NopCloser(bytes.NewReader(text)),
	}, nil
}

// answer is the form of the HTTP API's answers.
type answer struct {
	Status    string   `json:"status"`
	Data      *data    `json:"data,omitempty"`
	ErrorType string   `json:"errorType,omitempty"`
	Error     string   `json:"error,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
	Infos     []string `json:"infos,omitempty"`
}

type data struct {
	ResultType parser.ValueType `json:"resultType"`
	Result     json.RawMessage  `json:"result"`
}

func (s server) answer(ctx context.Context, endpoint string, form url.Values, into *answer) error {
	query, err := s.query(ctx, endpoint, form)
	if err != nil {
		return err
	}
	defer query.Close()
	result := query.Exec(ctx)
	if result.Err != nil {
		return result.Err
	}
	into.Warnings, into.Infos = result.Warnings.AsStrings(form.Get("query"), 10, 10)
	// The engine takes back the memory of the values when the query is closed, so they are written before.
	text, err := json.Marshal(result.Value)
	into.Data = &data{ResultType: result.Value.Type(), Result: text}
	return err
}

// query reads the parameters as Prometheus does.
func (s server) query(ctx context.Context, endpoint string, form url.Values) (promql.Query, error) {
	p := parameters{form: form}
	opts := promql.NewPrometheusQueryOpts(false, p.duration("lookback_delta"), nil)
	text := form.Get("query")
	switch endpoint {
	case "query":
		at := p.time("time")
		if p.err != nil {
			return nil, p.err
		}
		return s.engine.NewInstantQuery(ctx, s.series, opts, text, at)
	case "query_range":
		start, end, step := p.time("start"), p.time("end"), p.duration("step")
		if p.err != nil {
			return nil, p.err
		}
		if step <= 0 || end.Sub(start)/step > maxSteps {
			return nil, fmt.Errorf("a step of %s gives no number of points between 1 and %d", step, maxSteps)
		}
		return s.engine.NewRangeQuery(ctx, s.series, opts, text, start, end, step)
	}
	return nil, fmt.Errorf("the Prometheus of a test does not answer %s", endpoint)
}

// parameters reads those of a query and keeps the first error.
type parameters struct {
	form url.Values
	err  error
}

// time reads seconds since the epoch, or RFC 3339.
func (p *parameters) time(name string) time.Time {
	text := p.form.Get(name)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	p.err = errors.Join(p.err, err)
	return at
}

// duration reads seconds, or a duration as Prometheus writes it; zero if there is none.
func (p *parameters) duration(name string) time.Duration {
	text := p.form.Get(name)
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return time.Duration(seconds * float64(time.Second))
	}
	d, err := model.ParseDuration(text)
	p.err = errors.Join(p.err, err)
	return time.Duration(d)
}

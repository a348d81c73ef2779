package promclient

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

const series = `{"metric":{"__name__":"requests_total","pod":"a-x2x4z","path":"/\"q\"\u00fc\n"},"values":[[1700000000,"1"],[1700000015.5,"2e3"],` +
	`[1700000030.123,"NaN"],[1700000045.12,"+Inf"],[-1.5,"-0"]]}`

const native = `{"metric":{"pod":"b"},"histograms":[[1700000000,{"count":"3","sum":"0.5","buckets":[[0,"0.1","0.2","1"],[0,"0.2","0.4","2"]]}]]}`

func success(result string) string {
	return `{"status":"success","data":{"resultType":"matrix","result":[` + result + `]},"warnings":["w","x"],"infos":["i"]}`
}

// What is read, and every error and warning, is what Prometheus' own client makes of the same answer.
func TestAnswersAreReadAsByPrometheusOwnClient(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		own    bool
	}{
		{"samples", 200, success(series + "," + native + "," + series), false},
		{"none", 200, success(""), false},
		{"unknown parts", 200, success(`{"more":{"a":[1]},"metric":{"a":"b"},"values":[[1,"1"]],"exemplars":[]}`), true},
		{"no metric", 200, success(`{"values":[[1,"1"]]}`), false},
		{"null", 200, success(`{"metric":null,"values":null}`), true},
		{"null for a result", 200, `{"status":"success","data":{"resultType":"matrix","result":null}}`, false},
		{"the type last", 200, `{"data":{"result":[` + series + `],"resultType":"matrix"},"status":"success"}`, false},
		{"an error", 200, `{"status":"error","errorType":"timeout","error":"query timed out"}`, false},
		{"an error with warnings", 200, `{"status":"error","errorType":"timeout","error":"query timed out","warnings":["w"],"data":{"resultType":"matrix","result":[]}}`, false},
		{"a bad request", 400, `{"status":"error","errorType":"bad_data","error":"parse error","warnings":["w"]}`, false},
		{"a bad request without a word", 400, `{}`, false},
		{"a bad request that succeeds", 422, success(series), false},
		{"a bad request in words", 400, "no", false},
		{"too much", 422, `{"status":"error","errorType":"execution","error":"too many samples"}`, false},
		{"not found", 404, "404 page not found", false},
		{"unavailable", 503, `{"status":"error","errorType":"unavailable","error":"starting up"}`, false},
		{"forbidden", 403, "no", false},
		{"another status", 304, "", false},
		{"nothing", 200, "", false},
		{"no content", 204, "", false},
		{"an empty result type", 200, `{"status":"success","data":{}}`, false},
		{"an unknown result type", 200, `{"status":"success","data":{"resultType":"tensor","result":[]}}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			theirs, err := api.NewClient(api.Config{Address: address})
			require.NoError(t, err)
			want, warnings, _, wantErr := v1.NewAPI(theirs).Query(t.Context(), "up[1m]", time.Unix(1700000000, 5e8))
			got, gotWarnings, gotErr := ask(t, address)
			var a, b *v1.Error
			if errors.As(wantErr, &a) && !(a.Type == v1.ErrBadResponse && strings.HasPrefix(c.name, "an empty")) {
				require.ErrorAs(t, gotErr, &b)
				if c.own { // in words of its own
					b.Msg = a.Msg
				}
				require.Equal(t, a, b)
			}
			require.Equal(t, wantErr == nil, gotErr == nil, "%v, %v", wantErr, gotErr)
			if wantErr == nil {
				require.Empty(t, cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)))
				require.Equal(t, warnings, gotWarnings)
			}
		})
	}
}

// What cannot be understood is an error, wherever in the answer it is.
func TestAnswersThatAreCutOffOrWrong(t *testing.T) {
	whole := success(series + "," + native)
	address := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.FormValue("query"))) })
	client, err := New(address, &http.Client{})
	require.NoError(t, err)
	for length := range len(whole) {
		_, err := client.Samples(t.Context(), whole[:length], time.Unix(1, 0), func(*model.SampleStream) {})
		var api *v1.Error
		require.ErrorAs(t, err, &api, "cut off after %q", whole[:length])
		require.Equal(t, &v1.Error{Type: v1.ErrBadResponse, Msg: "unexpected end of JSON input"}, api, "cut off after %q", whole[:length])
	}
	for _, change := range [][2]string{
		{`"values":`, `"values":7,"more":`}, {`[1700000000,"1"]`, `[1700000000,1]`}, {`[1700000000,"1"]`, `["now","1"]`}, {`[1700000000,"1"]`, `[1700000000]`},
		{`[1700000000,"1"]`, `{"a":1}`}, {`[1700000000,"1"]`, `[1700000000,"1",2]`}, {`"1"`, `"one"`}, {`"pod":"b"`, `"pod":1`}, {`{"pod":"b"}`, `["pod"]`},
		{`"count":"3"`, `"count":3`}, {`"success"`, `1`}, {`"w","x"`, `{}`}, {`"infos":["i"]}`, `"infos":["i"]}{}`}, {`"infos":["i"]}`, `"infos":["i"]} x`},
		{`{"metric":{"pod":"b"}`, `[{"metric":{"pod":"b"}`},
	} {
		text := strings.Replace(whole, change[0], change[1], 1)
		require.NotEqual(t, whole, text)
		_, err := client.Samples(t.Context(), text, time.Unix(1, 0), func(*model.SampleStream) {})
		var api *v1.Error
		require.ErrorAs(t, err, &api, text)
		require.Equal(t, v1.ErrBadResponse, api.Type, text)
	}
}

// Some proxies allow no POST.
func TestAsksByGetWherePostIsRefused(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented} {
		address := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(status)
				return
			}
			require.Equal(t, "up[1m]", r.FormValue("query"))
			require.Equal(t, "1700000000.5", r.FormValue("time"))
			_, _ = w.Write([]byte(success(series)))
		})
		got, _, err := ask(t, address)
		require.NoError(t, err)
		require.Len(t, got, 1)
	}
}

// A page without end is not read without end.
func TestAnswersAreBounded(t *testing.T) {
	page := make([]byte, 1<<20)
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		for r.Context().Err() == nil {
			_, _ = w.Write(page)
		}
	})
	_, _, err := ask(t, address)
	var api *v1.Error
	require.ErrorAs(t, err, &api)
	require.Len(t, api.Detail, maxPage)
	_, err = readAnswer(&body{ctx: t.Context(), from: strings.NewReader(success(series)), left: 50}, func(*model.SampleStream) {})
	require.ErrorIs(t, err, errTooLong)
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func ask(t *testing.T, address string) (model.Matrix, v1.Warnings, error) {
	t.Helper()
	client, err := New(address+"/", &http.Client{})
	require.NoError(t, err)
	out := model.Matrix{}
	warnings, err := client.Samples(t.Context(), "up[1m]", time.Unix(1700000000, 5e8), func(s *model.SampleStream) {
		clone := model.SampleStream{Metric: s.Metric.Clone(), Values: append([]model.SamplePair(nil), s.Values...), Histograms: s.Histograms}
		out = append(out, &clone)
	})
	return out, warnings, err
}

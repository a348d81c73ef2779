package analyzer

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

const matrixOf = `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"http_requests_total",` +
	`"namespace":"shop","pod":"a-x2x4z"},"values":[[1700000000,"1"],[1700000015,"2"]]}]}}`

// Whatever goes wrong between here and Prometheus is an error. It never becomes a number, and never no data.
func TestAnswersThatAreNone(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"a bad request", 400, `{"status":"error","errorType":"bad_data","error":"parse error"}`, "bad_data: parse error"},
		{"not found", 404, "404 page not found", "404 page not found"},
		{"a login page", 401, "<html>log in</html>", "log in"},
		{"forbidden", 403, "<html>no</html>", "no"},
		{"too much asked", 422, `{"status":"error","errorType":"execution","error":"query processing would load too many samples"}`, "too many samples"},
		{"too many requests", 429, "slow down", "slow down"},
		{"an internal error", 500, `{"status":"error","errorType":"internal","error":"broken"}`, "broken"},
		{"an internal error with data", 500, matrixOf, "server error: 500"},
		{"unavailable with data", 503, matrixOf, ""},
		{"unavailable", 503, `{"status":"error","errorType":"unavailable","error":"starting up"}`, "starting up"},
		{"a gateway's page", 502, "<html>bad gateway</html>", "bad gateway"},
		{"a page where JSON should be", 200, "<html>welcome</html>", "invalid character"},
		{"an empty body", 200, "", "unexpected end"},
		{"a body that was cut off", 200, matrixOf[:len(matrixOf)-20], "unexpected end"},
		{"an error that says it is none", 200, `{"status":"error","errorType":"timeout","error":"query timed out"}`, "query timed out"},
		{"no content", 204, "", ""},
		{"an empty object", 200, `{}`, "no result"},
		{"success without data", 200, `{"status":"success"}`, "no result"},
		{"null for data", 200, `{"status":"success","data":null}`, ""},
		{"an empty result type", 200, `{"status":"success","data":{}}`, ""},
		{"a scalar", 200, `{"status":"success","data":{"resultType":"scalar","result":[1700000000,"7"]}}`, "a scalar where samples"},
		{"a string", 200, `{"status":"success","data":{"resultType":"string","result":[1700000000,"x"]}}`, ""},
		{"an instant vector", 200, `{"status":"success","data":{"resultType":"vector","result":[]}}`, "a vector where samples"},
		{"a value that is no number", 200, strings.Replace(matrixOf, `"2"`, `"two"`, 1), ""},
		{"a time that is no number", 200, strings.Replace(matrixOf, `1700000015`, `"now"`, 1), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := samplerOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			sub := Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: span(0, 15)}
			got, err := s.Sample(t.Context(), httpErrors(), []Subject{sub})
			if err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v and the error %v, want one about %q", got, err, c.want)
			}
			if err != nil && !strings.HasPrefix(err.Error(), `signal "errors": query http_requests_total{`) {
				t.Errorf("the error does not name its signal and query: %v", err)
			}
			if base, err := s.Baseline(t.Context(), httpErrors(), sub, sub.Spans[0]); err == nil || base.Counts != (Counts{}) {
				t.Errorf("baseline %v, error %v", base, err)
			}
		})
	}
}

// A long page is quoted in part.
func TestErrorsStayShort(t *testing.T) {
	s := samplerOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, strings.Repeat("<p>", 100_000), http.StatusBadGateway)
	}))
	_, err := s.Sample(t.Context(), httpErrors(), []Subject{{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: span(0, 15)}})
	if err == nil || len(err.Error()) > 1000 {
		t.Errorf("%.2000v", err)
	}
	var api *v1.Error
	if !errors.As(err, &api) || api.Type != v1.ErrServer {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestSampleGivesUpAfterTheTimeout(t *testing.T) {
	hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.ParseForm() == nil { // only a server that has read the body notices that the client is gone
			<-r.Context().Done()
		}
	})
	s := samplerOf(t, hang)
	s.timeout = 10 * time.Millisecond
	sub := []Subject{{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: span(0, 15)}}
	if _, err := s.Sample(t.Context(), httpErrors(), sub); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	s.timeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Sample(ctx, httpErrors(), sub); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestSampleOfAServerThatIsNotThere(t *testing.T) {
	s := samplerOf(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	got, err := s.Sample(t.Context(), httpErrors(), []Subject{{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: span(0, 15)}})
	if err == nil || got != nil {
		t.Errorf("got %v, error %v", got, err)
	}
}

// One chunk that fails fails the whole: the caller asks again for all.
func TestSampleIsAllOrNothing(t *testing.T) {
	srv := &server{t: t}
	var calls atomic.Int32
	s := samplerOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 2 {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		srv.ServeHTTP(w, r)
	}))
	got, err := s.Sample(t.Context(), httpErrors(), makeTwoChunks())
	if err == nil || got != nil || calls.Load() != 2 {
		t.Errorf("got %d answers, error %v after %d calls", len(got), err, calls.Load())
	}
}

func makeTwoChunks() []Subject {
	all := make([]Subject, chunkSubjects+1)
	for i := range all {
		all[i] = Subject{Key: string(rune('a' + i)), Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: span(0, 15)}
	}
	return all
}

// A pod that reports nonsense makes an error of the subject it belongs to, and of no other.
func TestNonsenseOfOneSubjectHarmsNoOther(t *testing.T) {
	srv := &server{t: t, series: []*model.SampleStream{
		counter("http_requests_total", "shop", "a-x2x4z", "200", 0, 1, -5),
		counter("http_requests_total", "shop", "b-x2x4z", "200", 0, 1, 5),
	}}
	got := sample(t, srv.sampler(), httpErrors(),
		Subject{Key: "a", Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: span(0, 15)},
		Subject{Key: "b", Namespace: "shop", Release: Members{PodPrefix: "b-"}, Spans: span(0, 15)})
	if m := got["a"][0]; !strings.Contains(m.Error, "-5") || m.Samples != 0 {
		t.Errorf("a: %+v", m)
	}
	if m := got["b"][0]; m.Error != "" || m.Total().N != 4 {
		t.Errorf("b: %+v", m)
	}
}

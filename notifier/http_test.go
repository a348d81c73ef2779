package notifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"
)

// canary is a secret which no error, log or record may show.
const canary = "canary-5f0c/2b+9d=SECRET"

// serve starts a server on loopback that is gone when the test ends.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// answering is a server that answers everything with this.
func answering(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// hanging is a server that answers after its caller has gone.
func hanging(_ http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err == nil { // a server that has not read the body does not notice that the client is gone
		<-r.Context().Done()
	}
}

// hangingUp is a server that closes each connection once it has read the request; before, its caller might be told of a reset.
func hangingUp(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

// nobody is where nobody listens. A port that was free a moment ago may have been given to somebody else since; this one is given to
// nobody who does not ask for it.
const nobody = "127.0.0.1:1"

// endless is a server that answers with that status and never comes to an end of it.
func endless(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		chunk := []byte(strings.Repeat("garbage ", 1<<12))
		// A gigabyte at the most: a reader without a bound fails the test by its time and memory, and the test still ends.
		for range (1 << 30) / len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// echo answers a request with all that it was sent, as a debugging proxy does.
func echo(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(status)
		fmt.Fprintf(w, "%s %s %v %s", r.Method, r.URL, r.Header, body)
	}
}

func TestHTTPRetries(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		server http.HandlerFunc
		retry  bool
		after  time.Duration
		text   string
	}{
		"400":                {answering(400, `{"error":"no such label"}`), false, 0, `answered 400: {"error":"no such label"}`},
		"401":                {answering(401, ""), false, 0, "answered 401"},
		"404 asks for later": {answering(404, "", "Retry-After", "7"), false, 0, "answered 404"},
		"408":                {answering(408, ""), true, 0, "answered 408"},
		"429 in seconds":     {answering(429, "slow down", "Retry-After", "7"), true, 7 * time.Second, "answered 429: slow down"},
		"429 by date":        {answering(429, "", "Retry-After", "Sun, 22 Nov 2026 12:00:30 GMT"), true, 30 * time.Second, "answered 429"},
		"429 in the past":    {answering(429, "", "Retry-After", "Sun, 22 Nov 2026 11:00:30 GMT"), true, 0, "answered 429"},
		"429 for a day":      {answering(429, "", "Retry-After", "86400"), true, maxRetryAfter, "answered 429"},
		"429 for ever":       {answering(429, "", "Retry-After", "99999999999999999999"), true, 0, "answered 429"},
		"429 with nonsense":  {answering(429, "", "Retry-After", "-7"), true, 0, "answered 429"},
		"500":                {answering(500, "a\nb\x1b[31m"), true, 0, "answered 500: a b [31m"},
		"503 asks for later": {answering(503, "", "Retry-After", "7"), true, 7 * time.Second, "answered 503"},
		"a long refusal":     {answering(400, strings.Repeat("é", 5000)), false, 0, "answered 400: " + strings.Repeat("é", 199) + "…"},
		"an endless refusal": {endless(500), true, 0, "answered 500: garbage"},
		"a redirect":         {answering(302, "", "Location", "https://elsewhere.example/"+canary), false, 0, "answered 302: it redirects, which is not followed"},
		"it hangs":           {hanging, true, 0, "did not answer: context deadline exceeded"},
		"it hangs up":        {hangingUp, true, 0, "did not answer: EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, tt.server)
			call := httpCall{
				Client: newHTTPClient(nil), URL: s.URL, Body: map[string]string{"a": "b"},
				Deadline: time.Minute, Now: func() time.Time { return noon },
			}
			if name == "it hangs" {
				call.Deadline = 100 * time.Millisecond
			}
			_, err := call.do(t.Context())
			var e *httpError
			if !errors.As(err, &e) {
				t.Fatalf("do = %v, want an *httpError", err)
			}
			if mayRetry(err) != tt.retry || e.RetryAfter() != tt.after {
				t.Errorf("retry %v after %v, want %v after %v", mayRetry(err), e.After, tt.retry, tt.after)
			}
			if host := strings.TrimPrefix(s.URL, "http://"); !strings.HasPrefix(err.Error(), host+" "+tt.text) {
				t.Errorf("error %q, want %q", err, host+" "+tt.text)
			}
		})
	}
}

func TestHTTPNobodyListens(t *testing.T) {
	_, err := httpCall{Client: newHTTPClient(nil), URL: "http://" + nobody}.do(t.Context())
	if !mayRetry(err) {
		t.Errorf("do = %v, want an error that may pass", err)
	}
}

func TestHTTPContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	if _, err := (httpCall{Client: newHTTPClient(nil), URL: s.URL}).do(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("do = %v, want context.Canceled", err)
	}
}

func TestHTTPAnswerIsBounded(t *testing.T) {
	s := serve(t, endless(200))
	got, err := httpCall{Client: newHTTPClient(nil), URL: s.URL}.do(t.Context())
	if err != nil || len(got.Body) != maxAnswer {
		t.Errorf("read %d bytes, %v; want %d", len(got.Body), err, maxAnswer)
	}
}

func TestHTTPSendsWhatItIsGiven(t *testing.T) {
	type seen struct{ method, path, kind, agent, token, body string }
	got := make(chan seen, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("User-Agent"), r.Header.Get("X-Token"), string(body)}
		_, _ = io.WriteString(w, "fine")
	})
	for name, tt := range map[string]struct {
		call httpCall
		want seen
	}{
		"JSON": {
			httpCall{Body: map[string]int{"a": 1}, Header: http.Header{"x-token": {"abc"}}},
			seen{"POST", "/in", "application/json", "rollbackd", "abc", `{"a":1}`},
		},
		"bytes": {
			httpCall{Method: http.MethodPut, Body: []byte("%PNG"), Header: http.Header{"Content-Type": {"image/png"}}},
			seen{"PUT", "/in", "image/png", "rollbackd", "", "%PNG"},
		},
		"nothing": {httpCall{Method: http.MethodGet}, seen{"GET", "/in", "", "rollbackd", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.call.Client, tt.call.URL = newHTTPClient(nil), s.URL+"/in"
			answer, err := tt.call.do(t.Context())
			if err != nil || string(answer.Body) != "fine" || answer.Status != 200 {
				t.Fatalf("do = %v, %v", answer, err)
			}
			if sent := <-got; sent != tt.want {
				t.Errorf("the server saw %+v, want %+v", sent, tt.want)
			}
		})
	}
}

// A secret may be in the URL, in a header, in the body, or in what Prometheus' client configuration adds to the request on its way.
func TestHTTPErrorsHaveNoSecrets(t *testing.T) {
	jsonCanary, _ := json.Marshal(canary)
	httpConfig := func(h promconfig.HTTPClientConfig) *http.Client {
		c, err := promconfig.NewClientFromConfig(h, "test")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for place, tt := range map[string]struct {
		call  httpCall
		paths []string
	}{
		"path":      {httpCall{}, []string{"/services/T1/canary-5f0c%2F2b+9d=SECRET", "/x/" + canary}},
		"query":     {httpCall{}, []string{"/x?token=canary-5f0c%2F2b%2B9d%3DSECRET"}},
		"broken":    {httpCall{}, []string{"/%zz" + canary}},
		"header":    {httpCall{Header: http.Header{"X-Api-Key": {canary}}}, []string{"/x"}},
		"bearer":    {httpCall{Header: http.Header{"Authorization": {"Bearer " + canary}}}, []string{"/x"}},
		"body":      {httpCall{Body: map[string]string{"routing_key": canary}, Secrets: []string{canary}}, []string{"/x"}},
		"JSON body": {httpCall{Body: []byte(`{"routing_key":` + string(jsonCanary) + `}`), Secrets: []string{canary}}, []string{"/x"}},
		"client's bearer": {httpCall{Client: httpConfig(promconfig.HTTPClientConfig{
			Authorization: &promconfig.Authorization{Type: "Bearer", Credentials: canary}})}, []string{"/x"}},
		"client's password": {httpCall{Client: httpConfig(promconfig.HTTPClientConfig{
			BasicAuth: &promconfig.BasicAuth{Username: "ana", Password: canary}})}, []string{"/x"}},
		"client's header": {httpCall{Client: httpConfig(promconfig.HTTPClientConfig{
			HTTPHeaders: &promconfig.Headers{Headers: map[string]promconfig.Header{"X-Key": {Secrets: []promconfig.Secret{canary}}}}})}, []string{"/x"}},
	} {
		for fault, server := range map[string]http.HandlerFunc{
			"echoes": echo(400), "echoes later": echo(503), "hangs": hanging, "hangs up": hangingUp,
			"repeats it": answering(500, strings.Repeat(canary+" ", 10_000)),
			"redirects":  answering(307, "", "Location", "/"+canary),
		} {
			for _, path := range tt.paths {
				if fault == "repeats it" && !strings.Contains(path+fmt.Sprint(tt.call.Header, tt.call.Secrets), canary) {
					continue // such a server would say what it was not told
				}
				t.Run(place+" "+fault, func(t *testing.T) {
					s := serve(t, server)
					call := tt.call
					call.Client, call.URL, call.Deadline = newHTTPClient(call.Client), s.URL+path, 300*time.Millisecond
					_, err := call.do(t.Context())
					if err == nil {
						t.Fatal("no error")
					}
					for _, part := range []string{"canary", "SECRET", "5f0c", "YW5hOmNh"} {
						if strings.Contains(err.Error(), part) {
							t.Errorf("the error shows %q: %v", part, err)
						}
					}
				})
			}
		}
	}
}

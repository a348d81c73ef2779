package notifier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The bounds of talking HTTP with a receiver.
const (
	// httpDeadline bounds one call, answer included, where the caller's context lasts longer.
	httpDeadline = 10 * time.Second
	// maxAnswer is how many bytes of an answer are read; what comes after them is never looked at.
	maxAnswer = 256 << 10
	// maxRetryAfter caps the pause that a receiver may ask for: it must not be able to silence a sink for a day.
	maxRetryAfter = 10 * time.Minute
	// maxQuoted is how many runes of an answer an error quotes.
	maxQuoted = 200
)

// httpCall is one HTTP request to a receiver.
type httpCall struct {
	// Client is made by newHTTPClient.
	Client *http.Client
	// Method is POST if empty.
	Method string
	// URL may be a secret: an error names its host at most.
	URL    string
	Header http.Header
	// Body is sent as it is if it is []byte, and as JSON otherwise; nil sends none.
	Body any
	// Secrets are blotted out of errors beside what goes in the headers and the URL, which always is: such as a key in the body.
	Secrets []string
	// Deadline bounds the call; zero means httpDeadline.
	Deadline time.Duration
	// Now dates a Retry-After that is a date. Nil means time.Now.
	Now func() time.Time
}

// httpAnswer is what a receiver said to a call that it accepted, with a status of 2xx.
type httpAnswer struct {
	Status int
	Header http.Header
	// Body is cut after maxAnswer bytes.
	Body []byte
}

// httpError is why a call failed. Its text has no secret of the call.
type httpError struct {
	// Status is the receiver's; zero where it did not answer.
	Status int
	// Retry says whether the same call may succeed later: after a failure of the network, 408, 425, 429 and 5xx.
	Retry bool
	// After is how long the receiver asks to be left alone; zero where it does not.
	After time.Duration
	text  string
	cause error
}

func (e *httpError) Error() string { return e.text }

// Unwrap gives context.DeadlineExceeded and context.Canceled, and nothing else: other causes could quote the URL.
func (e *httpError) Unwrap() error { return e.cause }

// RetryAfter is how long the receiver asks to be left alone; zero where it does not ask.
func (e *httpError) RetryAfter() time.Duration { return e.After }

// mayRetry reports whether what failed with err may succeed when it is tried again. An error which is not of a call is final.
func mayRetry(err error) bool {
	var e *httpError
	return errors.As(err, &e) && e.Retry
}

// newHTTPClient returns a client like base, which follows no redirect; nil means one with bounds of its own. A redirect of a POST
// comes out as a GET, or takes what is secret to another host.
func newHTTPClient(base *http.Client) *http.Client {
	c := http.Client{}
	if base != nil {
		c = *base
	} else {
		t := &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 2,
			IdleConnTimeout: time.Minute, TLSHandshakeTimeout: httpDeadline, ResponseHeaderTimeout: httpDeadline,
			MaxResponseHeaderBytes: 64 << 10,
		}
		c.Transport = t
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// do makes the call once. Its error is an *httpError.
func (c httpCall) do(ctx context.Context) (httpAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, positive(c.Deadline, httpDeadline))
	defer cancel()
	req, err := c.request(ctx)
	if err != nil {
		return httpAnswer{}, err
	}
	res, err := c.Client.Do(req)
	if err != nil {
		return httpAnswer{}, c.failed(req, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if res.StatusCode/100 != 2 {
		return httpAnswer{}, c.refused(res, body)
	}
	if err != nil {
		return httpAnswer{}, c.failed(req, err)
	}
	return httpAnswer{Status: res.StatusCode, Header: res.Header, Body: body}, nil
}

// doAPI is do for a receiver that never answers with a web page: where one comes, a proxy wants somebody to log in, or the address is wrong.
func (c httpCall) doAPI(ctx context.Context) (httpAnswer, error) {
	answer, err := c.do(ctx)
	if err == nil && bytes.HasPrefix(bytes.TrimSpace(answer.Body), []byte("<")) {
		return httpAnswer{}, &httpError{Status: answer.Status, text: "a web page came in answer; is the address right, and does no proxy ask to log in?"}
	}
	return answer, err
}

func (c httpCall) request(ctx context.Context) (*http.Request, error) {
	body, isJSON, err := c.encode()
	if err != nil {
		return nil, err
	}
	method := c.Method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL, body)
	if err != nil {
		// The parser's error quotes the URL, or the part of it that it could not read.
		return nil, &httpError{text: "the receiver's URL cannot be read; it is not shown here because it may be a secret"}
	}
	req.Header.Set("User-Agent", "rollbackd")
	if isJSON {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range c.Header {
		req.Header[http.CanonicalHeaderKey(k)] = v
	}
	return req, nil
}

func (c httpCall) encode() (body io.Reader, isJSON bool, err error) {
	switch b := c.Body.(type) {
	case nil:
		return nil, false, nil
	case []byte:
		return bytes.NewReader(b), false, nil
	}
	data, err := json.Marshal(c.Body)
	if err != nil {
		return nil, false, &httpError{text: fmt.Sprintf("encoding what is to be sent: %v", err)}
	}
	return bytes.NewReader(data), true, nil
}

// failed is the error of a call that was not answered, or not to the end.
func (c httpCall) failed(req *http.Request, err error) error {
	var outer *url.Error
	for errors.As(err, &outer) {
		err = outer.Err
	}
	e := &httpError{Retry: true}
	for _, cause := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, cause) {
			e.cause = cause
		}
	}
	e.text = fmt.Sprintf("%s did not answer: %s", req.URL.Host, c.quote(req, err.Error()))
	return e
}

// refused is the error of a call that was answered with anything but 2xx.
func (c httpCall) refused(res *http.Response, body []byte) error {
	e := &httpError{Status: res.StatusCode, Retry: retryStatus(res.StatusCode)}
	if e.Retry {
		e.After = retryAfter(res.Header.Get("Retry-After"), c.now())
	}
	// The transport tells which request it sent, with the credentials that the client added to it.
	host := res.Request.URL.Host
	if res.StatusCode/100 == 3 {
		e.text = fmt.Sprintf("%s answered %d: it redirects, which is not followed; configure the address that it redirects to", host, res.StatusCode)
		return e
	}
	e.text = fmt.Sprintf("%s answered %d", host, res.StatusCode)
	if said := c.quote(res.Request, string(body)); said != "" {
		e.text += ": " + said
	}
	return e
}

func (c httpCall) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func retryStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status/100 == 5
}

// retryAfter reads the header of that name: seconds, or a date. It is at most maxRetryAfter, and zero where it says nothing.
func retryAfter(header string, now time.Time) time.Duration {
	if s, err := strconv.ParseUint(header, 10, 31); err == nil {
		return min(time.Duration(s)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

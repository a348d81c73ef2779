// Package promclient asks Prometheus for raw samples and reads the answer as it comes in: series by series, in one pass, without
// ever holding it as a whole. Everything else is asked by way of Prometheus' own client.
package promclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Client is a client of one Prometheus. It may be used by many at the same time.
type Client struct {
	v1.API
	http  *http.Client
	query string
}

// New returns a client of the Prometheus at an address. It connects to nothing yet.
func New(address string, client *http.Client) (*Client, error) {
	c, err := api.NewClient(api.Config{Address: address, Client: client})
	if err != nil {
		return nil, err
	}
	return &Client{API: v1.NewAPI(c), http: client, query: c.URL("/api/v1/query", nil).String()}, nil
}

// maxAnswer bounds what is read of one answer. Prometheus itself refuses to load more than 50 million samples, but what answers
// need not be Prometheus.
const maxAnswer = 512 << 20

// Samples evaluates a query that gives raw samples, and hands on one series after the other while the answer comes in. What is
// handed on is valid until each returns, and of use only if no error is returned in the end.
//
// Its errors, and the warnings beside them, are those of Prometheus' own client: an *v1.Error for whatever is answered but no result.
func (c *Client) Samples(ctx context.Context, query string, at time.Time, each func(*model.SampleStream)) (v1.Warnings, error) {
	form := url.Values{"query": {query}, "time": {formatTime(at)}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.query, strings.NewReader(form))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header["Idempotency-Key"] = nil // it may be sent again over another connection, but need not say so
	response, err := c.send(request)
	if err != nil {
		return nil, err
	}
	if refusesPost(response.StatusCode) {
		discard(response)
		again, err := url.Parse(c.query)
		if err != nil {
			return nil, err
		}
		again.RawQuery = form
		if request, err = http.NewRequestWithContext(ctx, http.MethodGet, again.String(), nil); err != nil {
			return nil, err
		}
		if response, err = c.send(request); err != nil {
			return nil, err
		}
	}
	defer discard(response)
	return readResponse(ctx, response, each)
}

// send asks for the answer as it is: to compress it would take Prometheus, and this side, longer than to send it.
func (c *Client) send(request *http.Request) (*http.Response, error) {
	request.Header.Set("Accept-Encoding", "identity")
	return c.http.Do(request)
}

// refusesPost reports whether a proxy or an old server wants to be asked by GET.
func refusesPost(status int) bool {
	return status == http.StatusForbidden || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented
}

// discard reads the little that may be left, so that the connection can be used again.
func discard(response *http.Response) {
	_, _ = io.CopyN(io.Discard, response.Body, 4<<10)
	_ = response.Body.Close()
}

// formatTime writes a time as Prometheus' own client does.
func formatTime(t time.Time) string {
	return strconv.FormatFloat(float64(t.Unix())+float64(t.Nanosecond())/1e9, 'f', -1, 64)
}

// errTooLong says that an answer is not read to its end.
var errTooLong = fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)

// body is what is read of an answer: so much and no more, and not after the context's end.
type body struct {
	ctx  context.Context
	from io.Reader
	left int64
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) && b.ctx.Err() != nil {
		err = b.ctx.Err()
	}
	return n, err
}

package localstack

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// How the metrics of a pod fail to be scraped, as Fault.Scrape says.
const (
	// ScrapeHangs means that /metrics does not answer until the client gives up.
	ScrapeHangs = "hang"
	// ScrapeUnavailable means that /metrics answers with status 503.
	ScrapeUnavailable = "503"
)

// Fault is something that goes wrong in many simulated pods at once, whatever their own settings are: an outage of
// something that they all need, or a scrape gap.
type Fault struct {
	// Namespace is that of the pods, and Selector chooses some of them by their labels; without it all are meant.
	Namespace, Selector string
	// Fail is the share of requests that the pods answer with status 500, from 0 to 1.
	Fail float64
	// Scrape is how /metrics fails: ScrapeHangs, ScrapeUnavailable, or empty if it does not.
	Scrape string
	// For is how long the fault lasts; if it is 0, until EndFault.
	For time.Duration
}

// BeginFault lets something go wrong and returns the id by which EndFault ends it.
func (s *Stack) BeginFault(ctx context.Context, f Fault) (id string, err error) {
	query := url.Values{"namespace": {f.Namespace}, "selector": {f.Selector}, "scrape": {f.Scrape}}
	query.Set("fail", strconv.FormatFloat(f.Fail, 'g', -1, 64))
	if f.For > 0 {
		query.Set("for", f.For.String())
	}
	var begun struct {
		ID string `json:"id"`
	}
	err = s.call(ctx, http.MethodPost, s.Simulator+"/v1/faults?"+query.Encode(), &begun)
	return begun.ID, err
}

// EndFault ends a fault. It is an error if the fault is over already.
func (s *Stack) EndFault(ctx context.Context, id string) error {
	return s.call(ctx, http.MethodDelete, s.Simulator+"/v1/faults/"+url.PathEscape(id), nil)
}

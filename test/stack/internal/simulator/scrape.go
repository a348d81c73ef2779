package simulator

import (
	"context"
	"fmt"
	"net/http"
)

// ScrapeFailure is how /metrics fails. The pod goes on serving requests and counting them, so that after the gap the
// counters show what was served in it.
type ScrapeFailure string

const (
	// ScrapeAnswered means that /metrics does not fail.
	ScrapeAnswered ScrapeFailure = ""
	// ScrapeHangs means that /metrics does not answer until the client gives up.
	ScrapeHangs ScrapeFailure = "hang"
	// ScrapeUnavailable means that /metrics answers with status 503.
	ScrapeUnavailable ScrapeFailure = "503"
)

// parse reads a scrape failure; "off" stands for none.
func (f *ScrapeFailure) parse(text string) error {
	switch failure := ScrapeFailure(text); failure {
	case "off":
		*f = ScrapeAnswered
	case ScrapeHangs, ScrapeUnavailable:
		*f = failure
	default:
		return fmt.Errorf("%q is none of hang, 503 and off", text)
	}
	return nil
}

// serve fails a scrape and tells whether there was anything to fail.
func (f ScrapeFailure) serve(ctx context.Context, w http.ResponseWriter) bool {
	switch f {
	case ScrapeHangs:
		<-ctx.Done()
		// Without an answer of its own a handler that returns would answer 200.
		panic(http.ErrAbortHandler)
	case ScrapeUnavailable:
		http.Error(w, "metrics are not available", http.StatusServiceUnavailable)
		return true
	}
	return false
}

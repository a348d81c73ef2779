// Package smoke runs smoke tests: it asks a service what a user would, and says in short what was wrong with the answer.
package smoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// What an answer may cost.
const (
	maxBody      = 1 << 20
	maxHeader    = 64 << 10
	maxRedirects = 5
	// maxError is how many characters of what went wrong are recorded.
	maxError = 200
	// pause lies between two attempts.
	pause = time.Second
)

// Prober runs rounds of smoke tests.
type Prober struct {
	client *http.Client
}

// NewProber returns a Prober. Every request has a connection of its own, as one that was kept would go on reaching an old pod.
func NewProber() *Prober {
	return &Prober{client: &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects || next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

// Round makes all checks of a smoke test side by side, each as often as it may be tried, and counts those that failed to the
// last. It takes as long as the slowest check does.
func (p *Prober) Round(ctx context.Context, test analyzer.Smoke, about Names) analyzer.SmokeRound {
	failures := make([]error, len(test.HTTP))
	var running sync.WaitGroup
	for i, check := range test.HTTP {
		running.Go(func() { failures[i] = p.try(ctx, check, about, max(1, test.Attempts)) })
	}
	running.Wait()
	round := analyzer.SmokeRound{N: len(failures)}
	for _, err := range failures {
		if err == nil {
			continue
		}
		if round.K++; round.K == 1 {
			round.Error = shown(err.Error())
		}
	}
	return round
}

func (p *Prober) try(ctx context.Context, check analyzer.HTTPCheck, about Names, attempts int) error {
	address, err := about.Expand(check.URL)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		err = p.once(ctx, check, address)
		if err == nil || attempt == attempts {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", check.Method, address, err)
	}
	return nil
}

// once makes a check once.
func (p *Prober) once(ctx context.Context, check analyzer.HTTPCheck, address string) error {
	ctx, cancel := context.WithTimeout(ctx, check.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, check.Method, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "rollbackd-smoke-test")
	began := time.Now()
	resp, err := p.client.Do(req)
	if err != nil {
		return inShort(ctx, err, check.Timeout)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return inShort(ctx, err, check.Timeout)
	}
	return judge(check, resp, body, time.Since(began))
}

// judge compares an answer with what it must be like.
func judge(check analyzer.HTTPCheck, resp *http.Response, body []byte, took time.Duration) error {
	switch {
	case resp.StatusCode != check.Status && resp.Header.Get("Location") != "":
		return fmt.Errorf("status %d to %q, want %d; no other host is followed to", resp.StatusCode, cut(resp.Header.Get("Location"), 80), check.Status)
	case resp.StatusCode != check.Status:
		return fmt.Errorf("status %d, want %d", resp.StatusCode, check.Status)
	case check.Latency > 0 && took > check.Latency:
		return fmt.Errorf("answered after %s, and may take %s", took.Round(time.Millisecond), check.Latency)
	case check.Body == "":
		return nil
	}
	pattern, err := regexp.Compile(check.Body)
	if err != nil {
		return err
	}
	if !pattern.Match(body) {
		return fmt.Errorf("the body does not match %q; it begins with %q", check.Body, cut(string(body), 40))
	}
	return nil
}

// inShort leaves out of an error of a request what the caller says anyway.
func inShort(ctx context.Context, err error, timeout time.Duration) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", timeout)
	}
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// shown makes fit to record what may hold anything that a server sent.
func shown(text string) string {
	quoted := strconv.Quote(cut(text, maxError))
	inner := quoted[1 : len(quoted)-1]
	return regexp.MustCompile(`\\(["\\])`).ReplaceAllString(inner, "$1")
}

func cut(text string, most int) string {
	runes := []rune(text[:min(len(text), most*4)])
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most]) + "…"
}

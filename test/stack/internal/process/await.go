package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// AwaitHTTP returns when the process answers 200 on the URL. It fails when the process ends or the
// context does, and says what the last answer was.
func AwaitHTTP(ctx context.Context, client *http.Client, url string, p *Process) error {
	return Await(ctx, p, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(io.LimitReader(response.Body, 300))
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s: %s", url, response.Status, body)
		}
		return nil
	})
}

// Await calls check until it succeeds, the process ends or the context does.
func Await(ctx context.Context, p *Process, check func(context.Context) error) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := attempt(ctx, check)
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return fmt.Errorf("%s ended before it was ready; the end of its log:\n%s", p.Name(), p.LogTail(25))
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last: %w)", p.Name(), context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}

// attempt limits one check, as a process that has just begun to listen may not answer at all.
func attempt(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Second, errors.New("no answer within 2 s"))
	defer cancel()
	return check(ctx)
}

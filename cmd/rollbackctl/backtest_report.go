package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/rollbackd/rollbackd/internal/backtest"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// backtestReport writes outcomes as they come, or all of them at the end, and shows meanwhile how far it is.
type backtestReport struct {
	// what is judged, in the plural.
	what   string
	write  func(backtest.Outcome) error
	finish func() error
	// close gives up what was held meanwhile, whether finished or not.
	close    func() error
	progress *progressbar.ProgressBar
	// failed is the first error of writing; unread counts the deployments whose past could not be read.
	failed, unread error
	unreadable     int
}

func (b *backtester) report(deployments int, policies []watch.Policy) (*backtestReport, error) {
	out := b.around.out
	r := &backtestReport{what: "deployments", progress: progressOf(b.around.err, deployments, "deployments"), close: func() error { return nil }}
	switch b.output.value {
	case "ndjson":
		r.write = func(o backtest.Outcome) error { return writeJSON(out, o) }
		r.finish = func() error { return nil }
	case "html":
		page, err := backtest.NewPage(out, policies)
		if err != nil {
			return nil, err
		}
		r.write, r.finish, r.close = page.Add, page.End, page.Close
	default:
		table := backtest.NewTable(out)
		r.write, r.finish = table.Add, table.End
	}
	return r, nil
}

func (r *backtestReport) add(o backtest.Outcome) {
	if o.Err != nil {
		r.unreadable++
		r.unread = o.Err
	}
	r.failed = errors.Join(r.failed, r.write(o))
	_ = r.progress.Add(1) // it is for the eye only
}

func (r *backtestReport) end() error {
	_ = r.progress.Finish()
	err := errors.Join(r.failed, r.finish())
	if r.unread != nil {
		err = errors.Join(err, fmt.Errorf("the past of %d %s could not be read; the last error was: %w", r.unreadable, r.what, r.unread))
	}
	return err
}

// progressOf draws a bar with the time that is left, on terminals only.
func progressOf(w io.Writer, total int, what string) *progressbar.ProgressBar {
	file, ok := w.(*os.File)
	visible := ok && term.IsTerminal(int(file.Fd()))
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w), progressbar.OptionSetVisibility(visible), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetDescription(what), progressbar.OptionClearOnFinish())
}

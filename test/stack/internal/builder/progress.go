package builder

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// progress shows what a build is doing: on a terminal one line that is updated every second,
// elsewhere a line whenever the activity changes and every 15 seconds.
type progress struct {
	out      io.Writer
	title    string
	guess    string
	terminal bool
	ended    chan struct{}
	finished sync.WaitGroup

	mu       sync.Mutex
	began    time.Time
	activity string
}

func newProgress(out io.Writer, title, guess string) *progress {
	return &progress{out: out, title: title, guess: guess, terminal: isTerminal(out), ended: make(chan struct{})}
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p *progress) start() {
	p.mu.Lock()
	p.began = time.Now()
	p.mu.Unlock()
	interval := 15 * time.Second
	if p.terminal {
		interval = time.Second
	}
	p.finished.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.print()
			case <-p.ended:
				return
			}
		}
	})
}

// say sets what is being done and prints it if that is new.
func (p *progress) say(activity string) {
	p.mu.Lock()
	changed := p.activity != activity
	p.activity = activity
	p.mu.Unlock()
	if changed {
		p.print()
	}
}

func (p *progress) print() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.activity == "" {
		return
	}
	hint := ""
	if p.activity == "building" {
		hint = " (" + p.guess + " the first time)"
	}
	line := fmt.Sprintf("%s: %s%s, %d s", p.title, p.activity, hint, int(time.Since(p.began).Seconds()))
	if p.terminal {
		// Return to the start of the line and clear it.
		fmt.Fprintf(p.out, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(p.out, line)
}

func (p *progress) stop() {
	close(p.ended)
	p.finished.Wait()
	if p.terminal {
		fmt.Fprintln(p.out)
	}
}

package promtest

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// Target is one thing to scrape.
type Target struct {
	// Job is its scrape job, Path where it is exposed.
	Job, Path string
	// Labels are those that service discovery would give it.
	Labels map[string]string
	// Text is what it exposes.
	Text string
}

// ParseTargets reads targets from a file of expositions, each of which begins with a line like
//
//	# target: namespace=shop pod=checkout-7d9f8c6b5-x2x4z
//
// with the labels that Prometheus gives the target.
func ParseTargets(t testing.TB, job, text string) []Target {
	t.Helper()
	var out []Target
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if labels, ok := strings.CutPrefix(lines.Text(), "# target:"); ok {
			target := Target{Job: job, Path: fmt.Sprintf("/%s/%d", job, len(out)), Labels: map[string]string{}}
			for _, label := range strings.Fields(labels) {
				name, value, _ := strings.Cut(label, "=")
				target.Labels[name] = value
			}
			out = append(out, target)
			continue
		}
		if len(out) > 0 {
			out[len(out)-1].Text += lines.Text() + "\n"
		}
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, out, "%s has no line that begins with # target:", job)
	return out
}

// Exposition serves targets to a Prometheus. Until Count is called every value is zero, so that afterwards counters have grown
// by exactly what the targets' texts say.
type Exposition struct {
	targets []Target
	server  *httptest.Server

	mu      sync.Mutex
	counted bool
}

// Expose serves the targets until the test ends.
func Expose(t testing.TB, targets []Target) *Exposition {
	e := &Exposition{targets: targets}
	e.server = httptest.NewServer(e)
	t.Cleanup(e.server.Close)
	return e
}

// Configuration is that of a Prometheus which scrapes the targets, each as a job with its labels.
func (e *Exposition) Configuration(interval time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global: {scrape_interval: %dms, scrape_timeout: %[1]dms}\nscrape_configs:\n", interval.Milliseconds())
	for i, target := range e.targets {
		fmt.Fprintf(&b, "- job_name: %q\n  metrics_path: %q\n  relabel_configs: [{target_label: job, replacement: %q}, {target_label: instance, replacement: %q}]\n",
			fmt.Sprint(target.Job, i), target.Path, target.Job, target.Path)
		fmt.Fprintf(&b, "  static_configs:\n  - targets: [%q]\n    labels: {", strings.TrimPrefix(e.server.URL, "http://"))
		for name, value := range target.Labels {
			fmt.Fprintf(&b, "%s: %q, ", name, value)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// sample splits a line of an exposition before its value.
var sample = regexp.MustCompile(`^([^#\s].*[\s}])[^\s]+$`)

// ServeHTTP answers a scrape.
func (e *Exposition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, target := range e.targets {
		if target.Path != r.URL.Path {
			continue
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		for line := range strings.Lines(target.Text) {
			line = strings.TrimSuffix(line, "\n")
			if !e.counted {
				line = sample.ReplaceAllString(line, "${1}0")
			}
			fmt.Fprintln(w, line)
		}
		return
	}
	http.NotFound(w, r)
}

// Await waits until the Prometheus that scrapes this one has stored a scrape of every target that it began after the call.
func (e *Exposition) Await(t testing.TB, prometheus *Server) {
	t.Helper()
	// A scrape is stored as if it had begun when it was due, if it began hardly later.
	const early = 10 * time.Millisecond
	scraped := fmt.Sprintf("count(timestamp(up) > %.3f and up == 1)", float64(time.Now().Add(early).UnixMilli())/1000)
	Eventually(t, "every target is scraped", func(ctx context.Context) error {
		value, _, _, err := prometheus.API.Query(ctx, scraped, time.Now())
		if err != nil {
			return err
		}
		if v, ok := value.(model.Vector); !ok || len(v) != 1 || int(v[0].Value) != len(e.targets) {
			return fmt.Errorf("of %d targets there are %v", len(e.targets), value)
		}
		return nil
	})
}

// Count makes the counters grow, and returns between which times Prometheus saw it.
func (e *Exposition) Count(t testing.TB, prometheus *Server) (from, to time.Time) {
	t.Helper()
	e.Await(t, prometheus)
	from = time.Now()
	e.Await(t, prometheus) // what is under way began after that time, so that nothing which has grown is stored for an earlier one
	e.mu.Lock()
	e.counted = true
	e.mu.Unlock()
	e.Await(t, prometheus)
	return from, time.Now()
}

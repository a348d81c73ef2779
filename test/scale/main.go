// Scale measures what a tick takes of the daemon and of Prometheus, as the number of watches grows, and writes docs/scale.md and
// its plot.
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/test/plot"
)

//go:embed scale.md.tmpl
var text string

func main() {
	most := flag.Int("most", 10_000, "the largest number of watches to measure")
	watched := flag.String("live", "400,1000", "how many deployments a live daemon watches, one measurement after the other")
	replicas := flag.Int("pods", pods, "how many pods each of these has")
	only := flag.Bool("only-live", false, "measure the live daemon alone, and write nothing")
	profiles := flag.String("profiles", "", "a directory for profiles of the live daemon's memory, and memory.csv; the last measurement's stay")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *most, *watched, *replicas, *only, *profiles)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, most int, watched string, replicas int, only bool, profiles string) error {
	var whole []live
	for text := range strings.SplitSeq(watched, ",") {
		watches, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("-live: %w", err)
		}
		one, err := measureLive(ctx, watches, replicas, profiles)
		if err != nil {
			return fmt.Errorf("a daemon with %d watches: %w", watches, err)
		}
		fmt.Printf("%+v\n", one)
		whole = append(whole, one)
	}
	if only {
		return nil
	}
	var sizes []size
	for _, watches := range []int{100, 300, 1000, 3000, 10_000} {
		if watches > most {
			break
		}
		s, err := measure(ctx, watches)
		if err != nil {
			return fmt.Errorf("%d watches: %w", watches, err)
		}
		fmt.Printf("%+v\n", s)
		sizes = append(sizes, s)
	}
	numbers, err := measureNumbers(ctx)
	if err != nil {
		return fmt.Errorf("%d expressions: %w", expressions, err)
	}
	fmt.Printf("%+v\n", numbers)
	return write(sizes, whole, numbers)
}

// write renders the document and its plot.
func write(sizes []size, whole []live, numbers size) error {
	root, err := localstack.Root()
	if err != nil {
		return err
	}
	document, err := template.New("scale.md").Parse(text)
	if err != nil {
		return err
	}
	var out strings.Builder
	if err := document.Execute(&out, map[string]any{"Sizes": sizes, "Live": whole, "Numbers": numbers, "Ticks": ticks, "Load": load()}); err != nil {
		return err
	}
	for name, content := range map[string]string{"scale.md": out.String(), "scale.svg": chart(sizes).SVG()} {
		if err := os.WriteFile(filepath.Join(root, "docs", name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// load tells what else ran; empty where the system does not tell it in this form.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], ", ")
}

// chart shows times and memory against the number of watches.
func chart(sizes []size) plot.Chart {
	lines := []struct {
		name string
		of   func(size) float64
	}{
		{"a tick, seconds", func(s size) float64 { return s.Wall.Seconds() }},
		{"CPU of rollbackd, s", func(s size) float64 { return s.Own.Seconds() }},
		{"CPU of Prometheus, s", func(s size) float64 { return s.Prometheus.Seconds() }},
		{"memory, 100 MiB", func(s size) float64 { return float64(s.Memory) / (100 << 20) }},
		{"queries, tens", func(s size) float64 { return float64(s.Queries) / 10 }},
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	c := plot.Chart{
		Title: "What a tick takes: two signals, three pods a watch", Across: "watches", Up: "seconds, or as named",
		Xs: plot.Axis{From: 80, To: 12_000, Ticks: []float64{100, 300, 1000, 3000, 10_000}, Label: number},
		Ys: plot.Axis{From: 0.01, To: 20, Ticks: []float64{0.01, 0.03, 0.1, 0.3, 1, 3, 10}, Label: number},
	}
	c.Limit, c.LimitLabel = 2, "2 s"
	for i, l := range lines {
		line := plot.Line{Name: l.name, Style: i}
		for _, s := range sizes {
			line.Points = append(line.Points, [2]float64{float64(s.Watches), l.of(s)})
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

// In words, for the table.

// Seconds writes a time.
func (s size) Seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// MiB writes a number of bytes.
func (s size) MiB(bytes any) string {
	switch n := bytes.(type) {
	case int64:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case uint64:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return ""
}

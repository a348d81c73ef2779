package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// timelinePath is where the daemon writes an incident's timeline, seen from the working folder of both.
func timelinePath(incident string) string {
	return filepath.Join("artifacts", "integration", incident, "timeline.md")
}

// showTimeline prints a part of an incident's timeline; a watch without incident has none.
func (s *stage) showTimeline(v watch.View, part func(string) string) error {
	if v.Incident == "" {
		return nil
	}
	path := timelinePath(v.Incident)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the timeline: %w", err)
	}
	s.screen.document(path, part(string(text)))
	return nil
}

func whole(timeline string) string { return timeline }

// head is what a timeline has above its first part for specialists, the evidence.
func head(timeline string) string {
	before, _, found := strings.Cut(timeline, "\n## Evidence")
	if !found {
		return timeline
	}
	return strings.TrimRight(before, "\n") + "\n…\n"
}

// bullets returns the texts of a timeline's bullets, of which the runbook wants four, without their times.
func bullets(timeline string) []string {
	var texts []string
	_, list, _ := strings.Cut(timeline, "\n## Timeline\n")
	for line := range strings.Lines(list) {
		bullet, found := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if !found {
			break
		}
		_, text, _ := strings.Cut(bullet, " - ")
		texts = append(texts, text)
	}
	return texts
}

// tellsEnd reports whether a timeline is that of the whole watch: one that was written while the watch went on has the same bullets.
func tellsEnd(timeline string, v watch.View) bool {
	return strings.Contains(timeline, " State "+string(v.State)+", the end of the watch")
}

// detected returns what a timeline's second bullet says, or nothing if it has none. The daemon writes its files behind
// everybody's back, so the finished one may come a moment after the end of the watch.
func (s *stage) detected(ctx context.Context, v watch.View) string {
	if v.Incident == "" {
		return ""
	}
	var told []string
	finished := func() bool {
		text, err := os.ReadFile(timelinePath(v.Incident))
		if err != nil {
			return false
		}
		told = bullets(string(text))
		return tellsEnd(string(text), v)
	}
	_ = s.daemon.poll(ctx, callLimit, finished) // what is not there by then is missing, and that is what is said
	if len(told) < 2 {
		return ""
	}
	return told[1]
}

package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// targetGroup is one entry of a Prometheus target file.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// targetsPause is how long the target file stays as it is at least. When hundreds of pods come at once, each would
// otherwise be a reason to write all of them again, and Prometheus looks no more often than every 200 ms.
const targetsPause = 100 * time.Millisecond

// WriteTargets keeps the target file of the Prometheus servers up to date until the context ends.
// Every running pod is a target, ready or not; address is where Handler listens.
func (s *Simulator) WriteTargets(ctx context.Context, path, address string) error {
	file := targetFile{path: path}
	return paced(ctx, s.retarget, targetsPause, func() error {
		if _, err := file.write(s.targets(address)); err != nil {
			return fmt.Errorf("write the scrape targets: %w", err)
		}
		return nil
	})
}

// paced does something at once and at every signal, but not more often than once in each pause, until the context ends.
func paced(ctx context.Context, signal <-chan struct{}, pause time.Duration, do func() error) error {
	for {
		if err := do(); err != nil {
			return err
		}
		if !sleep(ctx, pause) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-signal:
		}
	}
}

func (s *Simulator) targets(address string) []targetGroup {
	s.mu.RLock()
	defer s.mu.RUnlock()
	groups := []targetGroup{}
	for _, pods := range s.pods {
		for _, p := range pods {
			if p.live.Load().running {
				groups = append(groups, p.target(address))
			}
		}
	}
	// In order, so that an unchanged set of pods gives an unchanged file.
	slices.SortFunc(groups, func(a, b targetGroup) int {
		return strings.Compare(a.Labels["__metrics_path__"], b.Labels["__metrics_path__"])
	})
	return groups
}

func (p *pod) target(address string) targetGroup {
	return targetGroup{
		Targets: []string{address},
		Labels: map[string]string{
			"__metrics_path__": podPath(p.namespace, p.name) + "/metrics",
			"namespace":        p.namespace,
			"pod":              p.name,
		},
	}
}

// targetFile is a file that Prometheus may read at any moment.
type targetFile struct {
	path string
	last []byte
}

// write replaces the file at once, and tells whether its content has changed. Otherwise the file is left alone, because
// Prometheus reads it again at every write.
func (f *targetFile) write(groups []targetGroup) (changed bool, err error) {
	encoded, err := json.Marshal(groups)
	if err != nil || bytes.Equal(encoded, f.last) {
		return false, err
	}
	// One folder up, as Prometheus reads its targets again at every change in their folder, and the
	// more often it does the slower it hands on what it read.
	temporary := filepath.Join(filepath.Dir(f.path), "..", filepath.Base(f.path)+".new")
	if err := os.WriteFile(temporary, encoded, 0o644); err != nil {
		return false, err
	}
	f.last = encoded
	return true, os.Rename(temporary, f.path)
}

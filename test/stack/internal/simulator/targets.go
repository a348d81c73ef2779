package simulator

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// targetGroup is one entry of a Prometheus target file.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// WriteTargets keeps the target file of the Prometheus servers up to date until the context ends.
// Every running pod is a target, ready or not; address is where Handler listens.
func (s *Simulator) WriteTargets(ctx context.Context, path, address string) error {
	for {
		if err := writeAtomically(path, s.targets(address)); err != nil {
			return fmt.Errorf("write the scrape targets: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.retarget:
		}
	}
}

func (s *Simulator) targets(address string) []targetGroup {
	s.mu.RLock()
	defer s.mu.RUnlock()
	groups := []targetGroup{}
	for key, p := range s.pods {
		if !p.live.Load().running {
			continue
		}
		groups = append(groups, targetGroup{
			Targets: []string{address},
			Labels: map[string]string{
				"__metrics_path__": podPath(key.Namespace, key.Name) + "/metrics",
				"namespace":        key.Namespace,
				"pod":              key.Name,
			},
		})
	}
	// In order, so that an unchanged set of pods gives an unchanged file.
	slices.SortFunc(groups, func(a, b targetGroup) int {
		return strings.Compare(a.Labels["__metrics_path__"], b.Labels["__metrics_path__"])
	})
	return groups
}

// writeAtomically replaces a file at once, as Prometheus may read it at any moment.
func writeAtomically(path string, content any) error {
	encoded, err := json.Marshal(content)
	if err != nil {
		return err
	}
	// One folder up, as Prometheus reads its targets again at every change in their folder, and the
	// more often it does the slower it hands on what it read.
	temporary := filepath.Join(filepath.Dir(path), "..", filepath.Base(path)+".new")
	if err := os.WriteFile(temporary, encoded, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

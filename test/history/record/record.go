// Package record writes a history to disk: the samples as a Prometheus TSDB, the deployments as events, what is true of
// them, and a configuration to judge them with.
package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/rollbackd/rollbackd/test/history/block"
	"github.com/rollbackd/rollbackd/test/history/scenario"
)

// The files of a history, by their names in its folder.
const (
	// TSDB is the folder that a Prometheus is given as --storage.tsdb.path.
	TSDB = "tsdb"
	// Deployments holds one event a line, as docs/events.md describes them, in the order of the deployments.
	Deployments = "deployments.ndjson"
	// Truth holds one scenario.Truth a line, in the same order.
	Truth = "truth.ndjson"
	// Configuration is a configuration of rollbackd that judges all namespaces, with one policy a layout.
	Configuration = "rollbackd.yaml"
)

// Progress tells how far the writing has come.
type Progress struct {
	// Blocks of All are written, with this many samples in all.
	Blocks, All int
	Samples     uint64
}

// Write makes up the samples of a plan and writes everything into a folder, which must be empty or not exist. It holds
// one block of two hours in memory at a time. Progress is called after each block; it may be nil.
func Write(ctx context.Context, p *scenario.Plan, dir string, progress func(Progress)) error {
	if err := create(filepath.Join(dir, TSDB), dir); err != nil {
		return err
	}
	if err := writeBlocks(ctx, p, filepath.Join(dir, TSDB), progress); err != nil {
		return err
	}
	var events, truths []any
	for _, d := range p.Deployments {
		events, truths = append(events, d.Event), append(truths, d.Truth)
	}
	if err := errors.Join(writeLines(filepath.Join(dir, Deployments), events), writeLines(filepath.Join(dir, Truth), truths)); err != nil {
		return err
	}
	return writeConfiguration(filepath.Join(dir, Configuration), p)
}

// ErrNotEmpty says that the folder holds something already.
var ErrNotEmpty = errors.New("is not empty")

func create(tsdb, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("look into the folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s %w", dir, ErrNotEmpty)
	}
	if err := os.MkdirAll(tsdb, 0o755); err != nil {
		return fmt.Errorf("create the folder: %w", err)
	}
	return nil
}

func writeBlocks(ctx context.Context, p *scenario.Plan, dir string, progress func(Progress)) error {
	recorder := p.Recorder()
	first := p.Start.Truncate(block.Duration)
	done := Progress{All: int((p.End.Sub(first) + block.Duration) / block.Duration)}
	for from := first; !from.After(p.End); from = from.Add(block.Duration) {
		b := block.New(from, from.Add(block.Duration))
		open := func(l labels.Labels) scenario.Append { return b.Open(l) }
		if err := recorder.Record(ctx, from.Add(block.Duration), open); err != nil {
			return fmt.Errorf("make up the samples from %s on: %w", from.Format(time.RFC3339), err)
		}
		if _, err := b.Write(ctx, dir); err != nil {
			return err
		}
		done.Blocks, done.Samples = done.Blocks+1, done.Samples+b.Size()
		if progress != nil {
			progress(done)
		}
	}
	return nil
}

func writeLines(path string, lines []any) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the deployments: %w", err)
	}
	return errors.Join(encode(file, lines), file.Close())
}

func encode(w io.Writer, lines []any) error {
	encoder := json.NewEncoder(w)
	for _, line := range lines {
		if err := encoder.Encode(line); err != nil {
			return fmt.Errorf("write the deployments: %w", err)
		}
	}
	return nil
}

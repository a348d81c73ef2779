// Package block writes blocks of a Prometheus TSDB.
//
// It does so with the parts that Prometheus' own compactor writes them with. The package tsdb itself, whose BlockWriter
// does the same by way of an in-memory head, would bring the client libraries of three clouds into the module.
package block

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
)

// Duration is the span of time of one block, as a Prometheus cuts them: at whole multiples since the epoch.
const Duration = 2 * time.Hour

// samplesPerChunk is where Prometheus cuts chunks.
const samplesPerChunk = 120

// Block collects the samples of one block, compressed, until it is written.
type Block struct {
	from, to time.Time

	mu     sync.Mutex
	series []*series
}

// New returns an empty block for samples from a time until another one, exclusively.
func New(from, to time.Time) *Block { return &Block{from: from, to: to} }

// series is one series of the block.
type series struct {
	labels labels.Labels
	chunks []chunks.Meta
	app    chunkenc.Appender
	count  uint64
	err    error
}

// Open adds a series and returns what appends a sample to it: a time in milliseconds since the epoch, later than the
// last one, and a value. Several goroutines may open series, and each append to its own.
func (b *Block) Open(l labels.Labels) func(t int64, v float64) {
	s := &series{labels: l}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.series = append(b.series, s)
	return func(t int64, v float64) { s.append(b, t, v) }
}

func (s *series) append(b *Block, t int64, v float64) {
	last := len(s.chunks) - 1
	switch {
	case s.err != nil:
		return
	case t < b.from.UnixMilli() || t >= b.to.UnixMilli():
		s.err = fmt.Errorf("a sample of %s at %d is outside the block", s.labels, t)
		return
	case last >= 0 && t <= s.chunks[last].MaxTime:
		s.err = fmt.Errorf("a sample of %s at %d is not later than the one before", s.labels, t)
		return
	}
	if s.count%samplesPerChunk == 0 {
		chunk := chunkenc.NewXORChunk()
		s.chunks = append(s.chunks, chunks.Meta{Chunk: chunk, MinTime: t})
		s.app, s.err = chunk.Appender()
		last++
	}
	if s.err != nil {
		return
	}
	s.app.Append(0, t, v)
	s.chunks[last].MaxTime = t
	s.count++
}

// Size is the number of samples that were appended so far.
func (b *Block) Size() (samples uint64) {
	for _, s := range b.series {
		samples += s.count
	}
	return samples
}

// Write writes the block into a folder of a TSDB and returns the path of the block's own folder. Nothing is written if
// there are no samples. The same samples give the same files.
func (b *Block) Write(ctx context.Context, dir string) (string, error) {
	if err := b.prepare(); err != nil || len(b.series) == 0 {
		return "", err
	}
	id, err := b.id()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, id.String())
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", fmt.Errorf("create the block's folder: %w", err)
	}
	if err := b.writeChunks(filepath.Join(path, "chunks")); err != nil {
		return "", fmt.Errorf("write the block's chunks: %w", err)
	}
	if err := b.writeIndex(ctx, filepath.Join(path, "index")); err != nil {
		return "", fmt.Errorf("write the block's index: %w", err)
	}
	return path, b.writeMeta(id, path)
}

// prepare sorts the series and reports what went wrong while they were appended to.
func (b *Block) prepare() error {
	b.series = slices.DeleteFunc(b.series, func(s *series) bool { return s.err == nil && s.count == 0 })
	slices.SortFunc(b.series, func(x, y *series) int { return labels.Compare(x.labels, y.labels) })
	var errs []error
	for _, s := range b.series {
		errs = append(errs, s.err)
	}
	return errors.Join(errs...)
}

// id is the block's name, which depends on nothing but its time.
func (b *Block) id() (ulid.ULID, error) {
	ms := uint64(b.to.UnixMilli())
	id, err := ulid.New(ms, rand.New(rand.NewSource(b.to.UnixMilli())))
	if err != nil {
		return id, fmt.Errorf("name the block: %w", err)
	}
	return id, nil
}

func (b *Block) writeChunks(dir string) error {
	// The writer reserves the size of a segment first; that of the chunks is far below Prometheus' own half a gigabyte.
	w, err := chunks.NewWriter(dir, chunks.WithSegmentSize(64<<20))
	if err != nil {
		return err
	}
	for _, s := range b.series {
		if err := w.WriteChunks(s.chunks...); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Close()
}

func (b *Block) writeIndex(ctx context.Context, path string) error {
	w, err := index.NewWriter(ctx, path)
	if err != nil {
		return err
	}
	if err := b.fill(w); err != nil {
		return errors.Join(err, w.Close())
	}
	return w.Close()
}

func (b *Block) fill(w *index.Writer) error {
	for _, symbol := range b.symbols() {
		if err := w.AddSymbol(symbol); err != nil {
			return err
		}
	}
	for i, s := range b.series {
		if err := w.AddSeries(storage.SeriesRef(i), s.labels, s.chunks...); err != nil {
			return err
		}
	}
	return nil
}

// symbols are all names and values of labels, sorted.
func (b *Block) symbols() []string {
	seen := map[string]struct{}{"": {}}
	for _, s := range b.series {
		s.labels.Range(func(l labels.Label) { seen[l.Name], seen[l.Value] = struct{}{}, struct{}{} })
	}
	return slices.SortedFunc(maps.Keys(seen), cmp.Compare[string])
}

// meta is the file meta.json.
type meta struct {
	ULID       ulid.ULID `json:"ulid"`
	MinTime    int64     `json:"minTime"`
	MaxTime    int64     `json:"maxTime"`
	Stats      stats     `json:"stats"`
	Compaction source    `json:"compaction"`
	Version    int       `json:"version"`
}

type stats struct {
	Samples      uint64 `json:"numSamples"`
	FloatSamples uint64 `json:"numFloatSamples"`
	Series       uint64 `json:"numSeries"`
	Chunks       uint64 `json:"numChunks"`
}

type source struct {
	Level   int         `json:"level"`
	Sources []ulid.ULID `json:"sources"`
}

// writeMeta writes meta.json, without which Prometheus does not take the folder for a block.
func (b *Block) writeMeta(id ulid.ULID, path string) error {
	m := meta{
		ULID: id, MinTime: b.from.UnixMilli(), MaxTime: b.to.UnixMilli(), Version: 1,
		Stats:      stats{Series: uint64(len(b.series)), Samples: b.Size(), FloatSamples: b.Size()},
		Compaction: source{Level: 1, Sources: []ulid.ULID{id}},
	}
	for _, s := range b.series {
		m.Stats.Chunks += uint64(len(s.chunks))
	}
	data, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return fmt.Errorf("encode meta.json: %w", err)
	}
	if err := os.WriteFile(filepath.Join(path, "meta.json"), data, 0o644); err != nil {
		return fmt.Errorf("write meta.json: %w", err)
	}
	return nil
}

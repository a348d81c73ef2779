// Package recording keeps recorded counters in a small file, and has a real Prometheus serve them again.
package recording

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/rollbackd/rollbackd/test/history/block"
)

// Sample is a counter's value at a time, in milliseconds since the epoch.
type Sample struct{ T, V int64 }

// Series is one counter.
type Series struct {
	Labels  map[string]string
	Samples []Sample
}

// Recording is what was scraped in one span of time.
type Recording struct{ Series []Series }

// Samples counts all samples.
func (r Recording) Samples() (n int) {
	for _, s := range r.Series {
		n += len(s.Samples)
	}
	return n
}

// Span returns the times of the first and of the last sample.
func (r Recording) Span() (from, to time.Time) {
	for _, s := range r.Series {
		if len(s.Samples) == 0 {
			continue
		}
		first, last := time.UnixMilli(s.Samples[0].T).UTC(), time.UnixMilli(s.Samples[len(s.Samples)-1].T).UTC()
		if from.IsZero() || first.Before(from) {
			from = first
		}
		if last.After(to) {
			to = last
		}
	}
	return from, to
}

// WriteFile writes the recording and returns the file's size in bytes.
func (r Recording) WriteFile(path string) (int64, error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	zip, _ := gzip.NewWriterLevel(file, gzip.BestCompression) // which is a level that there is
	w := &writer{Writer: bufio.NewWriter(zip)}
	r.encode(w)
	if err := errors.Join(w.err, w.Flush(), zip.Close(), file.Close()); err != nil {
		return 0, fmt.Errorf("write %s: %w", path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// encode writes the times of a scrape once for all series that share them, and of values how much they grew.
func (r Recording) encode(w *writer) {
	var times [][]int64
	index := map[string]int{}
	which := make([]int, len(r.Series))
	for i, s := range r.Series {
		var list []int64
		for _, sample := range s.Samples {
			list = append(list, sample.T)
		}
		key := fmt.Sprint(list)
		if _, known := index[key]; !known {
			index[key] = len(times)
			times = append(times, list)
		}
		which[i] = index[key]
	}
	w.number(int64(len(times)))
	for _, list := range times {
		w.numbers(list)
	}
	w.number(int64(len(r.Series)))
	for i, s := range r.Series {
		w.number(int64(len(s.Labels)))
		for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
			w.text(name)
			w.text(s.Labels[name])
		}
		w.number(int64(which[i]))
		last := int64(0)
		for _, sample := range s.Samples {
			w.number(sample.V - last)
			last = sample.V
		}
	}
}

type writer struct {
	*bufio.Writer
	err error
}

func (w *writer) number(n int64) {
	_, err := w.Write(binary.AppendVarint(nil, n))
	w.err = errors.Join(w.err, err)
}

// numbers writes differences of differences: scrapes are evenly spaced.
func (w *writer) numbers(list []int64) {
	w.number(int64(len(list)))
	last, step := int64(0), int64(0)
	for _, n := range list {
		w.number(n - last - step)
		last, step = n, n-last
	}
}

func (w *writer) text(s string) {
	w.number(int64(len(s)))
	_, err := w.WriteString(s)
	w.err = errors.Join(w.err, err)
}

// ReadFile reads a recording.
func ReadFile(path string) (Recording, error) {
	file, err := os.Open(path)
	if err != nil {
		return Recording{}, err
	}
	defer file.Close()
	zip, err := gzip.NewReader(file)
	if err != nil {
		return Recording{}, fmt.Errorf("read %s: %w", path, err)
	}
	in := &reader{Reader: bufio.NewReader(zip)}
	r := in.recording()
	if in.err != nil {
		return Recording{}, fmt.Errorf("read %s: %w", path, in.err)
	}
	return r, nil
}

// most bounds every count in a file, which is then no recording.
const most = 1 << 24

type reader struct {
	*bufio.Reader
	err error
}

func (r *reader) recording() (out Recording) {
	times := make([][]int64, r.count())
	for i := range times {
		times[i] = r.numbers()
	}
	out.Series = make([]Series, r.count())
	for i := range out.Series {
		s := Series{Labels: map[string]string{}}
		for range r.count() {
			name := r.text()
			s.Labels[name] = r.text()
		}
		which := r.count()
		if r.err != nil || which >= len(times) {
			r.err = errors.Join(r.err, errors.New("a series has no times"))
			return out
		}
		v := int64(0)
		for _, t := range times[which] {
			v += r.number()
			s.Samples = append(s.Samples, Sample{T: t, V: v})
		}
		out.Series[i] = s
	}
	return out
}

func (r *reader) number() int64 {
	if r.err != nil {
		return 0
	}
	n, err := binary.ReadVarint(r)
	r.err = err
	return n
}

func (r *reader) count() int {
	n := r.number()
	if n < 0 || n > most {
		r.err = errors.Join(r.err, fmt.Errorf("a count of %d", n))
		return 0
	}
	return int(n)
}

func (r *reader) numbers() []int64 {
	out := make([]int64, r.count())
	last, step := int64(0), int64(0)
	for i := range out {
		step += r.number()
		last += step
		out[i] = last
	}
	return out
}

func (r *reader) text() string {
	text := make([]byte, r.count())
	if r.err == nil {
		_, r.err = io.ReadFull(r, text)
	}
	return string(text)
}

// WriteTSDB writes the recording as blocks of a TSDB, which serve.Start serves.
func (r Recording) WriteTSDB(ctx context.Context, dir string) error {
	blocks := map[int64]*block.Block{}
	size := block.Duration.Milliseconds()
	for _, s := range r.Series {
		var appendTo func(int64, float64)
		in := int64(-1)
		for _, sample := range s.Samples {
			if n := sample.T / size; n != in {
				if blocks[n] == nil {
					blocks[n] = block.New(time.UnixMilli(n*size), time.UnixMilli((n+1)*size))
				}
				appendTo, in = blocks[n].Open(labels.FromMap(s.Labels)), n
			}
			appendTo(sample.T, float64(sample.V))
		}
	}
	for _, n := range slices.Sorted(maps.Keys(blocks)) {
		if _, err := blocks[n].Write(ctx, dir); err != nil {
			return err
		}
	}
	return nil
}

// Stretch returns the recording with its time stretched by a factor, from its beginning on.
func (r Recording) Stretch(by int64) Recording {
	from, _ := r.Span()
	begin := from.UnixMilli()
	out := Recording{Series: make([]Series, len(r.Series))}
	for i, s := range r.Series {
		out.Series[i] = Series{Labels: s.Labels, Samples: make([]Sample, len(s.Samples))}
		for j, sample := range s.Samples {
			out.Series[i].Samples[j] = Sample{T: begin + (sample.T-begin)*by, V: sample.V}
		}
	}
	return out
}

// Grown is by how much the counter grew from its first sample to its last, restarts and all.
func (s Series) Grown() (sum int64) {
	for i, sample := range s.Samples {
		if i == 0 {
			continue
		}
		if last := s.Samples[i-1].V; sample.V >= last {
			sum += sample.V - last
		} else {
			sum += sample.V
		}
	}
	return sum
}

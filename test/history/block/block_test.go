package block_test

import (
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/test/history/block"
)

func newBlock() (b *block.Block, from int64) {
	start := time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC)
	return block.New(start, start.Add(block.Duration)), start.UnixMilli()
}

func TestWrongSamplesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		at   []int64 // milliseconds after the block's start
		says string
	}{
		"before the block": {[]int64{-1}, "outside the block"},
		"after the block":  {[]int64{block.Duration.Milliseconds()}, "outside the block"},
		"twice":            {[]int64{5, 5}, "not later than the one before"},
		"backwards":        {[]int64{5, 4}, "not later than the one before"},
	} {
		t.Run(name, func(t *testing.T) {
			b, from := newBlock()
			appendTo := b.Open(labels.FromStrings("__name__", "up"))
			for _, at := range c.at {
				appendTo(from+at, 1)
			}
			_, err := b.Write(t.Context(), t.TempDir())
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestOneSeriesCannotBeOpenedTwice(t *testing.T) {
	b, from := newBlock()
	for range 2 {
		b.Open(labels.FromStrings("__name__", "up"))(from, 1)
	}
	_, err := b.Write(t.Context(), t.TempDir())
	require.ErrorContains(t, err, "out-of-order series")
}

func TestNothingIsWrittenOfNothing(t *testing.T) {
	b, _ := newBlock()
	b.Open(labels.FromStrings("__name__", "up"))
	path, err := b.Write(t.Context(), t.TempDir())
	require.NoError(t, err)
	require.Empty(t, path)
}

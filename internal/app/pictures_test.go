package app

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/notifier"
)

var _ notifier.Pictures = pictures{}

// kept is a journal of one watch, whose incident it is.
type kept struct {
	lines [][]byte
	err   error
}

func (k kept) Owner(_ context.Context, name string) (string, error) {
	if name != "incident-20261122T100653Z" {
		return "", nil
	}
	return "production.shop.k", nil
}

func (k kept) ReadAll(_ context.Context, key string, each func(uint64, []byte) error) error {
	if key != "production.shop.k" {
		return errors.New("another watch")
	}
	for i, line := range k.lines {
		if err := each(uint64(i+1), line); err != nil {
			return err
		}
	}
	return k.err
}

func TestThePictureOfAnIncidentIsDrawnFromItsJournal(t *testing.T) {
	body, err := os.ReadFile("../incident/testdata/restored.jsonl")
	require.NoError(t, err)
	journal := kept{lines: bytes.Split(bytes.TrimSpace(body), []byte("\n"))}
	picture, err := pictures{journal, journal}.Picture(t.Context(), "incident-20261122T100653Z")
	require.NoError(t, err)
	_, err = png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)

	picture, err = pictures{journal, journal}.Picture(t.Context(), "incident-of-nobody")
	require.NoError(t, err)
	require.Nil(t, picture)

	journal.err = errors.New("NATS is away")
	_, err = pictures{journal, journal}.Picture(t.Context(), "incident-20261122T100653Z")
	require.ErrorContains(t, err, "NATS is away")
	journal.lines = [][]byte{[]byte("{")}
	_, err = pictures{journal, journal}.Picture(t.Context(), "incident-20261122T100653Z")
	require.ErrorContains(t, err, "journal entry 1")
}

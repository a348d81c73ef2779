package bus

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is added to the annex stands beside the journal: whoever writes that is not fenced by it, and both are read in the order in
// which they were stored.
func TestAnnex(t *testing.T) {
	journal := openNew(t, Options{}).Journal()
	all := func() (entries []string) {
		require.NoError(t, journal.ReadAll(t.Context(), watchKey, func(_ uint64, data []byte) error {
			entries = append(entries, string(data))
			return nil
		}))
		return entries
	}
	require.Empty(t, all())
	require.NoError(t, journal.Note(t.Context(), watchKey, "told-log", []byte("told")))
	require.Equal(t, []string{"told"}, all(), "an annex may be there without a journal")

	first, err := journal.Append(t.Context(), watchKey, "a", []byte("first"), 0)
	require.NoError(t, err)
	require.NoError(t, journal.Note(t.Context(), watchKey, "diagnosis", []byte("diagnosis")))
	require.NoError(t, journal.Note(t.Context(), watchKey+"x", "diagnosis", []byte("of another watch")))
	_, err = journal.Append(t.Context(), watchKey, "b", []byte("second"), first)
	require.NoError(t, err)
	require.NoError(t, journal.Note(t.Context(), watchKey, "diagnosis", []byte("once more")), "what is there is left as it is")

	require.Equal(t, []string{"told", "first", "diagnosis", "second"}, all())
	entries, _ := readAll(t, journal, watchKey)
	require.Equal(t, []string{"first", "second"}, entries)

	require.ErrorContains(t, journal.Note(t.Context(), watchKey, "a.b", nil), "not fit")
	require.ErrorContains(t, journal.Note(t.Context(), "a.>", "id", nil), "not fit")
}

// A page begins where the one before ended, and whoever has enough ends it.
func TestReadFrom(t *testing.T) {
	journal := openNew(t, Options{}).Journal()
	var last uint64
	for _, id := range []string{"a", "b", "c"} {
		var err error
		last, err = journal.Append(t.Context(), watchKey, id, []byte(id), last)
		require.NoError(t, err)
	}
	require.NoError(t, journal.Note(t.Context(), watchKey, "d", []byte("d")))
	enough := errors.New("enough")
	read := func(after uint64, most int) (entries string, end uint64, err error) {
		err = journal.ReadFrom(t.Context(), watchKey, after, func(seq uint64, data []byte) error {
			if len(entries) == most {
				return enough
			}
			entries, end = entries+string(data), seq
			return nil
		})
		return entries, end, err
	}
	entries, end, err := read(0, 2)
	require.ErrorIs(t, err, enough)
	require.Equal(t, "ab", entries)
	entries, end, err = read(end, 5)
	require.NoError(t, err)
	require.Equal(t, "cd", entries)
	entries, _, err = read(end, 5)
	require.NoError(t, err)
	require.Empty(t, entries)
}

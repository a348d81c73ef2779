package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

const watchKey = "production.shop.0123abcd"

func TestWatches(t *testing.T) {
	ctx := t.Context()
	watches := openNew(t, Options{}).Watches()
	_, _, err := watches.Get(ctx, watchKey)
	require.ErrorIs(t, err, ErrNotFound)

	first, err := watches.Create(ctx, watchKey, []byte("one"))
	require.NoError(t, err)
	_, err = watches.Create(ctx, watchKey, []byte("two"))
	require.ErrorIs(t, err, ErrExists)
	second, err := watches.Update(ctx, watchKey, []byte("two"), first)
	require.NoError(t, err)
	require.Greater(t, second, first)
	_, err = watches.Update(ctx, watchKey, []byte("three"), first)
	require.ErrorIs(t, err, ErrConflict)
	_, err = watches.Update(ctx, "production.shop.none", []byte("three"), 7)
	require.ErrorIs(t, err, ErrConflict)

	value, revision, err := watches.Get(ctx, watchKey)
	require.NoError(t, err)
	require.Equal(t, "two", string(value))
	require.Equal(t, second, revision)
}

func TestWatchesOfTwoWritersHaveOneWinner(t *testing.T) {
	server := startServer(t)
	var winners atomic.Int32
	var group sync.WaitGroup
	for i := range 4 {
		watches := open(t, connect(t, server), Options{Timeout: patience}).Watches()
		group.Go(func() {
			_, err := watches.Create(t.Context(), watchKey, fmt.Append(nil, i))
			if err == nil {
				winners.Add(1)
				return
			}
			if !errors.Is(err, ErrExists) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 1, winners.Load())
}

func TestAllWatches(t *testing.T) {
	t.Parallel()
	watches := openNew(t, Options{}).Watches()
	none := func(string, []byte, uint64) error { return errors.New("there is none") }
	require.NoError(t, watches.All(t.Context(), none))

	want := map[string]string{}
	for i := range 300 {
		key := fmt.Sprintf("production.shop.%d", i)
		revision, err := watches.Create(t.Context(), key, []byte("old"))
		require.NoError(t, err)
		_, err = watches.Update(t.Context(), key, fmt.Append(nil, i), revision)
		require.NoError(t, err)
		want[key] = fmt.Sprint(i)
	}
	got := map[string]string{}
	require.NoError(t, watches.All(t.Context(), func(key string, value []byte, revision uint64) error {
		require.NotZero(t, revision)
		got[key] = string(value)
		return nil
	}))
	require.Equal(t, want, got)

	enough := errors.New("enough")
	require.ErrorIs(t, watches.All(t.Context(), func(string, []byte, uint64) error { return enough }), enough)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, watches.All(cancelled, func(string, []byte, uint64) error { return nil }))
}

func readAll(t *testing.T, journal *Journal, key string) (entries []string, seqs []uint64) {
	t.Helper()
	require.NoError(t, journal.Read(t.Context(), key, func(seq uint64, data []byte) error {
		entries, seqs = append(entries, string(data)), append(seqs, seq)
		return nil
	}))
	return entries, seqs
}

func TestJournal(t *testing.T) {
	journal := openNew(t, Options{}).Journal()
	entries, _ := readAll(t, journal, watchKey)
	require.Empty(t, entries)

	var want []string
	var wantSeqs []uint64
	last := uint64(0)
	for i := range 3 {
		seq, err := journal.Append(t.Context(), watchKey, fmt.Sprint(i), fmt.Append(nil, "entry ", i), last)
		require.NoError(t, err)
		_, err = journal.Append(t.Context(), "production.shop.other", fmt.Sprint(i), []byte("x"), seqOf(t, journal, "production.shop.other"))
		require.NoError(t, err)
		last = seq
		want, wantSeqs = append(want, fmt.Sprint("entry ", i)), append(wantSeqs, seq)
	}
	entries, seqs := readAll(t, journal, watchKey)
	require.Equal(t, want, entries)
	require.Equal(t, wantSeqs, seqs)

	enough := errors.New("enough")
	require.Equal(t, enough, journal.Read(t.Context(), watchKey, func(uint64, []byte) error { return enough }))
	_, err := journal.Append(t.Context(), "a.>", "id", nil, 0)
	require.ErrorContains(t, err, "not fit")
}

func seqOf(t *testing.T, journal *Journal, key string) uint64 {
	t.Helper()
	_, seqs := readAll(t, journal, key)
	if len(seqs) == 0 {
		return 0
	}
	return seqs[len(seqs)-1]
}

func TestJournalIsFenced(t *testing.T) {
	server := startServer(t)
	mine := open(t, connect(t, server), Options{}).Journal()
	theirs := open(t, connect(t, server), Options{}).Journal()
	start, err := mine.Append(t.Context(), watchKey, "start", []byte("start"), 0)
	require.NoError(t, err)

	won, err := theirs.Append(t.Context(), watchKey, "theirs", []byte("theirs"), start)
	require.NoError(t, err)
	_, err = mine.Append(t.Context(), watchKey, "mine", []byte("mine"), start)
	require.ErrorIs(t, err, ErrFenced)
	_, err = mine.Append(t.Context(), watchKey, "mine", []byte("mine"), 0)
	require.ErrorIs(t, err, ErrFenced)
	_, err = mine.Append(t.Context(), watchKey, "mine", []byte("mine"), won)
	require.NoError(t, err)
	entries, _ := readAll(t, mine, watchKey)
	require.Equal(t, []string{"start", "theirs", "mine"}, entries)
}

func TestAppendAgainAfterALostAnswer(t *testing.T) {
	journal := openNew(t, Options{}).Journal()
	first, err := journal.Append(t.Context(), watchKey, "intent", []byte("intent"), 0)
	require.NoError(t, err)
	again, err := journal.Append(t.Context(), watchKey, "intent", []byte("intent"), 0)
	require.NoError(t, err)
	require.Equal(t, first, again)
	entries, _ := readAll(t, journal, watchKey)
	require.Equal(t, []string{"intent"}, entries)
}

func TestLongJournalIsReadWhole(t *testing.T) {
	t.Parallel()
	const entries = 2000
	bus := openNew(t, Options{})
	journal := bus.Journal()
	subject, err := journal.subject(watchKey)
	require.NoError(t, err)
	for i := range entries {
		_, err := bus.js.PublishAsync(subject, fmt.Append(nil, i))
		require.NoError(t, err)
	}
	<-bus.js.PublishAsyncComplete()
	got, seqs := readAll(t, journal, watchKey)
	require.Len(t, got, entries)
	for i := range entries {
		require.Equal(t, fmt.Sprint(i), got[i])
		require.EqualValues(t, i+1, seqs[i])
	}
}

func TestCutJournalIsAnError(t *testing.T) {
	bus := openNew(t, Options{})
	journal := bus.Journal()
	last := uint64(0)
	for i := range 600 {
		var err error
		last, err = journal.Append(t.Context(), watchKey, fmt.Sprint(i), []byte("entry"), last)
		require.NoError(t, err)
	}
	read := 0
	err := journal.Read(t.Context(), watchKey, func(uint64, []byte) error {
		if read++; read == 1 {
			return bus.js.DeleteStream(t.Context(), journalStream("main"))
		}
		return nil
	})
	require.Error(t, err)
	require.Less(t, read, 600)
}

func TestNames(t *testing.T) {
	server := startServer(t)
	names := open(t, connect(t, server), Options{}).Names()
	claim := func(base, owner string) string {
		name, err := names.Claim(t.Context(), base, owner)
		require.NoError(t, err)
		return name
	}
	require.Equal(t, "incident-1", claim("incident-1", "a"))
	require.Equal(t, "incident-1-2", claim("incident-1", "b"))
	require.Equal(t, "incident-1-3", claim("incident-1", "c"))
	require.Equal(t, "incident-1", claim("incident-1", "a"))
	require.Equal(t, "incident-1-2", claim("incident-1", "b"), "an owner keeps its name")
	require.Equal(t, "incident-1-2-2", claim("incident-1-2", "b"), "two bases never share a name")
	_, err := names.Claim(t.Context(), "a..b", "a")
	require.ErrorContains(t, err, "not fit")

	for name, want := range map[string]string{"incident-1": "a", "incident-1-2": "b", "incident-2": "", "not a name": ""} {
		owner, err := names.Owner(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, owner, name)
	}

	other := open(t, connect(t, server), Options{Instance: "other"}).Names()
	name, err := other.Claim(t.Context(), "incident-1", "z")
	require.NoError(t, err)
	require.Equal(t, "incident-1", name, "instances give away names of their own")
}

func TestNamesOfConcurrentOwnersDiffer(t *testing.T) {
	names := openNew(t, Options{Timeout: patience}).Names()
	var mu sync.Mutex
	owners := map[string]int{}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			name, err := names.Claim(t.Context(), "incident", fmt.Sprint(i))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			owners[name]++
		})
	}
	group.Wait()
	require.Len(t, owners, 8)
}

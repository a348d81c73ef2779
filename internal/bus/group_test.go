package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// appendSideBySide appends one entry after another to so many journals at the same time, and returns their sequences by journal.
func appendSideBySide(t testing.TB, journal *Journal, watches, entries int) [][]uint64 {
	t.Helper()
	seqs := make([][]uint64, watches)
	errs := make([]error, watches)
	var running sync.WaitGroup
	for w := range watches {
		running.Go(func() {
			var last uint64
			for n := range entries {
				if last, errs[w] = journal.Append(t.Context(), key(w), fmt.Sprintf("%d-%d", w, n), fmt.Appendf(nil, "entry %d", n), last); errs[w] != nil {
					return
				}
				seqs[w] = append(seqs[w], last)
			}
		})
	}
	running.Wait()
	require.NoError(t, errors.Join(errs...))
	return seqs
}

func key(watch int) string { return fmt.Sprintf("production.shop.w%d", watch) }

// batches counts the messages of the journal's stream by the batch that they came in; "" is none.
func batches(t *testing.T, bus *Bus) map[string]int {
	t.Helper()
	stream, err := bus.js.Stream(t.Context(), journalStream("main"))
	require.NoError(t, err)
	out := map[string]int{}
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		msg, err := stream.GetMsg(t.Context(), seq)
		require.NoError(t, err)
		out[msg.Header.Get(batchIDHeader)]++
	}
	return out
}

// However many journals are written at the same time, each has its entries in order under the sequences that were answered; and most
// of them were stored together with others.
func TestJournalsAreStoredTogether(t *testing.T) {
	bus := openNew(t, Options{Grouped: true, Timeout: patience})
	seqs := appendSideBySide(t, bus.Journal(), 40, 5)
	for w, want := range seqs {
		var got []uint64
		require.NoError(t, bus.Journal().Read(t.Context(), key(w), func(seq uint64, data []byte) error {
			require.Equal(t, fmt.Sprintf("entry %d", len(got)), string(data))
			got = append(got, seq)
			return nil
		}))
		require.Equal(t, want, got)
	}
	alone, together := 0, 0
	for id, messages := range batches(t, bus) {
		if id == "" {
			alone = messages
		} else {
			together += messages
		}
	}
	require.Equal(t, 200, alone+together)
	require.Greater(t, together, alone)
}

// An entry that came too late is refused; what would have been stored with it is stored all the same, and an entry that was stored
// before is known again.
func TestOneThatIsFencedKeepsNobodyFromBeingStored(t *testing.T) {
	bus := openNew(t, Options{Grouped: true, Timeout: patience})
	journal := bus.Journal()
	first, err := journal.Append(t.Context(), key(0), "first", []byte("x"), 0)
	require.NoError(t, err)

	// What waits while a batch is under way is the next one.
	// A batch that is refused is stored by halves: two that are late, of sixteen, leave at least two quarters whole wherever they stand.
	stored := make([]uint64, 16)
	errs := make([]error, len(stored))
	group := journal.group
	group.mu.Lock()
	group.running = true
	group.mu.Unlock()
	var running sync.WaitGroup
	for w := range stored {
		id, last := "entry", uint64(0)
		switch w {
		case 0: // the same again
			id = "first"
		case 1: // of somebody who does not know what there is
			last = 77
		}
		running.Go(func() { stored[w], errs[w] = journal.Append(t.Context(), key(w), id, []byte("x"), last) })
	}
	eventually(t, func() error {
		group.mu.Lock()
		defer group.mu.Unlock()
		if n := len(group.waiting); n < len(stored) {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	group.run()
	running.Wait()
	together := 0
	for id, messages := range batches(t, bus) {
		if id != "" {
			together += messages
		}
	}
	require.NotZero(t, together, "those that stand beside the one are stored together")
	require.Empty(t, group.known)
	for w, err := range errs {
		if w == 1 {
			require.ErrorIs(t, err, ErrFenced)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, stored[w], seqOf(t, journal, key(w)))
	}
	require.Equal(t, first, stored[0])
}

// An entry of the annex stands in the same order, and stays as it is.
func TestNotesAreStoredTogetherToo(t *testing.T) {
	bus := openNew(t, Options{Grouped: true, Timeout: patience})
	var running sync.WaitGroup
	for n := range 30 {
		running.Go(func() {
			require.NoError(t, bus.Journal().Note(t.Context(), key(0), fmt.Sprint("note-", n%10), []byte("x")))
		})
	}
	appendSideBySide(t, bus.Journal(), 3, 3)
	running.Wait()
	read := 0
	require.NoError(t, bus.Journal().ReadAll(t.Context(), key(0), func(uint64, []byte) error { read++; return nil }))
	require.Equal(t, 10+3, read)
}

// A stream of an earlier version is made to take batches, and one that is not is written one entry at a time.
func TestAStreamOfBeforeTakesBatches(t *testing.T) {
	server := startServer(t)
	appendSideBySide(t, open(t, connect(t, server), Options{}).Journal(), 10, 2)
	bus := open(t, connect(t, server), Options{})
	require.Equal(t, map[string]int{"": 20}, batches(t, bus))
	bus = open(t, connect(t, server), Options{Grouped: true})
	stream, err := bus.js.Stream(t.Context(), journalStream("main"))
	require.NoError(t, err)
	require.True(t, stream.CachedInfo().Config.AllowAtomicPublish)
}

// Where batches are refused, for whatever reason, entries are stored one by one.
func TestWhereBatchesAreRefused(t *testing.T) {
	bus := openNew(t, Options{Timeout: patience})
	bus.journal.group.stream = journalStream("main") // which does not take them
	appendSideBySide(t, bus.Journal(), 20, 3)
	require.Equal(t, map[string]int{"": 60}, batches(t, bus))
}

// Whoever does not wait any longer is told so, and is told what came of it if asking again, before it is stored and after; it is
// stored once.
func TestAskingAgain(t *testing.T) {
	bus := openNew(t, Options{Grouped: true})
	journal := bus.Journal()
	group := bus.journal.group
	group.mu.Lock()
	group.running = true // somebody stores, for ever
	group.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for range 3 {
		_, err := journal.Append(ctx, key(0), "id", []byte("x"), 0)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	require.Len(t, group.waiting, 1)
	group.run()
	require.Len(t, group.known, 1)
	seq, err := journal.Append(t.Context(), key(0), "id", []byte("x"), 0)
	require.NoError(t, err)
	require.Equal(t, seq, seqOf(t, journal, key(0)))
	require.Equal(t, map[string]int{"": 1}, batches(t, bus))
	require.Empty(t, group.known, "once it was told it is forgotten")
}

// What nobody asks for any more is forgotten.
func TestNobodyAsksAgain(t *testing.T) {
	group := group{known: map[string]*grouped{
		"old": {at: time.Now().Add(-2 * toldFor)}, "new": {at: time.Now()}, "asked for": {at: time.Now().Add(-2 * toldFor), asking: 1}, "waits": {},
	}}
	require.Empty(t, group.next())
	require.NotContains(t, group.known, "old")
	require.Len(t, group.known, 3)
}

// The answer to another batch is none.
func TestAnswersToABatch(t *testing.T) {
	server := startServer(t)
	nc := connect(t, server)
	g := group{nc: nc}
	for answer, want := range map[string]string{
		`{"stream":"s","seq":7,"batch":"b","count":3}`:                                "",
		`{"stream":"s","seq":7,"batch":"b","count":2}`:                                "about another one",
		`{"stream":"s","seq":7}`:                                                      "about another one",
		`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence"}}`: "wrong last sequence",
		`no JSON`: "cannot be read",
	} {
		sub, err := nc.Subscribe("answered", func(m *nats.Msg) { _ = m.Respond([]byte(answer)) })
		require.NoError(t, err)
		first, err := g.commit(t.Context(), &nats.Msg{Subject: "answered", Header: nats.Header{}}, 3)
		if want == "" {
			require.NoError(t, err)
			require.EqualValues(t, 5, first)
		} else {
			require.ErrorContains(t, err, want)
		}
		require.NoError(t, sub.Unsubscribe())
	}
}

// BenchmarkAppend is a thousand journals that get an entry each at the same time, as when the ticks of a thousand watches end.
func BenchmarkAppend(b *testing.B) {
	for name, grouped := range map[string]bool{"together": true, "one-by-one": false} {
		b.Run(name, func(b *testing.B) {
			server, err := StartEmbedded(EmbeddedOptions{DataDir: b.TempDir(), Listen: "127.0.0.1:0"})
			require.NoError(b, err)
			defer server.Shutdown()
			nc, err := server.Connect()
			require.NoError(b, err)
			defer nc.Close()
			bus, err := Open(b.Context(), nc, Options{Instance: "main", Environments: []string{"production"}, Grouped: grouped, Timeout: time.Minute})
			require.NoError(b, err)
			for b.Loop() {
				require.NoError(b, purge(b.Context(), bus))
				appendSideBySide(b, bus.Journal(), 1000, 1)
			}
		})
	}
}

func purge(ctx context.Context, bus *Bus) error {
	stream, err := bus.js.Stream(ctx, journalStream("main"))
	if err != nil {
		return err
	}
	return stream.Purge(ctx, jetstream.WithPurgeSubject(journalSubject("main")+".>"))
}

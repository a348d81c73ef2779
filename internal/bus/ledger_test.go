package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// setting puts a value in place of whatever is there.
func setting(value string) func([]byte) []byte { return func([]byte) []byte { return []byte(value) } }

// records returns the values that a reading brings, in order.
func records(t *testing.T, ledger *Ledger, after uint64, patterns ...string) (values []string, places []uint64) {
	t.Helper()
	require.NoError(t, ledger.Each(t.Context(), patterns, after, func(place uint64, value []byte) error {
		values, places = append(values, string(value)), append(places, place)
		return nil
	}))
	return values, places
}

func TestLedgerFindsByPattern(t *testing.T) {
	ledger := openNew(t, Options{}).Ledger()
	empty, _ := records(t, ledger, 0, ">")
	require.Empty(t, empty)
	for _, key := range []string{"incident.production.shop.a", "watch.production.shop.b", "incident.production.bank.c", "incident.staging.shop.d"} {
		require.NoError(t, ledger.Put(t.Context(), key, setting(key)))
	}
	got, places := records(t, ledger, 0, "incident.>")
	require.Equal(t, []string{"incident.production.shop.a", "incident.production.bank.c", "incident.staging.shop.d"}, got)
	got, _ = records(t, ledger, places[0], "incident.production.>", "incident.staging.shop.*")
	require.Equal(t, []string{"incident.production.bank.c", "incident.staging.shop.d"}, got)

	require.NoError(t, ledger.Put(t.Context(), "incident.production.shop.a", setting("changed")))
	got, _ = records(t, ledger, 0, "*.production.shop.*")
	require.Equal(t, []string{"watch.production.shop.b", "changed"}, got, "what changed last comes last")

	_, err := ledger.Get(t.Context(), "incident.none")
	require.ErrorIs(t, err, ErrNotFound)
	value, err := ledger.Get(t.Context(), "incident.production.shop.a")
	require.NoError(t, err)
	require.Equal(t, "changed", string(value))
}

// A reading is ended by whoever has enough.
func TestLedgerReadingIsEnded(t *testing.T) {
	ledger := openNew(t, Options{}).Ledger()
	for i := range 3 {
		require.NoError(t, ledger.Put(t.Context(), fmt.Sprint("watch.", i), setting(fmt.Sprint(i))))
	}
	enough := errors.New("enough")
	var got []string
	err := ledger.Each(t.Context(), []string{">"}, 0, func(_ uint64, value []byte) error {
		if got = append(got, string(value)); len(got) == 2 {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	require.Equal(t, []string{"0", "1"}, got)
}

// Of several writers the newest picture stays, in whatever order they come.
func TestLedgerKeepsTheNewest(t *testing.T) {
	bus := openNew(t, Options{Timeout: patience})
	ledger := bus.Ledger()
	const writers = 20
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			err := ledger.Put(context.Background(), "watch.one", func(old []byte) []byte {
				if n, err := strconv.Atoi(string(old)); err == nil && n > i {
					return nil
				}
				return fmt.Append(nil, i)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got, _ := records(t, ledger, 0, ">")
	require.Equal(t, []string{fmt.Sprint(writers - 1)}, got)
}

// More than a batch is read whole and in order, without what was deleted.
func TestLongLedgerIsReadWhole(t *testing.T) {
	t.Parallel()
	ledger := openNew(t, Options{}).Ledger()
	var want []string
	for i := range 2*ledgerBatch + 10 {
		key, value := fmt.Sprint("watch.", i), fmt.Sprint("record ", i)
		require.NoError(t, ledger.Put(t.Context(), key, setting(value)))
		if i%100 == 7 {
			require.NoError(t, ledger.bucket.Delete(t.Context(), key))
			continue
		}
		want = append(want, value)
	}
	got, _ := records(t, ledger, 0, "watch.*")
	require.Equal(t, want, got)
}

package bus

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Replicas take numbers at the same time, and many of them die between being given one and writing down whose it is. In the end every
// owner has one number, for good, and none is left out.
func TestNumbersHaveNoGapsAndNoDoubles(t *testing.T) {
	server := startServer(t)
	const replicas, owners = 8, 40
	var all sync.WaitGroup
	for replica := range replicas {
		numbers := open(t, connect(t, server), Options{Timeout: patience}).Numbers()
		dice := rand.New(rand.NewPCG(1, uint64(replica)))
		all.Go(func() {
			for _, i := range dice.Perm(owners) {
				owner := fmt.Sprintf("production.shop.%d", i)
				if dice.IntN(2) == 0 {
					diesBetween(numbers, owner)
					continue
				}
				if _, err := numbers.Take(context.Background(), owner, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	numbers := open(t, connect(t, server), Options{Timeout: patience}).Numbers()
	holders := map[uint64]string{}
	for i := range owners {
		owner := fmt.Sprintf("production.shop.%d", i)
		number, err := numbers.Take(t.Context(), owner, 0)
		require.NoError(t, err)
		again, err := numbers.Take(t.Context(), owner, 0)
		require.NoError(t, err)
		require.Equal(t, number, again)
		require.Empty(t, holders[number], "%s and %s have %d", holders[number], owner, number)
		holders[number] = owner
	}
	for number := uint64(1); number <= owners; number++ {
		require.NotEmpty(t, holders[number], "nobody has %d", number)
	}
}

// diesBetween takes a number as Take does, and is killed as soon as it has one.
func diesBetween(n *Numbers, owner string) {
	ctx := context.Background()
	last, revision, err := n.last(ctx)
	if err != nil || n.settle(ctx, last) != nil || last.Owner == owner {
		return
	}
	if _, err := n.bucket.Get(ctx, numberOf+owner); err == nil {
		return
	}
	_ = n.give(ctx, given{Number: last.Number + 1, Owner: owner}, revision)
}

// Numbers that are known to be given away are not given again, should the store be lost.
func TestNumbersGoOnAboveWhatIsKnown(t *testing.T) {
	numbers := openNew(t, Options{}).Numbers()
	var got []uint64
	for _, owner := range []string{"a", "b", "a", "c"} {
		number, err := numbers.Take(t.Context(), owner, 41)
		require.NoError(t, err)
		got = append(got, number)
	}
	require.Equal(t, []uint64{42, 43, 42, 44}, got)
	since, err := numbers.Since(t.Context())
	require.NoError(t, err)
	require.False(t, since.IsZero())
}

func TestWhatIsNotedForANumber(t *testing.T) {
	numbers := openNew(t, Options{}).Numbers()
	var got []int
	for _, number := range []uint64{1, 2} {
		step, err := numbers.Noted(t.Context(), number)
		require.NoError(t, err)
		got = append(got, step)
		require.NoError(t, numbers.Note(t.Context(), number, int(number)*10))
	}
	for _, number := range []uint64{1, 2} {
		step, err := numbers.Noted(t.Context(), number)
		require.NoError(t, err)
		got = append(got, step)
	}
	require.True(t, slices.Equal([]int{0, 0, 10, 20}, got), got)
}

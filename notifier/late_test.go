package notifier

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// counted is a sink that is always there.
type counted struct{ told int }

func (*counted) Name() string { return "pager" }

func (c *counted) Notify(context.Context, Notice) (bool, error) { c.told++; return false, nil }

// What cannot be made yet is a reason to try a notice again, and is made once it can be.
func TestLate(t *testing.T) {
	inner, made, problem := &counted{}, 0, errors.New("key: no such file")
	sink := NewLate("pager", func() (Sink, error) {
		if problem != nil {
			return nil, problem
		}
		made++
		return inner, nil
	})
	require.Equal(t, "pager", sink.Name())
	retry, err := sink.Notify(t.Context(), Notice{})
	require.True(t, retry)
	require.ErrorContains(t, err, "the sink cannot be made yet: key: no such file")

	problem = nil
	for range 2 {
		_, err = sink.Notify(t.Context(), Notice{})
		require.NoError(t, err)
	}
	require.Equal(t, []int{1, 2}, []int{made, inner.told})
}

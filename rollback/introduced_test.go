package rollback

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestIntroduced: what runs came with the oldest revision of an unbroken row that runs the same.
func TestIntroduced(t *testing.T) {
	putBack := revived(5, "v1", 10)
	putBack.FirstPodAt = at(50)
	relabelled := rsOf(4, "v2", 40, podSpec("v2", `"app":"checkout"`, `"app":"checkout","team":"pay"`))
	for name, c := range map[string]struct {
		shown Snapshot
		// revision is empty where nothing was introduced.
		revision string
		minute   int
		putBack  bool
	}{
		"a new version":                     {shown: live(rs(2, "v2", 30), rs(1, "v1", 10)), revision: "2", minute: 30},
		"restarted and relabelled since":    {shown: live(relabelled, rsOf(3, "v2", 35, restarted("v2", "x")), rs(2, "v2", 30), rs(1, "v1", 10)), revision: "2", minute: 30},
		"put back":                          {shown: live(putBack, rs(4, "v2", 30)), revision: "5", minute: 50, putBack: true},
		"the same version as long ago":      {shown: live(rsOf(3, "v1", 35, restarted("v1", "x")), rs(2, "v2", 30), rs(1, "v1", 10)), revision: "3", minute: 35},
		"made, and never changed":           {shown: live(rs(1, "v1", 10))},
		"made, and only restarted":          {shown: live(rsOf(2, "v1", 35, restarted("v1", "x")), rs(1, "v1", 10))},
		"not acted on by the controller":    {shown: unsettled(live(rs(2, "v2", 30), rs(1, "v1", 10)))},
		"being deleted":                     {shown: deleting(live(rs(2, "v2", 30), rs(1, "v1", 10)))},
		"an old version under a newer one":  {shown: live(rs(2, "v2", 30), rs(9, "v9", 5), rs(1, "v1", 10)), revision: "2", minute: 30},
		"other resources of the same image": {shown: live(rsOf(2, "v1", 30, podSpec("v1", `"resources":{}`, `"resources":{"limits":{"cpu":"1"}}`)), rs(1, "v1", 10)), revision: "2", minute: 30},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := Introduced(c.shown)
			require.Equal(t, c.revision != "", ok)
			if ok {
				require.Equal(t, c.revision, got.Revision)
				require.Equal(t, at(c.minute), got.At)
				require.Equal(t, c.putBack, got.PutBack)
			}
		})
	}
}

func unsettled(s Snapshot) Snapshot { s.ObservedGeneration--; return s }
func deleting(s Snapshot) Snapshot  { s.Deleting = true; return s }

// TestIntroductionOfAPin: a watch followed what is live if it was of the same row of revisions, and not of the time before a
// template was put back.
func TestIntroductionOfAPin(t *testing.T) {
	first, second := rs(2, "v2", 30), rsOf(3, "v2", 35, restarted("v2", "x"))
	in, ok := Introduced(live(second, first, rs(1, "v1", 10)))
	require.True(t, ok)
	require.True(t, in.Pinned(Pin{Release: first}))
	require.True(t, in.Pinned(Pin{Release: second}))
	require.False(t, in.Pinned(Pin{Release: rs(1, "v1", 10)}))

	before := rs(1, "v1", 10)
	again := before
	again.Number, again.Revived = "4", true
	in, ok = Introduced(live(again, first))
	require.True(t, ok)
	require.False(t, in.Pinned(Pin{Release: before}))
	require.True(t, in.Pinned(Pin{Release: again}))
}

func TestIntentAt(t *testing.T) {
	s := live(rs(1, "v1", 10))
	_, ok := s.IntentAt()
	require.False(t, ok)
	s.Annotations[IntentAnnotation] = "production.shop.abc.1795514400123"
	got, ok := s.IntentAt()
	require.True(t, ok)
	require.True(t, time.UnixMilli(1795514400123).Equal(got))
	for _, bad := range []string{"x", "x.y", strings.Repeat("9", 40)} {
		s.Annotations[IntentAnnotation] = bad
		_, ok = s.IntentAt()
		require.False(t, ok, bad)
	}
}

package recording

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scraped is two targets scraped every second or so, one of which restarts, and one series that appears late.
func scraped() Recording {
	rnd := rand.New(rand.NewPCG(1, 2))
	var r Recording
	begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixMilli()
	for _, target := range []string{"a", "b"} {
		one := Series{Labels: map[string]string{"__name__": "requests_total", "pod": target}}
		late := Series{Labels: map[string]string{"__name__": "errors_total", "pod": target}}
		v := int64(1000)
		for i := range int64(100) {
			if v += int64(rnd.IntN(9)); target == "b" && i == 50 {
				v = 0
			}
			sample := Sample{T: begin + 1000*i + int64(rnd.IntN(5)), V: v}
			one.Samples = append(one.Samples, sample)
			if i > 70 {
				late.Samples = append(late.Samples, sample)
			}
		}
		r.Series = append(r.Series, one, late)
	}
	return r
}

func TestAFileHoldsWhatWasRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "traffic.gz")
	size, err := scraped().WriteFile(path)
	require.NoError(t, err)
	require.Less(t, size, int64(2000))
	read, err := ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, scraped(), read)

	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, content := range map[string][]byte{"nothing": nil, "a part": whole[:len(whole)/2], "something else": bytes.Repeat([]byte("x"), 100)} {
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, err := ReadFile(path)
		require.Error(t, err, name)
	}
}

func TestTimeIsStretched(t *testing.T) {
	r := scraped()
	from, to := r.Span()
	slow := r.Stretch(15)
	begin, end := slow.Span()
	require.Equal(t, from, begin)
	require.Equal(t, 15*to.Sub(from), end.Sub(begin))
	require.Equal(t, r.Samples(), slow.Samples())
	require.Equal(t, r.Series[0].Samples[7].V, slow.Series[0].Samples[7].V)
}

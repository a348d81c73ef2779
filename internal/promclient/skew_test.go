package promclient

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// answering is a Prometheus that gives one answer, whose asker's clock has shown so much time passing meanwhile.
func answering(t *testing.T, result string, took time.Duration) (Skew, error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("query") != "time()" || r.FormValue("time") != "" {
			t.Errorf("asked %q at %q", r.FormValue("query"), r.FormValue("time"))
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":%s}}`, result)
	}))
	defer server.Close()
	client, err := New(server.URL, server.Client())
	require.NoError(t, err)
	at := time.Unix(1_700_000_000, 0)
	return ReadSkew(t.Context(), client, func() time.Time {
		defer func() { at = at.Add(took) }()
		return at
	})
}

func TestSkew(t *testing.T) {
	for _, c := range []struct {
		told   string
		took   time.Duration
		ahead  time.Duration
		surely time.Duration
		words  string
	}{
		{"1700000000", 0, 0, 0, "the clock of Prometheus is about 0s ahead of this machine's"},
		{"1700000030.5", time.Second, 30 * time.Second, 29499 * time.Millisecond, "the clock of Prometheus is about 30s ahead of this machine's"},
		{"1699996400", 2 * time.Second, -time.Hour - time.Second, time.Hour - time.Millisecond, "the clock of Prometheus is about 1h0m1s behind this machine's"},
		// An answer that takes long proves nothing.
		{"1700000010", 30 * time.Second, -5 * time.Second, 0, "the clock of Prometheus is about 5s behind this machine's"},
	} {
		got, err := answering(t, fmt.Sprintf(`"scalar","result":[1,%q]`, c.told), c.took)
		require.NoError(t, err, c.told)
		require.Equal(t, c.ahead, got.Ahead, c.told)
		require.Equal(t, c.surely, got.Surely(), c.told)
		require.Equal(t, c.words, got.String())
	}
}

// What does not tell a time is no skew.
func TestNoTimeIsNoSkew(t *testing.T) {
	for _, result := range []string{
		`"scalar","result":[1,"NaN"]`, `"scalar","result":[1,"+Inf"]`, `"scalar","result":[1,"-5"]`, `"scalar","result":[1,"1e300"]`,
		`"vector","result":[]`,
	} {
		_, err := answering(t, result, 0)
		require.Error(t, err, result)
	}
}

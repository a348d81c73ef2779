package rollback

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTargetBad(t *testing.T) {
	target := Revision{Hash: "h1", Version: "v1", Number: "1", ReplicaSet: "checkout-h1", Template: json.RawMessage(`{"metadata":{"annotations":{"a":"b"}},"spec":{"containers":[{"image":"shop/checkout:v1"}]}}`)}
	restarted := json.RawMessage(`{"metadata":{"annotations":{"a":"b","kubectl.kubernetes.io/restartedAt":"now"}},"spec":{"containers":[{"image":"shop/checkout:v1"}]}}`)
	t0 := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		pin  Pin
		past []PastWatch
		bad  bool
	}{
		"nothing is known of it":          {Pin{Target: &target}, nil, false},
		"it passed":                       {Pin{Target: &target}, []PastWatch{{Hash: "h1", Passed: true}}, false},
		"another release was proven bad":  {Pin{Target: &target}, []PastWatch{{Hash: "h0", Bad: true}}, false},
		"it was proven bad":               {Pin{Target: &target}, []PastWatch{{Hash: "h0", Passed: true}, {Hash: "h1", Bad: true, T0: t0}}, true},
		"it was proven bad by a restart":  {Pin{Target: &target}, []PastWatch{{Hash: "h2", Template: restarted, Bad: true, T0: t0}}, true},
		"passed once, proven bad by once": {Pin{Target: &target}, []PastWatch{{Hash: "h1", Passed: true}, {Hash: "h1", Bad: true, T0: t0}}, true},
		"there is no target":              {Pin{}, []PastWatch{{Hash: "h1", Bad: true}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := TargetBad(tc.pin, tc.past)
			require.Equal(t, tc.bad, r != nil)
			if r != nil {
				require.Equal(t, RefuseTargetBad, r.Code)
				require.Contains(t, r.Reason, "v1 (revision 1), the version to go back to, was proven bad itself by the watch that began at 2026-11-22 10:00:00 UTC")
				require.False(t, r.Asks(), "an approval does not get around it")
			}
		})
	}
}

package chaos

import (
	"testing"
	"time"
)

// eventually polls until done, and fails with the last explanation when the limit is over.
func eventually(t *testing.T, limit time.Duration, done func() (bool, string)) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		ok, why := done()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %s", limit, why)
		}
		<-time.After(200 * time.Millisecond)
	}
}

// pause lets time pass where the passing of time itself is what is tested.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

package control

import (
	"strings"
	"testing"
)

// What cannot be the key of a watch is not looked for, and whoever asks learns what is wrong with it.
func TestAWatchKeyThatCannotBeOne(t *testing.T) {
	for _, bad := range []string{"a b", "*", "a.>", ".a", "a..b", strings.Repeat("x", maxKey+1)} {
		a := Asked{Verb: Journal, Request: Request{Watch: bad}}
		if err := a.check(); err == nil || !strings.Contains(err.Error(), `field "watch"`) || !strings.Contains(err.Error(), "rollbackctl list") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := (Asked{Verb: Journal, Request: Request{Watch: "production.shop.3f0c"}}).check(); err != nil {
		t.Error(err)
	}
}

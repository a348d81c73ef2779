package watch

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A watch that waits for its version, and may not see it, ends with the API server's own words. While that is merely
// away, or forbids things only now and then, the watch waits.
func TestAWatchThatMayNotLook(t *testing.T) {
	forbidden := fmt.Errorf("unable to read: %w", apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "app",
		errors.New(`User "rollbackd" cannot get resource "services"`)))
	for name, tc := range map[string]struct {
		answer func(n int) error
		ends   bool
	}{
		"forbidden":      {func(int) error { return forbidden }, true},
		"away":           {func(int) error { return errDown }, false},
		"away by and by": {func(n int) error { return []error{forbidden, forbidden, errDown}[n%3] }, false},
		"a proxy that says": {func(int) error {
			return errors.New("the server responded with the status code 403 but did not return more information")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run(func(o *Options) { o.Cache = noCache{cacheOf{w}} })
				n := 0
				w.failing(func(call string, done bool) error {
					if call != "cluster.read" || done {
						return nil
					}
					n++
					return tc.answer(n)
				})
				require.NoError(t, p.Accept(t.Context(), w.document()))
				time.Sleep(4 * time.Minute)
				require.Equal(t, Pending, p.Watches()[0].State)
				time.Sleep(2 * time.Minute)
				v := p.Watches()[0]
				require.Equal(t, tc.ends, v.State == Inconclusive, v.State)
				if tc.ends {
					require.Contains(t, v.Reason, `User "rollbackd" cannot get resource "services"`)
					return
				}
				w.failing(nil)
				time.Sleep(time.Minute)
				require.NotNil(t, p.Watches()[0].Pin, "it is watched in the end")
			})
		})
	}
}

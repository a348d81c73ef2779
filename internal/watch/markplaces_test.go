package watch

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/rollback"
)

// searchedPlaces notes where marks are looked for; refuse says where they may not be.
func searchedPlaces(w *world, refuse string) *[]string {
	var asked []string
	w.failing(func(call string, done bool) error {
		where, ok := strings.CutPrefix(call, "marks.annotated ")
		if !ok || done {
			return nil
		}
		asked = append(asked, strings.TrimSpace(where))
		if where == refuse {
			return forbids(where)
		}
		return nil
	})
	return &asked
}

// TestMarksAreLookedForWhereTheyMayBe: of Deployments in the namespaces of the policies, and of other kinds where the configuration has them. Nothing is
// asked for that the Role need not grant. Each place is asked for once, and what another configuration adds when that holds.
func TestMarksAreLookedForWhereTheyMayBe(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		asked := searchedPlaces(w, "")
		shop := func(o *Options) {
			o.Marks, o.Pause, o.Policies[0].Match = marksOf{w}, nil, []Match{{Namespace: "shop"}}
		}
		p := w.run(shop)
		settle(time.Minute)
		require.Equal(t, []string{"Deployment shop"}, *asked)
		rules := p.rules()
		rules.Kinds = []rollback.Kind{rollback.KindStatefulSet}
		p.Replace(rules)
		settle(time.Minute)
		require.Equal(t, []string{"Deployment shop", "StatefulSet shop"}, *asked)
		rules.Policies, rules.Namespaces = []Policy{{}}, []string{"shop", "pay"}
		p.Replace(rules)
		settle(time.Minute)
		require.ElementsMatch(t, []string{"Deployment shop", "StatefulSet shop", "Deployment pay", "StatefulSet pay"}, *asked)
	})
}

// TestMarksAreLookedForAroundWatches of a kind that the configuration does not name, and where all namespaces may not be seen at once.
func TestMarksAreLookedForAroundWatches(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		asked := searchedPlaces(w, "Deployment ")
		w.live.Workload.Kind = rollback.KindStatefulSet
		p := w.run(marking(w), func(o *Options) { o.Pause = nil })
		settle(time.Minute)
		require.Equal(t, []string{"Deployment"}, *asked)
		require.NoError(t, p.Accept(t.Context(), w.document(`"version"`, `"kind":"StatefulSet","version"`)))
		settle(time.Minute)
		require.Equal(t, []string{"Deployment", "StatefulSet shop"}, *asked)
	})
	inBubble(t, func(t *testing.T, w *world) {
		asked := searchedPlaces(w, "Deployment ")
		p := w.run(marking(w), func(o *Options) { o.Pause = nil })
		settle(time.Second)
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		settle(time.Minute)
		require.Equal(t, []string{"Deployment", "Deployment shop"}, *asked)
	})
}

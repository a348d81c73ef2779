package watch

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
)

// A watch that waits for a person is found however many deployments of the namespace came after it.
func TestWhatIsOpenIsListedBeforeWhatHasEnded(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) { o.Policies[0].Stages[0].Mode, o.Policies[0].Stages[1].Mode = Approve, Approve })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		waiting := w.await(p, AwaitingApproval)
		p.mu.Lock()
		for i := range maxListed + 5 {
			newer := waiting
			newer.Key, newer.State = fmt.Sprintf("production.shop.%03d", i), Healthy
			newer.Event.ID, newer.Incident = newer.Key, ""
			newer.AcceptedAt = waiting.AcceptedAt.AddDate(0, 0, i+1)
			p.ended[newer.Key] = newer
		}
		p.mu.Unlock()
		target := checkout()
		target.Workload = control.AllWorkloads
		reply := p.Ask(t.Context(), control.Asked{By: "ana", Verb: control.List, Target: target})
		var views []View
		require.NoError(t, json.Unmarshal(reply.Watches, &views))
		require.Len(t, views, maxListed)
		require.Equal(t, "production.shop.104", views[0].ID, "the newest first")
		require.Equal(t, waiting.Key, views[maxListed-1].ID)
		require.Equal(t, []string{"6 older ones are not shown"}, reply.Notes)

		p.mu.Lock()
		for key, ended := range p.ended {
			ended.State = Watching // so many that not even those that are open are all shown
			p.ended[key] = ended
		}
		p.mu.Unlock()
		target.Namespace = control.AllNamespaces
		reply = p.Ask(t.Context(), control.Asked{By: "ana", Verb: control.List, Target: target})
		require.NoError(t, json.Unmarshal(reply.Watches, &views))
		require.NotContains(t, views, waiting.View())
		for _, id := range []string{waiting.Key, waiting.Incident, "d1"} {
			reply = p.Ask(t.Context(), control.Asked{By: "ana", Verb: control.List, Target: target, Request: control.Request{Reading: control.Reading{Find: id}}})
			views = nil
			require.NoError(t, json.Unmarshal(reply.Watches, &views))
			require.Len(t, views, 1, id)
			require.Equal(t, waiting.Key, views[0].ID)
		}
	})
}

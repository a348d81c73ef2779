package watch

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// Pages of the newest incidents, one after the other, are all of them in order, whatever order they were stored in.
func TestNewestInPages(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := New(w.options())
		var want []string
		const all = 57
		for i := range all { // two of each instant
			want = append(want, fmt.Sprintf("production.shop.%03d", all-1-i))
		}
		for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(all) {
			d := incident.Digest{Watch: fmt.Sprintf("production.shop.%03d", all-1-i), Incident: "i", Environment: "production", Namespace: "shop", Workload: "checkout",
				Times: incident.DigestTimes{Accepted: w.t0.Add(-time.Duration(i) * time.Minute)}}
			require.NoError(t, ledgerOf{w}.Put(t.Context(), "incident."+d.Watch, func([]byte) []byte { return d.Line() }))
		}
		var got []string
		q := LedgerQuery{Most: 10}
		for {
			found, more, err := s.Newest(t.Context(), q)
			require.NoError(t, err)
			for _, d := range found {
				got = append(got, d.Watch)
			}
			if !more {
				break
			}
			q.Before, err = ParseLedgerMark(MarkOf(found[len(found)-1]).String())
			require.NoError(t, err)
		}
		require.Equal(t, want, got)
	})
}

func TestNewestThatAreWanted(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := New(w.options())
		for key, d := range map[string]incident.Digest{
			"incident.production.shop.a": {Watch: "production.shop.a", Incident: "i-a", Environment: "production", Namespace: "shop", Workload: "checkout", Final: true},
			"incident.production.bank.b": {Watch: "production.bank.b", Incident: "i-b", Environment: "production", Namespace: "bank", Workload: "cart"},
			"watch.staging.shop.c":       {Watch: "staging.shop.c", Environment: "staging", Namespace: "shop", Workload: "checkout", Final: true},
		} {
			d.Times.Accepted = w.t0
			require.NoError(t, ledgerOf{w}.Put(t.Context(), key, func([]byte) []byte { return d.Line() }))
		}
		for name, c := range map[string]struct {
			q    LedgerQuery
			want []string
		}{
			"incidents":        {LedgerQuery{}, []string{"production.bank.b", "production.shop.a"}},
			"all":              {LedgerQuery{All: true}, []string{"production.bank.b", "production.shop.a", "staging.shop.c"}},
			"an environment":   {LedgerQuery{All: true, Environment: "staging"}, []string{"staging.shop.c"}},
			"a namespace":      {LedgerQuery{Namespace: "bank"}, []string{"production.bank.b"}},
			"a workload":       {LedgerQuery{Workload: "checkout"}, []string{"production.shop.a"}},
			"open":             {LedgerQuery{Open: true}, []string{"production.bank.b"}},
			"since":            {LedgerQuery{Since: w.t0.Add(time.Second)}, nil},
			"no name":          {LedgerQuery{Environment: "production.>"}, nil},
			"no namespace":     {LedgerQuery{Namespace: "*.b"}, nil},
			"stars by the way": {LedgerQuery{Namespace: "*"}, nil},
		} {
			c.q.Most = 10
			found, _, err := s.Newest(t.Context(), c.q)
			require.NoError(t, err)
			var got []string
			for _, d := range found {
				got = append(got, d.Watch)
			}
			require.Equal(t, c.want, got, name)
		}

		_, err := namesOf{w}.Claim(t.Context(), "i-a", "production.shop.a")
		require.NoError(t, err)
		_, err = namesOf{w}.Claim(t.Context(), "deploy_1", "production.shop.a")
		require.NoError(t, err)
		for name, want := range map[string]string{
			"i-a": "production.shop.a", "production.bank.b": "production.bank.b", "staging.shop.c": "staging.shop.c",
			"deploy_1": "", "none": "", "production.shop.*": "", "production.shop.none": "",
		} {
			d, err := s.Digest(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, want, d.Watch, name)
		}
	})
}

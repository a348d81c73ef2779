package rollback

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestVersionLabelsNameATemplate(t *testing.T) {
	template := func(labels, image string) json.RawMessage {
		return fmt.Appendf(nil, `{"metadata":{"labels":%s},"spec":{"containers":[{"name":"app","image":%q}]}}`, labels, image)
	}
	both := `{"app.kubernetes.io/version":"2.0","version":"green","release":"r7"}`
	for _, tt := range []struct {
		name    string
		labels  VersionLabels
		raw     json.RawMessage
		shown   string
		matches []string
		not     []string
	}{
		{"without any the usual ones count", nil, template(both, "app:v2"), "2.0", []string{"2.0", "green", "v2"}, []string{"r7", ""}},
		{"those that are named count alone", VersionLabels{"release"}, template(both, "app:v2"), "r7", []string{"r7", "v2"}, []string{"2.0", "green", ""}},
		{"the first that is there is shown", VersionLabels{"missing", "release", "version"}, template(both, "app:v2"), "r7", []string{"r7", "green"}, []string{"2.0"}},
		{"an empty label says nothing", VersionLabels{"release"}, template(`{"release":""}`, "app:v2"), "v2", []string{"v2"}, []string{""}},
		{"without a label the image's tag is shown", VersionLabels{"release"}, template(`{}`, "app:v2@"+digest), "v2", []string{"v2", digest}, nil},
		{"without a tag its digest", VersionLabels{"release"}, template(`{}`, "app@"+digest), digest, []string{digest}, []string{"app"}},
		{"without either it has no name", nil, template(`{}`, "app"), "", nil, []string{"", "app"}},
		{"what is no template has no name", nil, json.RawMessage(`{`), "", nil, []string{""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Snapshot{Template: tt.raw, VersionLabels: tt.labels}
			require.Equal(t, tt.shown, s.Version())
			for _, version := range tt.matches {
				require.True(t, s.Runs(version), version)
			}
			for _, version := range tt.not {
				require.False(t, s.Runs(version), version)
			}
		})
	}
}

func TestADrillIsAnnouncedByConfiguredLabels(t *testing.T) {
	d := Drill{Good: podSpec("v1"), Bad: podSpec("v2"), VersionLabels: VersionLabels{"app"}}
	require.Equal(t, []string{"checkout", "checkout"}, []string{d.GoodVersion(), d.Version()})
	d.VersionLabels = nil
	require.Equal(t, []string{"v1", "v2"}, []string{d.GoodVersion(), d.Version()})
}

// TestConfiguredVersionLabelsCountWhateverIsRead: a reader that went by the usual labels would call the same release by another name
// than the rest of the daemon, and wait for it without end.
func TestConfiguredVersionLabelsCountWhateverIsRead(t *testing.T) {
	byColour, sw := VersionLabels{colourKey}, toGreen()
	checkColours := func(t *testing.T, s Snapshot) {
		t.Helper()
		require.Equal(t, "green", s.Version())
		require.True(t, s.Runs("green"))
		require.Equal(t, "green", s.Live.Version)
		require.Len(t, s.Switch.Old, 1)
		require.Equal(t, "blue", s.Switch.Old[0].Version())
		require.Equal(t, "blue", s.Switch.Old[0].Live.Version)
		rev, _, ok, why := Settle(s, "green")
		require.True(t, ok, why)
		require.Equal(t, "green", rev.Version)
	}
	t.Run("live", func(t *testing.T) {
		cluster := NewCluster(colours(t), Options{VersionLabels: byColour})
		s, err := cluster.Read(t.Context(), green(), &sw)
		require.NoError(t, err)
		checkColours(t, s)
		histories, err := cluster.Histories(t.Context(), "shop")
		require.NoError(t, err)
		for _, h := range histories {
			for _, r := range h.Revisions {
				require.Contains(t, []string{"green", "blue", "red"}, r.Version)
			}
		}
		canary, err := cluster.ReadCanary(t.Context(), green(), Canary{Stable: "checkout-blue", Named: true, Undo: true})
		require.NoError(t, err)
		require.Equal(t, "blue", canary.Canary.Stable.Version())
		require.False(t, Promoted(Pin{Release: *canary.Live}, canary))
	})
	t.Run("from the cache", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, _ := runWatcher(t, colours(t), WatcherOptions{VersionLabels: byColour})
			require.NoError(t, w.Watch(t.Context(), green()))
			checkColours(t, cachedColours(t, w, sw))
		})
	})
	t.Run("of other kinds", func(t *testing.T) {
		eachKind(t, func(t *testing.T, kind Kind) {
			s, err := NewCluster(webs(t, kind), Options{VersionLabels: VersionLabels{"app"}}).Read(t.Context(), Workload{Kind: kind, Namespace: "shop", Name: "web"}, nil)
			require.NoError(t, err)
			require.Equal(t, "checkout", s.Version())
			for _, r := range s.Revisions {
				require.Equal(t, "checkout", r.Version)
			}
		})
	})
}

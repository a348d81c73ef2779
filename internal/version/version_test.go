package version

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsKnownOfABuild(t *testing.T) {
	recorded := &debug.BuildInfo{
		GoVersion: "go1.26.8", Main: debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-11-26T08:00:00Z"}, {Key: "vcs.modified", Value: "true"}},
	}
	tests := map[string]struct {
		recorded *debug.BuildInfo
		told     Info
		want     string
	}{
		"recorded":             {recorded, Info{}, "v1.2.3 (commit 0123456789ab and changes, 2026-11-26T08:00:00Z, go1.26.8)"},
		"the linker was told":  {recorded, Info{Version: "v9", Commit: "ffff", Date: "today"}, "v9 (commit ffff, today, go1.26.8)"},
		"only the version was": {recorded, Info{Version: "v9"}, "v9 (commit 0123456789ab and changes, 2026-11-26T08:00:00Z, go1.26.8)"},
		"nothing is known":     {nil, Info{}, "unknown"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, of(test.recorded, test.told).String())
		})
	}
}

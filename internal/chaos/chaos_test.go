package chaos

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// calls notes what is done, and when the process dies among that.
type calls []string

func (c *calls) Append(context.Context, string, string, []byte, uint64) (uint64, error) {
	*c = append(*c, "append")
	return 1, nil
}

func (c *calls) Read(context.Context, string, func(uint64, []byte) error) error { return nil }

func (c *calls) Claim(context.Context, string, string) (string, error) {
	*c = append(*c, "claim")
	return "name", nil
}

func (c *calls) Owner(context.Context, string) (string, error) { return "", nil }

func (c *calls) Write(watch.Watch, []incident.Entry) error {
	*c = append(*c, "render")
	return nil
}

type clusterCalls struct {
	watch.Cluster
	done *calls
}

func (c clusterCalls) Apply(context.Context, rollback.Plan, string) (rollback.Result, string, error) {
	*c.done = append(*c.done, "apply")
	return rollback.Landed, "", nil
}

func TestDiesAtThePointAndNowhereElse(t *testing.T) {
	for point, want := range map[Point][]string{
		"append:intent:before":           {"append", "append", "append", "DEAD", "append", "claim", "apply", "render", "render"},
		"append:intent:after":            {"append", "append", "append", "append", "DEAD", "claim", "apply", "render", "render"},
		"append:state:Verifying:before":  {"append", "append", "DEAD", "append", "append", "claim", "apply", "render", "render"},
		"append:state:after":             {"append", "append", "DEAD", "append", "DEAD", "append", "claim", "apply", "render", "render"},
		"claim:before":                   {"append", "append", "append", "append", "DEAD", "claim", "apply", "render", "render"},
		"apply:after":                    {"append", "append", "append", "append", "claim", "apply", "DEAD", "render", "render"},
		"render:RolledBack:before":       {"append", "append", "append", "append", "claim", "apply", "render", "DEAD", "render"},
		"append:outcome:after":           {"append", "append", "append", "append", "claim", "apply", "render", "render"},
		"append:state:RollingBack:after": {"append", "append", "DEAD", "append", "append", "claim", "apply", "render", "render"},
	} {
		t.Run(string(point), func(t *testing.T) {
			var done calls
			o := At(watch.Options{Journal: &done, Names: &done, Records: &done, Cluster: clusterCalls{done: &done}}, point,
				func() { done = append(done, "DEAD") })
			for _, entry := range []string{
				`{"kind":"tick"}`, `{"kind":"state","state":{"to":"RollingBack"}}`, `{"kind":"state","state":{"to":"Verifying"}}`, `{"kind":"intent"}`,
			} {
				_, err := o.Journal.Append(t.Context(), "k", "i", []byte(entry), 0)
				require.NoError(t, err)
			}
			_, err := o.Names.Claim(t.Context(), "b", "o")
			require.NoError(t, err)
			_, _, err = o.Cluster.Apply(t.Context(), rollback.Plan{}, "i")
			require.NoError(t, err)
			for _, s := range []watch.State{watch.Watching, watch.RolledBack} {
				require.NoError(t, o.Records.Write(watch.Watch{State: s}, nil))
			}
			require.Equal(t, want, []string(done))
		})
	}
}

func TestPointsAreChecked(t *testing.T) {
	for _, good := range []string{"append:intent:before", "append:state:Held:after", "apply:after", "claim:before", "render:Held:before"} {
		_, err := ParsePoint(good)
		require.NoError(t, err)
	}
	for _, bad := range []string{"", "apply", "apply:x:before", "append:before", "render:after", "patch:before", "apply:during"} {
		_, err := ParsePoint(bad)
		require.ErrorContains(t, err, CrashVariable, bad)
	}
}

func TestWithoutAPointNothingIsDecorated(t *testing.T) {
	t.Setenv(CrashVariable, "")
	var done calls
	o, err := Decorate(watch.Options{Journal: &done})
	require.NoError(t, err)
	require.Same(t, &done, o.Journal)
}

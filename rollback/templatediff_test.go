package rollback

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/mask"
)

func TestTemplateDiffHidesSecrets(t *testing.T) {
	template := func(image, password string) []byte {
		return []byte(`{"spec":{"containers":[{"name":"app","image":"` + image + `","env":[{"name":"DB_PASSWORD","value":"` + password + `"},` +
			`{"name":"KEY","valueFrom":{"secretKeyRef":{"name":"keys","key":"api"}}}]}]}}`)
	}
	before := Revision{Version: "v1", Number: "1", Template: template("app:v1", "hunter1")}
	after := Revision{Version: "v2", Number: "2", Template: template(`app:v2\u001b[31m`, "hunter2")}
	diff, err := TemplateDiff(mask.Masker{}, before, after)
	require.NoError(t, err)
	for _, line := range []string{"--- v1 (revision 1)", "+++ v2 (revision 2)", `-          value: '*** (before)'`, `+          value: '*** (after)'`} {
		require.Contains(t, diff, line+"\n")
	}
	require.NotContains(t, diff, "hunter")
	require.NotContains(t, diff, "\x1b")

	plan := Plan{FromTemplate: after.Template, ToTemplate: before.Template}
	diff, err = plan.Diff(mask.Masker{})
	require.NoError(t, err)
	require.NotContains(t, diff, "hunter")
	require.Equal(t, 2, strings.Count(diff, "***"))

	same, err := TemplateDiff(mask.Masker{}, before, before)
	require.NoError(t, err)
	require.Empty(t, same)

	_, err = TemplateDiff(mask.Masker{}, before, Revision{Template: []byte("[")})
	require.ErrorContains(t, err, "revision")
}

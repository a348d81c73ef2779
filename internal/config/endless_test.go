package config

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const twoSinks = "  sinks:\n    - {name: pager, pagerDuty: {routingKeyFile: /secrets/pager}}\n    - {name: hook, webhook: {url: https://hook.example, secretFiles: [/secrets/a, /secrets/b]}}\n"

// Whoever is told that an incident began, and not that it is over, has an alert that never ends.
func TestRoutesThatKeepAnIncidentOpen(t *testing.T) {
	for name, tc := range map[string]struct {
		routes string
		says   []string
	}{
		"all kinds":     {"{sinks: [pager, hook]}", nil},
		"no beginning":  {"{kinds: [deployed, healthy], sinks: [pager]}, {sinks: [hook]}", nil},
		"both ends":     {"{kinds: [regressed, resolved, rolled-back], sinks: [pager]}, {sinks: [hook]}", nil},
		"another route": {"{kinds: [regressed], sinks: [pager]}, {kinds: [resolved, rolled-back], sinks: [pager]}, {sinks: [hook]}", nil},
		"no end": {"{kinds: [regressed, rolled-back], sinks: [pager]}, {sinks: [hook]}", []string{
			`notify.routes[0].kinds: do not have "resolved", so that "pager" is told that an incident began and keeps it open when it is over; add resolved`}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse(append(edited(inPolicy("mode: automatic")...), "\nnotify:\n"+twoSinks+"  routes: ["+tc.routes+"]\n"...))
			require.NoError(t, err)
			var got []string
			c.endless(func(at []any, format string, args ...any) {
				f := findingAt(c.root, at, format, args...)
				f.Line = 0
				got = append(got, f.String())
			})
			require.Equal(t, tc.says, got)
		})
	}
}

// A secret may come after the configuration, but a misspelt path is found before the night in which it is needed.
func TestFilesThatAreMissing(t *testing.T) {
	c, err := Parse(append(edited(inPolicy("mode: automatic")...), "\nnotify:\n"+twoSinks...))
	require.NoError(t, err)
	var got []string
	for _, f := range c.MissingFiles(func(path string) error {
		if path == "/secrets/a" {
			return nil
		}
		return errors.New(path + " is not there")
	}) {
		require.NotZero(t, f.Line)
		file, _, _ := strings.Cut(f.Message, " ")
		got = append(got, f.Field+": "+file)
	}
	require.Equal(t, []string{"notify.sinks[0].pagerDuty.routingKeyFile: /secrets/pager", "notify.sinks[1].webhook.secretFiles[1]: /secrets/b"}, got)
}

// The web configuration is a file too, though its key does not say so.
func TestAWebConfigurationThatIsMissing(t *testing.T) {
	c, err := Parse(edited(inTop("http: {webConfig: /secrets/web.yml}")...))
	require.NoError(t, err)
	missing := c.MissingFiles(func(string) error { return errors.New("no") })
	require.Len(t, missing, 1)
	require.Equal(t, "http.webConfig", missing[0].Field)
}

// A small file cannot make the daemon take much memory, however deep it nests.
func TestADeepFileTakesLittleMemory(t *testing.T) {
	text := edited(inTop("freeze: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000))...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Parse(text)
	runtime.ReadMemStats(&after)
	require.Error(t, err)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
}

package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/rollbackd/rollbackd/internal/config"
)

// least is a configuration whose policy, level of the log and address can be chosen.
const least = `instance: test
environments: [production]
prometheus: {url: "http://127.0.0.1:9090"}
log: {level: %s}
http: {listen: "127.0.0.1:%d"}
reload: {every: 1s}
policies:
- name: %s
  signals:
  - {name: errors, requests: r, errors: e}
`

func configuration(level string, port int, policy string) string {
	return fmt.Sprintf(least, level, port, policy)
}

// reloading is a daemon's settings, on a file.
type reloading struct {
	*settings
	path string
	logs *observer.ObservedLogs
}

func newReloading(t *testing.T) reloading {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollbackd.yaml")
	r := reloading{path: path}
	r.write(t, configuration("info", 1, "first"))
	cfg, err := config.Load(path)
	require.NoError(t, err)
	level := zap.NewAtomicLevel()
	core, logs := observer.New(level)
	r.logs = logs
	r.settings = newSettings(cfg, level, zap.New(core), prometheus.NewRegistry())
	return r
}

func (r reloading) write(t *testing.T, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(r.path, []byte(text), 0o600))
}

func (r reloading) policy() string { return r.now().WatchPolicies()[0].Name }

// shows requires what the metrics and the pages tell.
func (r reloading) shows(t *testing.T, successful, waiting float64, remarks ...string) {
	t.Helper()
	require.Equal(t, successful, testutil.ToFloat64(r.successful))
	require.Equal(t, waiting, testutil.ToFloat64(r.waiting))
	got := r.remarks()
	require.Len(t, got, len(remarks), "%q", got)
	for i, want := range remarks {
		require.Contains(t, got[i], want)
	}
}

func TestReload(t *testing.T) {
	r := newReloading(t)
	since := testutil.ToFloat64(r.succeeded)
	r.shows(t, 1, 0)

	r.write(t, configuration("debug", 1, "second"))
	require.NoError(t, r.reload())
	require.Equal(t, "second", r.policy())
	require.Equal(t, zap.DebugLevel, r.level.Level())
	r.shows(t, 1, 0)
	require.GreaterOrEqual(t, testutil.ToFloat64(r.succeeded), since)

	// What is wrong is named, and nothing of it holds.
	since = testutil.ToFloat64(r.succeeded)
	r.write(t, configuration("loud", 1, "third"))
	require.ErrorContains(t, r.reload(), r.path+`: line 4: log.level: "loud" is not a level; use debug, info, warn or error`)
	require.Equal(t, "second", r.policy())
	require.Equal(t, zap.DebugLevel, r.level.Level())
	require.Equal(t, since, testutil.ToFloat64(r.succeeded))
	r.shows(t, 0, 0, `log.level: "loud" is not a level`)
	failed := r.logs.FilterMessage("the configuration has not been replaced; the one of before is kept").All()
	require.Len(t, failed, 1)
	require.Contains(t, failed[0].ContextMap()["error"], "log.level")

	// What can only change with a restart waits for one, and the rest holds.
	r.write(t, configuration("warn", 2, "fourth"))
	require.NoError(t, r.reload())
	require.Equal(t, "fourth", r.policy())
	require.Equal(t, "127.0.0.1:1", r.now().HTTP.Listen)
	r.shows(t, 1, 1, "waiting for a restart: http.listen")
	r.level.SetLevel(zap.InfoLevel)

	// Once it is taken back, nothing waits. A level that was set by a request goes on, because the file's is the same.
	r.write(t, configuration("warn", 1, "fifth"))
	require.NoError(t, r.reload())
	require.Equal(t, zap.InfoLevel, r.level.Level())
	r.shows(t, 1, 0)

	require.NoError(t, os.Remove(r.path))
	require.ErrorIs(t, r.reload(), os.ErrNotExist)
	require.Equal(t, "fifth", r.policy())
}

// The log names the fields that wait for a restart.
func TestFieldsThatWaitForARestartAreLogged(t *testing.T) {
	r := newReloading(t)
	r.write(t, configuration("info", 2, "first"))
	require.NoError(t, r.reload())
	require.Len(t, r.logs.FilterMessage("field http.listen has changed; it takes effect after a restart").All(), 1)
}

// Nothing holds of a configuration that the replica, or its term, cannot use.
func TestReloadIsAllOrNothing(t *testing.T) {
	r := newReloading(t)
	var problem error
	used := 0
	detach, err := r.attach(r.now(), func(*config.Config) (func(), error) { return func() { used++ }, problem })
	require.NoError(t, err)
	r.write(t, configuration("debug", 1, "second"))

	r.trying(func(*config.Config) error { return fmt.Errorf("notify.sinks[0]: no") })
	require.ErrorContains(t, r.reload(), "notify.sinks[0]: no")
	r.trying(func(*config.Config) error { return nil })
	problem = fmt.Errorf("the term cannot")
	require.ErrorContains(t, r.reload(), "the term cannot")
	require.Zero(t, used)
	require.Equal(t, "first", r.policy())
	require.Equal(t, zap.InfoLevel, r.level.Level())

	problem = nil
	require.NoError(t, r.reload())
	require.Equal(t, 1, used)
	require.Equal(t, "second", r.policy())
	detach()
	require.NoError(t, r.reload())
	require.Equal(t, 1, used, "the term is over")
}

// A configuration that was replaced while a term was being made is the one that it begins with.
func TestATermBeginsWithTheNewest(t *testing.T) {
	r := newReloading(t)
	made := r.now()
	r.write(t, configuration("info", 1, "second"))
	require.NoError(t, r.reload())
	var used string
	detach, err := r.attach(made, func(c *config.Config) (func(), error) {
		return func() { used = c.WatchPolicies()[0].Name }, nil
	})
	require.NoError(t, err)
	defer detach()
	require.Equal(t, "second", used)
}

// The file is followed, and so is whoever asks, both while it is being written over.
func TestTheFileIsFollowed(t *testing.T) {
	r := newReloading(t)
	asked := make(chan struct{}, 1)
	var following sync.WaitGroup
	ctx := t.Context()
	following.Go(func() { r.follow(ctx, asked) })
	t.Cleanup(following.Wait)
	awaitThat := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !done(); <-time.After(10 * time.Millisecond) {
			require.True(t, time.Now().Before(deadline), what)
		}
	}
	r.write(t, configuration("info", 1, "second"))
	awaitThat("the file's change is noticed", func() bool { return r.policy() == "second" })
	r.write(t, strings.Replace(configuration("info", 1, "third"), "signals", "singals", 1))
	asked <- struct{}{}
	awaitThat("the broken file is refused", func() bool { return testutil.ToFloat64(r.successful) == 0 })
	require.Equal(t, "second", r.policy())
	r.write(t, configuration("info", 1, "fourth"))
	awaitThat("the mended file is noticed", func() bool { return r.policy() == "fourth" })
	r.shows(t, 1, 0)
}

// Whoever asks has the file read before its change was looked at. What is put back then is a change again.
func TestWhatIsPutBackIsNoticed(t *testing.T) {
	r := newReloading(t)
	asked := make(chan struct{}, 1)
	var following sync.WaitGroup
	ctx := t.Context()
	following.Go(func() { r.follow(ctx, asked) })
	t.Cleanup(following.Wait)

	first, err := os.ReadFile(r.path)
	require.NoError(t, err)
	r.write(t, configuration("info", 1, "second"))
	require.NoError(t, r.reload())
	r.write(t, string(first))
	require.Eventually(t, func() bool { return r.policy() == "first" }, 20*time.Second, 10*time.Millisecond, "the daemon goes by what the file says")

	r.write(t, "broken")
	require.Error(t, r.reload())
	r.write(t, string(first))
	require.Eventually(t, func() bool { return testutil.ToFloat64(r.successful) == 1 }, 20*time.Second, 10*time.Millisecond, "the file can be used again")
}

// The file of a Secret may come later than the configuration that names it. That it is not there yet is told once.
func TestAConfigurationIsTriedAgain(t *testing.T) {
	r := newReloading(t)
	r.settings.again = 10 * time.Millisecond
	var mu sync.Mutex
	problem, tries := fmt.Errorf("token: no such file"), 0
	r.trying(func(*config.Config) error {
		mu.Lock()
		defer mu.Unlock()
		tries++
		return problem
	})
	var following sync.WaitGroup
	ctx := t.Context()
	following.Go(func() { r.follow(ctx, nil) })
	t.Cleanup(following.Wait)
	r.write(t, configuration("info", 1, "second"))
	tried := func(n int) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return tries >= n
		}
	}
	require.Eventually(t, tried(5), 20*time.Second, 10*time.Millisecond)
	require.Equal(t, "first", r.policy())
	require.Len(t, r.logs.FilterMessage("the configuration has not been replaced; the one of before is kept").All(), 1)

	mu.Lock()
	problem = nil
	mu.Unlock()
	require.Eventually(t, func() bool { return r.policy() == "second" }, 20*time.Second, 10*time.Millisecond)
	r.shows(t, 1, 0)
}

// Whoever reads the log sees why it has become more, or less.
func TestSettingTheLevelIsLogged(t *testing.T) {
	r := newReloading(t)
	for _, level := range []zapcore.Level{zap.ErrorLevel, zap.DebugLevel} {
		r.setLevel(level)
		require.Equal(t, level, r.level.Level())
		told := r.logs.FilterMessage("the level of the log has been set by a request").TakeAll()
		require.Len(t, told, 1)
		require.Equal(t, level.String(), told[0].ContextMap()["level"])
		r.logs.TakeAll()
	}
}

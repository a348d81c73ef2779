package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/watch"
)

const clockTable = "The daemon's clock is stepped, while a breach is held"

// TestClockIsStepped: the wall clock of the real program jumps under it, and what it depends on keeps the right time. Nothing is
// rolled back while the clocks are apart, since what was measured when is not known then; once they agree, the release is.
func TestClockIsStepped(t *testing.T) {
	w := onStack(t)
	onlyWhole(t)
	binary := buildStepped(t)
	for _, c := range []struct {
		name string
		step time.Duration
	}{
		{"10 min forward for 25 s", 10 * time.Minute},
		{"10 min back for 25 s", -10 * time.Minute},
		{"45 s forward for 25 s", 45 * time.Second},
		{"45 s back for 25 s", -45 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			clock := steppedClock{t: t, file: filepath.Join(t.TempDir(), "step")}
			clock.step(0)
			f := newFaulty(t, w, clockTable, c.name, func(s *settings) { s.Binary, s.ClockStep = binary, clock.file })
			clock.step(c.step)
			f.during(25 * time.Second) // the breach would be proven after 15 s
			clock.step(0)
			f.recovers(watch.RolledBack, 1)
		})
	}
}

// stepVariable names the file that has by how many seconds the clock of a program from buildStepped is off.
const stepVariable = "ROLLBACKD_CLOCK_STEP"

// steppedClock is the clock of one daemon.
type steppedClock struct {
	t    *testing.T
	file string
}

// step puts the clock off the right time; it takes effect within a fraction of a second.
func (c steppedClock) step(off time.Duration) {
	c.t.Helper()
	next := c.file + ".new"
	require.NoError(c.t, os.WriteFile(next, []byte(strconv.Itoa(int(off.Seconds()))), 0o600))
	require.NoError(c.t, os.Rename(next, c.file))
}

// buildStepped builds rollbackd with a clock that can be stepped as a machine's can: time.Now is off by what a file says, and the
// monotonic clock goes on. Go's own time package is replaced for this one build, so nothing in the program can miss the step.
func buildStepped(t *testing.T) string {
	t.Helper()
	root, err := localstack.Root()
	require.NoError(t, err)
	goroot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	original := filepath.Join(strings.TrimSpace(string(goroot)), "src", "time", "time.go")
	text, err := os.ReadFile(original)
	require.NoError(t, err)
	const read = "sec, nsec, mono := runtimeNow()\n"
	require.Equal(t, 1, bytes.Count(text, []byte(read)), "time.Now has changed: see what it does now, and step that")
	folder := t.TempDir()
	changed := bytes.ReplaceAll(text, []byte(read), []byte(read+"\tsec += stepped.Load()\n"))
	files := map[string]string{}
	for name, content := range map[string][]byte{"time.go": changed, "stepped.go": []byte(steppedSource)} {
		files[filepath.Join(filepath.Dir(original), name)] = filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": files})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "overlay.json"), overlay, 0o600))
	binary := filepath.Join(folder, "rollbackd")
	require.NoError(t, build(root, nil, "-tags", "chaos", "-overlay", filepath.Join(folder, "overlay.json"), "-o", binary, "./cmd/rollbackd"))
	return binary
}

// steppedSource is the part of package time that reads the step.
var steppedSource = fmt.Sprintf(`package time

import (
	"sync/atomic"
	"syscall"
)

var stepped atomic.Int64

func init() {
	file, ok := syscall.Getenv(%q)
	if !ok {
		return
	}
	stepped.Store(readStep(file))
	go func() {
		for {
			Sleep(20 * Millisecond)
			stepped.Store(readStep(file))
		}
	}()
}

func readStep(file string) int64 {
	fd, err := syscall.Open(file, syscall.O_RDONLY, 0)
	if err != nil {
		panic("clock step: " + err.Error())
	}
	defer syscall.Close(fd)
	var text [32]byte
	n, err := syscall.Read(fd, text[:])
	if err != nil || n == 0 {
		panic("clock step: the file is empty")
	}
	digits, sign := text[:n], int64(1)
	if digits[0] == '-' {
		digits, sign = digits[1:], -1
	}
	var seconds int64
	for _, d := range digits {
		seconds = seconds*10 + int64(d-'0')
	}
	return sign * seconds
}
`, stepVariable)

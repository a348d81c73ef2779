package filewatch

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// mount makes a file as Kubernetes mounts a ConfigMap: config.yaml → ..data/config.yaml, ..data → a folder of this version.
func mount(t *testing.T, dir, version, text string) string {
	t.Helper()
	require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o700))
	write(t, filepath.Join(dir, version, "config.yaml"), text)
	next := filepath.Join(dir, "..data_tmp")
	require.NoError(t, os.Symlink(version, next))
	require.NoError(t, os.Rename(next, filepath.Join(dir, "..data")))
	path := filepath.Join(dir, "config.yaml")
	if _, err := os.Lstat(path); err != nil {
		require.NoError(t, os.Symlink(filepath.Join("..data", "config.yaml"), path))
	}
	return path
}

// Every way to replace a file is a change, once; what leaves its content as it is is none.
func TestWatch(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(t *testing.T, dir, path string)
		want   int
	}{
		{"nothing happens", func(*testing.T, string, string) {}, 0},
		{"written over", func(t *testing.T, _, path string) { write(t, path, "b") }, 1},
		{"written over with the same", func(t *testing.T, _, path string) { write(t, path, "a") }, 0},
		{"touched", func(t *testing.T, _, path string) { require.NoError(t, os.Chtimes(path, time.Now(), time.Now())) }, 0},
		{"renamed over", func(t *testing.T, dir, path string) {
			write(t, filepath.Join(dir, "new"), "b")
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Rename(filepath.Join(dir, "new"), path))
		}, 1},
		{"the ..data of a mount swapped", func(t *testing.T, dir, _ string) { mount(t, dir, "..2", "b") }, 1},
		{"a mount made anew with the same", func(t *testing.T, dir, _ string) { mount(t, dir, "..2", "a") }, 0},
		{"removed", func(t *testing.T, _, path string) { require.NoError(t, os.Remove(path)) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := mount(t, dir, "..1", "a")
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				calls := 0
				go Files{Paths: []string{path}, Every: Every}.Watch(ctx, func(context.Context) { calls++ })
				synctest.Wait()
				c.change(t, dir, path)
				time.Sleep(10 * Every)
				synctest.Wait()
				require.Equal(t, c.want, calls)
			})
		})
	}
}

// A file that is being written is left alone until it is the same in two looks.
func TestWhatIsBeingWrittenIsNotTakenForTheWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "whole")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var seen []string
		go Files{Paths: []string{path}, Every: Every}.Watch(ctx, func(context.Context) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			seen = append(seen, string(text))
		})
		synctest.Wait()
		time.Sleep(Every / 2)
		for _, part := range []string{"", "another", "another whole"} {
			write(t, path, part)
			time.Sleep(Every)
		}
		require.Empty(t, seen)
		time.Sleep(5 * Every)
		synctest.Wait()
		require.Equal(t, []string{"another whole"}, seen)
	})
}

// What changes between reading a file and watching it is a change too.
func TestAChangeBeforeWatchingBegins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	known := Sum([]string{path})
	if err := os.WriteFile(path, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	told := false
	Files{Paths: []string{path}, Every: time.Millisecond, Known: known}.Watch(ctx, func(context.Context) { told = true; cancel() })
	if !told {
		t.Error("nobody was told")
	}
}

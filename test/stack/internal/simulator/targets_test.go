package simulator

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestTargetFileIsWrittenOnlyWhenItChanges(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "targets")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	file := targetFile{path: filepath.Join(folder, "pods.json")}
	s := newSimulator()
	for i, want := range []bool{true, false, true, false} {
		if i == 2 {
			s.Observe(readyPod("a", "app:v1"))
		}
		if changed, err := file.write(s.targets("127.0.0.1:1")); err != nil || changed != want {
			t.Errorf("write %d changed the file: %t, %v", i, changed, err)
		}
	}
}

func TestManyChangesAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator()
		began, writes := time.Now(), []time.Duration(nil)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_ = paced(ctx, s.retarget, targetsPause, func() error {
				writes = append(writes, time.Since(began))
				return nil
			})
		}()
		time.Sleep(time.Second) // The first write, of nothing, is long over.
		for range 150 {         // 1.5 pauses of news.
			s.changed()
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		cancel()
		synctest.Wait()
		if len(writes) != 4 || writes[1] != time.Second || writes[2] != time.Second+targetsPause {
			t.Errorf("writes at %v", writes)
		}
	})
}

package builder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Options say where the sources are and where the programs go.
type Options struct {
	// Source is the folder of the stack's module.
	Source string
	// Folder holds the built programs; it is created if it is missing.
	Folder string
	// Tests has the programs built that only tests need, too.
	Tests bool
	// Progress gets the progress messages.
	Progress io.Writer
}

// Binaries are the paths of the built programs.
type Binaries struct {
	Kube, Kwok, Prometheus string
}

// Ensure builds the programs that are missing and returns the paths of all.
func Ensure(ctx context.Context, options Options) (Binaries, error) {
	parts, err := parts(options.Source)
	if err != nil {
		return Binaries{}, err
	}
	if options.Tests {
		parts = append(parts, alertmanagerPart(), promtoolPart())
	}
	if err := os.MkdirAll(options.Folder, 0o755); err != nil {
		return Binaries{}, fmt.Errorf("create the folder of built programs: %w", err)
	}
	paths := map[string]string{}
	for i, p := range parts {
		path := filepath.Join(options.Folder, p.fileName())
		title := fmt.Sprintf("[%d/%d] %s %s", i+1, len(parts), p.name, p.version)
		if err := ensure(ctx, p, path, newProgress(options.Progress, title, p.guess)); err != nil {
			return Binaries{}, err
		}
		paths[p.name] = path
	}
	return Binaries{Kube: paths["kube"], Kwok: paths["kwok"], Prometheus: paths["prometheus"]}, nil
}

// ensure builds one program unless it is there. A lock lets only one of several runs build it.
func ensure(ctx context.Context, p part, path string, progress *progress) error {
	if exists(path) {
		return nil
	}
	progress.start()
	defer progress.stop()
	unlock, err := lock(ctx, filepath.Join(filepath.Dir(path), p.name+".lock"), progress)
	if err != nil {
		return fmt.Errorf("wait for another build of %s: %w", p.name, err)
	}
	defer unlock()
	if exists(path) { // Another run has built it meanwhile.
		return nil
	}
	progress.say("building")
	if err := removeAbandoned(p.name, path); err != nil {
		return err
	}
	if err := build(ctx, p, path); err != nil {
		return fmt.Errorf("build %s %s: %w", p.name, p.version, err)
	}
	progress.say("built")
	return removeOld(p.name, path)
}

// build compiles in a folder of its own and renames, so that a half-built program is never used.
func build(ctx context.Context, p part, path string) error {
	folder, err := os.MkdirTemp(filepath.Dir(path), "build-"+p.name+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if p.prepare != nil {
		if err := p.prepare(ctx, folder); err != nil {
			return err
		}
	}
	var output bytes.Buffer
	cmd := p.command(ctx, folder)
	cmd.Stdout, cmd.Stderr = &output, &output
	// go must remove its work folder and end its compilers itself; it does so on an interrupt.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%w\n%s", err, lastLines(output.String(), 30))
	}
	return os.Rename(filepath.Join(folder, p.binary), path)
}

// lock takes an advisory lock, which the kernel drops if this process dies.
func lock(ctx context.Context, path string, progress *progress) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			file.Close()
			return nil, err
		}
		progress.say("waiting for another run that builds it")
		select {
		case <-ctx.Done():
			file.Close()
			return nil, context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// removeAbandoned removes the work folders of builds that were killed; the lock must be held.
func removeAbandoned(name, path string) error {
	abandoned, err := filepath.Glob(filepath.Join(filepath.Dir(path), "build-"+name+"-*"))
	if err != nil {
		return err
	}
	for _, folder := range abandoned {
		if err := os.RemoveAll(folder); err != nil {
			return fmt.Errorf("remove what a killed build of %s left: %w", name, err)
		}
	}
	return nil
}

// removeOld removes the builds that path replaces. One that was used within the last day stays: a
// stack of another branch may be running from it.
func removeOld(name, path string) error {
	old, err := filepath.Glob(filepath.Join(filepath.Dir(path), name+"-*"))
	if err != nil {
		return err
	}
	for _, candidate := range old {
		info, err := os.Stat(candidate)
		if err != nil || candidate == path || time.Since(info.ModTime()) < 24*time.Hour {
			continue
		}
		if err := os.Remove(candidate); err != nil {
			return fmt.Errorf("remove an old build of %s: %w", name, err)
		}
	}
	return nil
}

// exists tells whether the program is there, and if so marks it as used now.
func exists(path string) bool {
	now := time.Now()
	return os.Chtimes(path, now, now) == nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

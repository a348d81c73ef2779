// Package filewatch tells when files have changed, by what is in them. It neither knows nor minds how they were replaced: written over, renamed over, or,
// as a mounted ConfigMap or Secret of Kubernetes is, by a symbolic link of a folder above them.
package filewatch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// Every is how often files are looked at where nothing else is said.
const Every = 5 * time.Second

// mostBytes is how much of a file is looked at: nothing that is watched is as large.
const mostBytes = 16 << 20

// Files are what is watched.
type Files struct {
	Paths []string
	// Every is how often they are looked at.
	Every time.Duration
	// Known is the Sum of what was read last. Whoever reads before he watches would otherwise miss what changes in between; empty
	// means what is there when watching begins.
	Known string
	// Read tells, where somebody else reads the files too, the Sum of what was read last; it takes the place of Known. What is put back before anybody has
	// looked at it would otherwise be taken for what is known.
	Read func() string
}

// Watch calls changed when the files have another content than they had before, until ctx ends. It looks every so often, and calls only once two looks in a
// row have found the same, so that a file that is being written is not taken for what it is to become. A file that is missing is a content too.
func (f Files) Watch(ctx context.Context, changed func(context.Context)) {
	found := Sum(f.Paths)
	known := cmp.Or(f.Known, found)
	ticker := time.NewTicker(f.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		before := found
		found = Sum(f.Paths)
		if f.Read != nil {
			known = f.Read()
		}
		if found != before || found == known {
			continue
		}
		known = found
		changed(ctx)
	}
}

// Sum tells contents apart: it is the same for the same contents of the same files.
func Sum(files []string) string {
	all := sha256.New()
	for _, path := range files {
		sum, err := one(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			sum = []byte("missing")
		case err != nil:
			sum = []byte("unreadable: " + err.Error())
		}
		_, _ = all.Write(append(sum, 0)) // a hash takes everything
	}
	return hex.EncodeToString(all.Sum(nil))
}

func one(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(file, mostBytes)); err != nil {
		return nil, err
	}
	return sum.Sum(nil), nil
}

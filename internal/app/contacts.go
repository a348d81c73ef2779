package app

import (
	"io/fs"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/notifier"
)

// contactsLook is how often it is looked whether the contacts have changed.
const contactsLook = 5 * time.Second

// directory knows people by the contacts file, as it is now. A file that cannot be read leaves those known that were: a mistake in a rota must not
// leave a page without anybody that it is for.
type directory struct {
	path string
	log  *zap.Logger

	mu     sync.Mutex
	known  *config.Contacts
	looked time.Time
	seen   fileState
}

// fileState tells whether a file has changed.
type fileState struct {
	modified time.Time
	size     int64
	info     fs.FileInfo
}

// newDirectory reads the contacts. Where that cannot be done nobody is known until it can: no rollback waits for a list of people.
func newDirectory(path string, log *zap.Logger) *directory {
	d := &directory{path: path, log: log, seen: stateOf(path)}
	var err error
	if d.known, err = config.ReadContacts(path); err != nil {
		log.Error("the contacts cannot be read; nobody has a role until they can", zap.Error(err))
		d.known = &config.Contacts{}
	}
	return d
}

func stateOf(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	return fileState{modified: info.ModTime(), size: info.Size(), info: info}
}

func (s fileState) same(o fileState) bool {
	return s.modified.Equal(o.modified) && s.size == o.size && (s.info == nil) == (o.info == nil) && (s.info == nil || os.SameFile(s.info, o.info))
}

// Recipients returns whom a notice is for.
func (d *directory) Recipients(n notifier.Notice, roles []notifier.Role, medium string) []notifier.Recipient {
	return d.now(time.Now()).Recipients(n, roles, medium)
}

// now returns the contacts as they are now.
func (d *directory) now(at time.Time) *config.Contacts {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at.Sub(d.looked) < contactsLook {
		return d.known
	}
	d.looked = at
	state := stateOf(d.path)
	if state.same(d.seen) {
		return d.known
	}
	d.seen = state
	known, err := config.ReadContacts(d.path)
	if err != nil {
		d.log.Error("the contacts have changed and cannot be read; those of before are used", zap.Error(err))
		return d.known
	}
	d.log.Info("the contacts were read again", zap.String("file", d.path))
	d.known = known
	return known
}

package incident

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	dirMode  = 0o755
	fileMode = 0o644
)

// Writer writes renderings as files under Root, where the runbook has them. Its errors matter to nobody but the
// caller's log: every file can be made again from the journal.
type Writer struct {
	Root string
}

// IncidentDir returns the directory of an incident.
func (w Writer) IncidentDir(id string) string {
	return filepath.Join(w.Root, "artifacts", "integration", SafeName(id))
}

// WriteIncident writes the folder of the incident with the given ID. It tries every file, whatever becomes of one. The timeline, which is
// the first in the list and links to all others, comes last.
func (w Writer) WriteIncident(id string, entries []Entry) error {
	dir := w.IncidentDir(id)
	var errs []error
	for _, f := range slices.Backward(Files(entries)) {
		errs = append(errs, replace(filepath.Join(dir, filepath.FromSlash(f.Name)), f.Body))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("writing incident %q: %w", id, err)
	}
	return nil
}

// WriteDeployLog writes logs/deployments/deploy_<name>.json.
func (w Writer) WriteDeployLog(name string, entries []Entry) error {
	if err := replace(w.log("deploy_"+SafeName(name)+".json"), DeployLog(entries)); err != nil {
		return fmt.Errorf("writing the deployment log %q: %w", name, err)
	}
	return nil
}

// WriteChangelog writes logs/deployments/changelog_<name>.md, beside the deployment log of the same name.
func (w Writer) WriteChangelog(name string, entries []Entry) error {
	if err := replace(w.log("changelog_"+SafeName(name)+".md"), Changelog(entries)); err != nil {
		return fmt.Errorf("writing the change log's entry %q: %w", name, err)
	}
	return nil
}

// AppendRollback appends the rollback, if there was one, to logs/deployments/rollback_<version>.log. A rollback that
// the log already holds is not appended again.
func (w Writer) AppendRollback(entries []Entry) error {
	line := RollbackLine(entries)
	if line == "" {
		return nil
	}
	s := Fold(entries)
	if err := appendLine(w.log("rollback_"+SafeName(s.version())+".log"), line, identity(s)); err != nil {
		return fmt.Errorf("appending to the rollback log: %w", err)
	}
	return nil
}

func (w Writer) log(name string) string { return filepath.Join(w.Root, "logs", "deployments", name) }

// replace puts body at path such that a reader, or a crash at any instant, sees the old file or the new, never a part.
func replace(path string, body []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return err
	}
	// After the rename there is nothing left to remove.
	defer func() { _ = os.Remove(tmp.Name()) }()
	if err := fill(tmp, body); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// fill writes and closes f.
func fill(f *os.File, body []byte) error {
	_, err := f.Write(body)
	if err == nil {
		err = f.Chmod(fileMode)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes a rename in dir outlive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// appendLine appends line to the file at path unless one of its lines ends with identity. The file is opened for
// appending rather than replaced, because rollbacks of several workloads of one version share it.
func appendLine(path, line, identity string) error {
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return err
	}
	held, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for old := range strings.Lines(string(held)) {
		if strings.HasSuffix(strings.TrimSuffix(old, "\n"), identity) {
			return nil
		}
	}
	if len(held) > 0 && held[len(held)-1] != '\n' {
		// A crash tore the last line; ours begins on a line of its own.
		line = "\n" + line
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, line+"\n")
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

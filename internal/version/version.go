// Package version tells which build of rollbackd this is.
package version

import (
	"cmp"
	"runtime/debug"
)

// These are empty unless the linker sets them (-ldflags "-X …/internal/version.number=1.2.3"), which only package variables allow. They
// are never written otherwise.
var number, commit, date string

// Info is what is known of a build; what is not known is empty.
type Info struct {
	// Version is that of the module, such as v1.2.3, or (devel).
	Version string `json:"version"`
	// Commit is the revision of the sources, and Date its time (RFC 3339). Modified says that they were changed after it.
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	// Go is the version of the toolchain.
	Go string `json:"go,omitempty"`
}

// Get returns what the linker was told, and for the rest what the Go toolchain recorded.
func Get() Info {
	recorded, _ := debug.ReadBuildInfo()
	return of(recorded, Info{Version: number, Commit: commit, Date: date})
}

func of(recorded *debug.BuildInfo, told Info) Info {
	out := Info{Version: told.Version, Commit: told.Commit, Date: told.Date}
	if recorded != nil {
		out.Go = recorded.GoVersion
		out.Version = cmp.Or(out.Version, recorded.Main.Version)
		for _, s := range recorded.Settings {
			switch s.Key {
			case "vcs.revision":
				out.Commit = cmp.Or(out.Commit, s.Value)
			case "vcs.time":
				out.Date = cmp.Or(out.Date, s.Value)
			case "vcs.modified":
				out.Modified = told.Commit == "" && s.Value == "true"
			}
		}
	}
	out.Version = cmp.Or(out.Version, "unknown")
	return out
}

// String is one line: v1.2.3 (commit 0123456789ab, 2026-11-26T08:00:00Z, go1.26.8).
func (i Info) String() string {
	details := ""
	add := func(text string) {
		if details != "" {
			details += ", "
		}
		details += text
	}
	if i.Commit != "" {
		short := i.Commit[:min(12, len(i.Commit))]
		if i.Modified {
			short += " and changes"
		}
		add("commit " + short)
	}
	if i.Date != "" {
		add(i.Date)
	}
	if i.Go != "" {
		add(i.Go)
	}
	if details == "" {
		return i.Version
	}
	return i.Version + " (" + details + ")"
}

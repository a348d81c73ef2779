package control

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"
)

// The verbs by which records are read; they change nothing.
const (
	// Incidents lists what the ledger keeps of the incidents of a workload, a namespace or an environment.
	Incidents Verb = "incidents"
	// Journal reads the journal and the annex of a watch.
	Journal Verb = "journal"
)

// AllNamespaces stands for every namespace of the environment in the subject of a list; no namespace can have this name, so that
// nobody may ask who is allowed one namespace only.
const AllNamespaces = "-"

// PageBytes is how many bytes of records one answer holds at about the most, before they are packed. A record that is larger alone has an answer of its own.
const PageBytes = 512 << 10

// maxUnpacked bounds what an answer is unpacked to, whatever it claims to hold.
const maxUnpacked = 8 << 20

// maxFind is how long what is looked for may be, in bytes.
const maxFind = 512

// Reading is what reading verbs ask for; it is a part of Request.
type Reading struct {
	// After is the place of the last record that the one who asks has; zero begins at the first.
	After uint64 `json:"after,omitempty"`
	// Since leaves out deployments that were accepted before.
	Since time.Time `json:"since,omitzero"`
	// Open leaves out incidents that have ended; All adds deployments that were none.
	Open bool `json:"open,omitempty"`
	All  bool `json:"all,omitempty"`
	// Find leaves out all records, or watches, that have another name: the key of the watch, the ID of the incident or of the event, or the number
	// of the review.
	Find string `json:"find,omitempty"`
}

// Page is what reading verbs answer; it is a part of Reply.
type Page struct {
	// Lines are records, one line of JSON each, packed by Pack.
	Lines []byte `json:"lines,omitempty"`
	// Next is the place after which the next page begins; zero if this is the last.
	Next uint64 `json:"next,omitempty"`
}

// Reads reports whether a verb only reads records.
func (v Verb) Reads() bool { return v == Incidents || v == Journal || v == Notices }

// wide reports whether a verb may be about all workloads, and about all namespaces.
func (v Verb) wide() (workloads, namespaces bool) {
	return v == List || v.Reads() || v.aboutNotices(), v == List || v == Incidents || v.aboutNotices()
}

func (a Asked) checkReading() error {
	switch {
	case a.Verb == Journal && a.Watch == "":
		return errors.New(`field "watch" is missing: journal needs the key of a watch, as rollbackctl incidents -o json shows it`)
	case len(a.Find) > maxFind || !printable(a.Find):
		return fmt.Errorf(`field "find" is longer than %d bytes or has characters that cannot be printed`, maxFind)
	}
	return nil
}

// Pack compresses lines, so that a page fits into a message: records repeat themselves.
func Pack(lines []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	// A buffer takes whatever it is given.
	_, _ = w.Write(lines)
	_ = w.Close()
	return out.Bytes()
}

// Unpack returns the lines of a page.
func (p Page) Unpack() ([][]byte, error) {
	if len(p.Lines) == 0 {
		return nil, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(p.Lines))
	if err != nil {
		return nil, fmt.Errorf("the page cannot be unpacked: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the page cannot be unpacked: %w", err)
	case len(text) > maxUnpacked:
		return nil, fmt.Errorf("the page holds more than %d bytes", maxUnpacked)
	}
	var lines [][]byte
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSuffix(line, []byte("\n")); len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

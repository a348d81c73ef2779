package notifier

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
)

// The bounds of a notice: what an event says of itself may be as long as NATS allows, and no receiver must be flooded by it.
const (
	mostTitle = 300
	mostText  = 4000
	mostField = 500
	mostID    = 120
)

// texts are the places of all that may have come from outside.
func (n *Notice) texts() []*string {
	return []*string{
		&n.Title, &n.Text, &n.Watch, &n.Workload, &n.WorkloadKind, &n.Environment, &n.Version, &n.Target, &n.Image, &n.TargetImage, &n.EventID,
		&n.Operator, &n.Signal, &n.Value, &n.Limit, &n.Baseline, &n.Action, &n.Next, &n.Incident, &n.Link, &n.Chart,
	}
}

var fitID = regexp.MustCompile(`^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*$`)

// bounded returns the notice with every text cut to its bound. A sink escapes what is left for its medium.
func (n Notice) bounded() Notice {
	n.Title, n.Text = cut(n.Title, mostTitle), cut(n.Text, mostText)
	for _, text := range n.texts() {
		if text != &n.Text {
			*text = cut(*text, mostField)
		}
	}
	if n.ID != "" && (len(n.ID) > mostID || !fitID.MatchString(n.ID)) {
		n.ID = hashed(n.ID)
	}
	return n
}

// fingerprint is the ID of a notice that was given none: the same notice has the same one.
func (n Notice) fingerprint() string {
	data, err := json.Marshal(n)
	if err != nil { // there is nothing in it that cannot be encoded
		data = []byte(n.Title + n.Text)
	}
	return hashed(string(data))
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "n-" + hex.EncodeToString(sum[:12])
}

// mostRecent is how many IDs are remembered to tell nothing twice.
const mostRecent = 8192

// recent remembers the last IDs.
type recent struct {
	known map[string]bool
	order []string
	next  int
}

func newRecent(most int) recent { return recent{known: map[string]bool{}, order: make([]string, most)} }

// seen reports whether an ID is remembered, and remembers it.
func (r *recent) seen(id string) bool {
	if r.known[id] {
		return true
	}
	delete(r.known, r.order[r.next])
	r.known[id], r.order[r.next] = true, id
	r.next = (r.next + 1) % len(r.order)
	return false
}

package app

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/notifier"
)

// This file tells people that rollbackd itself cannot work because something which it needs is away. Nothing else does: watches say nothing
// while they wait, and that is what they do then.

// unknownOpen stands for the number of open watches where that is not known: some may be.
const unknownOpen = -1

// The patience before people are told. A server that is only started again is back before that.
const (
	natsPatience       = 2 * time.Minute
	prometheusPatience = 5 * time.Minute
	// blindPatience begins once nothing has been seen for blindAfter, which is longer than from one tick to the next.
	blindPatience = 3 * time.Minute
	blindAfter    = 2 * time.Minute
	outageEvery   = 5 * time.Second
)

// outage follows one thing that the daemon needs.
type outage struct {
	// name is how people call it, and key how its notices are.
	name, key string
	patience  time.Duration
	// means says what does not work without it, and next what to look at.
	means, next string
	back        string
	// title, if set, says in place of the name what is wrong; %s is for how long.
	title string
	// pageFrom is how many watches must be open for people to be woken; zero is one.
	pageFrom int

	since time.Time
	told  bool
}

// look takes in whether the thing is there, and returns what people are to be told; false if nothing. With watches open there are deployments that
// nobody looks after, which cannot wait until morning.
func (o *outage) look(err error, open int, now time.Time) (notifier.Notice, bool) {
	if err == nil {
		since, told := o.since, o.told
		o.since, o.told = time.Time{}, false
		if !told {
			return notifier.Notice{}, false
		}
		return notifier.Notice{
			ID: o.id("back", since), At: now, Kind: notifier.KindOther, Severity: notifier.Warn,
			Title:  fmt.Sprintf("%s is back, and rollbackd works again", o.name),
			Action: fmt.Sprintf("It was away for %s, since %s. %s", now.Sub(since).Round(time.Second), since.UTC().Format(time.RFC3339), o.back),
		}, true
	}
	if o.since.IsZero() {
		o.since = now
	}
	if o.told || now.Sub(o.since) < o.patience {
		return notifier.Notice{}, false
	}
	o.told = true
	n := notifier.Notice{
		ID: o.id("away", o.since), At: now, Kind: notifier.KindOther, Severity: notifier.Warn,
		Title:  fmt.Sprintf(cmp.Or(o.title, o.name+" has been away for %s, and rollbackd cannot work"), now.Sub(o.since).Round(time.Second)),
		Text:   briefly(err.Error()),
		Action: fmt.Sprintf("%s Open watches: %d.", o.means, open), Next: o.next,
	}
	if open == unknownOpen {
		n.Action = o.means + " Which watches are open is not known before it is there."
	}
	if open >= max(1, o.pageFrom) || open == unknownOpen {
		n.Severity = notifier.Page
	}
	return n, true
}

// id names a notice by when the outage began, so that it is told once.
func (o *outage) id(what string, since time.Time) string {
	return fmt.Sprintf("outage-%s-%s-%d", o.key, what, since.Unix())
}

// mostError is how many characters of an error a notice shows.
const mostError = 300

func briefly(s string) string {
	if r := []rune(s); len(r) > mostError {
		return string(r[:mostError-1]) + "…"
	}
	return s
}

// watched are the things that are followed.
func watched() (nats, prometheus *outage) {
	return &outage{
			name: "NATS", key: "nats", patience: natsPatience,
			means: "No event is accepted, and no release is rolled back: whatever is done is recorded first, and it cannot be.",
			next:  "Bring NATS back; until then look after the deployments of the last day by hand.",
			back:  "Events that were published meanwhile are accepted, and the watches go on.",
		}, &outage{
			name: "Prometheus", key: "prometheus", patience: prometheusPatience,
			means: "Nothing is measured, so that no release can be found to be bad by its metrics, or rolled back for them.",
			next:  "Bring Prometheus back; until then look after the deployments of the last day by hand.",
			back:  "The watches measure what they have missed, as far as Prometheus has it.",
		}
}

// outages follows what the daemon needs.
type outages struct {
	nats, prometheus func() error
	// blind tells what the watches see.
	blind func(now time.Time) blindness
	// open counts the watches that are open.
	open func() int
	tell func(notifier.Notice)
}

// run looks until ctx ends.
func (o outages) run(ctx context.Context) {
	nats, prometheus := watched()
	eyes := sighted()
	ticker := time.NewTicker(outageEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			away := map[*outage]error{nats: o.nats(), prometheus: o.prometheus()}
			if away[prometheus] == nil { // else it is told of, and nothing can be seen
				away[eyes] = o.blind(now).err()
			}
			for of, err := range away {
				if n, ok := of.look(err, o.open(), now); ok {
					o.tell(n)
				}
			}
		}
	}
}

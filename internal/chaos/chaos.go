// Package chaos makes a daemon die at a named point of a watch, to prove that this does no harm. It is linked only into a binary that was built with the tag chaos; internal/app puts its decorators around the
// ports of the supervisor there.
package chaos

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// CrashVariable is the environment variable that names the point at which the process kills itself, in the form
// of Point. Without it nothing is decorated.
const CrashVariable = "ROLLBACKD_CRASH_AT"

// Point is an instant in the life of a watch: "<call>:<before|after>", where the call is one of
//
//	append:<kind>          the journal takes an entry of that kind, such as "append:intent"
//	append:state:<State>   the journal takes a change to that state
//	apply                  the cluster is asked to carry a plan out
//	pause, resume          the cluster is asked to stop a rollout, or to let it go on
//	claim                  the incident's name is claimed
//	render:<State>         the files of a watch in that state are written
//
// Before means that nothing of the call has happened, after that all of it has but its answer was not looked at.
type Point string

// before and after are the two sides of a call.
const (
	before = "before"
	after  = "after"
)

// ParsePoint checks the form of a point.
func ParsePoint(text string) (Point, error) {
	call, side, _ := cutLast(text)
	name, detail, _ := strings.Cut(call, ":")
	known := map[string]bool{"append": detail != "", "apply": detail == "", "pause": detail == "", "resume": detail == "", "claim": detail == "", "render": detail != ""}
	if side != before && side != after || !known[name] {
		return "", fmt.Errorf("%s: %q is no point; write one such as append:intent:before, apply:after, claim:before or render:RolledBack:before", CrashVariable, text)
	}
	return Point(text), nil
}

func cutLast(text string) (call, side string, found bool) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+1:], true
}

// Decorate puts a death at the point that the environment names around the ports; without one it returns them as they are.
func Decorate(o watch.Options) (watch.Options, error) {
	text := os.Getenv(CrashVariable)
	if text == "" {
		return o, nil
	}
	p, err := ParsePoint(text)
	if err != nil {
		return o, err
	}
	return At(o, p, Die), nil
}

// At puts die at a point around the ports.
func At(o watch.Options, p Point, die func()) watch.Options {
	t := trap{point: p, die: die}
	o.Journal = journal{o.Journal, t}
	o.Cluster = cluster{o.Cluster, t}
	o.Pause = pauser{o.Pause, t}
	o.Names = names{o.Names, t}
	o.Records = records{o.Records, t}
	return o
}

// Die ends the process as the loss of its machine would: nothing is flushed, closed or told.
func Die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal may take an instant, in which nothing more may happen
}

// trap is the point together with what happens there.
type trap struct {
	point Point
	die   func()
}

// around runs a call that has one or more names, of which the point may name any.
func (t trap) around(do func(), calls ...string) {
	t.at(before, calls)
	do()
	t.at(after, calls)
}

func (t trap) at(side string, calls []string) {
	for _, call := range calls {
		if t.point == Point(call+":"+side) {
			t.die()
		}
	}
}

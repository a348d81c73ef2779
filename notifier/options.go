package notifier

import (
	"time"

	"go.uber.org/zap"
)

// The defaults of Options.
const (
	DefaultQueue       = 1024
	DefaultDeadline    = 10 * time.Second
	DefaultGiveUpAfter = 24 * time.Hour
	DefaultGrace       = 5 * time.Second
)

// Receiver is a sink and how it is told.
type Receiver struct {
	Sink Sink
	// Group makes one message of a burst; the zero value does not.
	Group GroupRule
	// Rate bounds how many messages it gets; the zero value does not.
	Rate Rate
	// Template makes the message; nil means Message.
	Template *Template
	// Medium is what the contacts call the addresses that the sink understands; empty if it understands none.
	Medium string
	// Unrecorded says that nobody needs to know of each single notice whether the sink got it, as of one that only writes the log.
	Unrecorded bool
}

// Directory knows people.
type Directory interface {
	// Recipients returns whom a notice is for in these roles, with the addresses of one medium.
	Recipients(n Notice, roles []Role, medium string) []Recipient
}

// Recorder records what came of telling. It must not block.
type Recorder interface {
	Told(d Delivery)
}

// Delivery is what came of telling one sink one notice.
type Delivery struct {
	Notice Notice
	Sink   string
	Result Result
	// Detail is why it failed, empty if it did not; it has no secret.
	Detail   string
	Attempts int
	At       time.Time
}

// Options configures a Dispatcher. The zero value of every number means its default; all but Receivers may be nil.
type Options struct {
	// Receivers are the sinks; their names must differ.
	Receivers []Receiver
	// Routes say who gets what. Without any, every sink gets every notice.
	Routes    []Route
	Directory Directory
	Outbox    Outbox
	// Metrics are shared by the dispatchers that one process has one after another.
	Metrics *Metrics
	// Logger gets what could not be told.
	Logger *zap.Logger
	// Link is where a message that stands for several leads to.
	Link string
	// Queue is how many notices may wait for each sink; what is too much is dropped, the least severe first.
	Queue int
	// Deadline bounds one attempt, and GiveUpAfter the time for which a notice is tried again.
	Deadline    time.Duration
	GiveUpAfter time.Duration
	// Grace is how long, after Run's context is done, queued notices may still be delivered: the last thing that
	// a daemon says before it stops is often what somebody needs to know.
	Grace time.Duration
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	if len(o.Routes) == 0 {
		all := Route{}
		for _, r := range o.Receivers {
			all.Sinks = append(all.Sinks, r.Sink.Name())
		}
		o.Routes = []Route{all}
	}
	o.Queue = positive(o.Queue, DefaultQueue)
	o.Deadline = positive(o.Deadline, DefaultDeadline)
	o.GiveUpAfter = positive(o.GiveUpAfter, DefaultGiveUpAfter)
	o.Grace = positive(o.Grace, DefaultGrace)
	return o
}

func positive[T int | time.Duration](v, fallback T) T {
	if v > 0 {
		return v
	}
	return fallback
}

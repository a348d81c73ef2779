package config

import (
	"strings"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/notifier"
)

// NotifySink is one receiver of notices. Besides its name it has exactly one block, which says of what kind it is.
type NotifySink struct {
	// Name is what routes, the log and the record call it. Required.
	Name string `yaml:"name"`
	// Log is for a sink that writes to the daemon's own log.
	Log *LogSink `yaml:"log"`
}

// blocks are the kinds of sinks by their key, nil where the sink is of another kind. A new kind is a field of NotifySink, a line here, and a
// file of its own.
func (s NotifySink) blocks() []block {
	return []block{
		{"log", s.Log, s.Log != nil},
	}
}

// block is one of the blocks that a sink may have.
type block struct {
	key   string
	kind  sinkKind
	given bool
}

// sinkKind is a kind of sink with its configuration.
type sinkKind interface {
	// check says what is wrong; field returns the path of one of the block's keys.
	check(k *checker, field func(...any) []any)
	// resolve makes paths that are relative to the configuration file absolute.
	resolve(file string)
	// build makes the sink. It may read secrets from files and must not connect to anything. No error shows a secret.
	build(name string, tools SinkTools) (notifier.Sink, error)
	// manner says how the sink is told.
	manner() manner
}

// manner is how a kind of sink is told.
type manner struct {
	// groups says that a burst of notices may become one message. It is for what people read; a receiver that keeps a state for each
	// incident must get each notice.
	groups bool
	// medium is what the contacts call the addresses that the sink understands, such as slack or email; empty if it understands none.
	medium string
}

// SinkTools are what sinks are made with beyond their own configuration.
type SinkTools struct {
	Log *zap.Logger
	// NATS is the daemon's connection.
	NATS *nats.Conn
	// Kubernetes returns how the API server is reached.
	Kubernetes func() (*rest.Config, error)
	// Memory survives restarts. Pictures may be nil.
	Memory   notifier.Memory
	Pictures notifier.Pictures
}

func (s NotifySink) given() (out []block) {
	for _, b := range s.blocks() {
		if b.given {
			out = append(out, b)
		}
	}
	return out
}

// only returns the one block that a checked sink has.
func (s NotifySink) only() sinkKind { return s.given()[0].kind }

func (s NotifySink) check(k *checker, field func(...any) []any) {
	given := s.given()
	var keys []string
	for _, b := range s.blocks() {
		keys = append(keys, b.key)
	}
	switch len(given) {
	case 0:
		k.say(field(), "does not say of what kind it is; give it one of the blocks %s", strings.Join(keys, ", "))
	case 1:
		b := given[0]
		b.kind.check(k, func(path ...any) []any { return append(field(b.key), path...) })
	default:
		for _, b := range given[1:] {
			k.say(field(b.key), "is a second kind beside %s; make it a sink of its own", given[0].key)
		}
	}
}

// resolve makes the paths of all sinks relative to the configuration file.
func (n Notify) resolve(file string) {
	for _, s := range n.Sinks {
		s.only().resolve(file)
	}
}

// LogSink writes notices to the daemon's own log. It has no keys: write it as log: {}.
type LogSink struct{}

func (*LogSink) check(*checker, func(...any) []any) {}

func (*LogSink) resolve(string) {}

func (*LogSink) manner() manner { return manner{} }

func (*LogSink) build(name string, tools SinkTools) (notifier.Sink, error) {
	return notifier.Log{As: name, Logger: tools.Log.Named("notice")}, nil
}

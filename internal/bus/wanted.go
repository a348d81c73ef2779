package bus

import (
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
)

// Wanted is what a daemon wants of a NATS server, for those who make it beforehand. It makes what is missing by itself, and
// leaves limits, replicas and placement of what is there as they are.
type Wanted struct {
	Streams  []jetstream.StreamConfig
	Buckets  []jetstream.KeyValueConfig
	Consumer jetstream.ConsumerConfig
}

// Want returns what a daemon with these options wants; of the options, instance, environments and replicas count. The error says
// which of them cannot be.
func Want(options Options) (Wanted, error) {
	if err := options.check(); err != nil {
		return Wanted{}, err
	}
	b := &Bus{options: options.withDefaults()}
	return Wanted{Streams: b.streams(), Buckets: b.buckets(), Consumer: b.consumer()}, nil
}

// MaxPayload is the least max_payload of a server of the user's own, in bytes: an entry of a journal may hold several pod templates.
const MaxPayload = maxPayload

// Permissions are the subjects that a user of a NATS server may publish on and subscribe to. Everything else is refused.
type Permissions struct {
	Publish, Subscribe []string
	// Replies says that the user may answer a request on whatever subject that asks for the answer.
	Replies bool
}

// Permissions are those that the embedded server gives the user, for a server of the user's own.
func (u User) Permissions() Permissions {
	p := u.permissions()
	return Permissions{Publish: p.Publish.Allow, Subscribe: p.Subscribe.Allow}
}

// DaemonPermissions are those of the daemon itself: JetStream's interface, its own buckets and subjects, and answers to those
// who ask it. Sources that others publish on need none.
func DaemonPermissions(options Options) (Permissions, error) {
	wanted, err := Want(options)
	if err != nil {
		return Permissions{}, err
	}
	p := Permissions{
		Publish:   []string{"$JS.API.>", "$JS.ACK.>", journalSubject(options.Instance) + ".>", annexSubject(options.Instance) + ".>"},
		Subscribe: []string{"_INBOX.>"},
		Replies:   true,
	}
	for _, bucket := range wanted.Buckets {
		p.Publish = append(p.Publish, "$KV."+bucket.Bucket+".>")
	}
	p.Publish = append(p.Publish, event.RejectedSubjectPrefix+".>", event.CDEventsSubjectPrefix+".>")
	for _, environment := range options.Environments {
		p.Subscribe = append(p.Subscribe, control.Pattern(environment))
	}
	return p, nil
}

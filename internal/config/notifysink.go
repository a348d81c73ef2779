package config

import (
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/common/model"
	"go.uber.org/zap"
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/notifier"
)

// NotifySink is one receiver of notices. Besides its name it has exactly one block, which says of what kind it is.
type NotifySink struct {
	// Name is what routes, the log and the record call it. Required.
	Name string `yaml:"name"`
	// Template is a text/template that makes its messages, of whose dot docs/notifications.md lists the fields; it is tried on an example of every
	// kind of notice. The default says the title, the number against its limit, what was done, the next step and the link.
	Template string `yaml:"template"`
	// AtMost bounds how many messages it gets; what is over waits.
	AtMost MessageRate `yaml:"atMost"`
	// Group makes one message of a burst. It has no effect on sinks whose receivers keep a state for each incident.
	Group NotifyGroup `yaml:"group"`
	// Log is for a sink that writes to the daemon's own log.
	Log *LogSink `yaml:"log"`
	// Alertmanager is for a cluster of Alertmanagers.
	Alertmanager *AlertmanagerSink `yaml:"alertmanager"`
	// Slack is for a bot of Slack.
	Slack *SlackSink `yaml:"slack"`
	// SlackWebhook is for an incoming webhook of Slack.
	SlackWebhook *SlackWebhookSink `yaml:"slackWebhook"`
	// PagerDuty is for PagerDuty.
	PagerDuty *PagerDutySink `yaml:"pagerDuty"`
	// Grafana is for annotations of Grafana.
	Grafana *GrafanaSink `yaml:"grafana"`
	// SMTP is for e-mail.
	SMTP *SMTPSink `yaml:"smtp"`
	// KubernetesEvents is for Events of the workloads. It has no keys: write it as kubernetesEvents: {}.
	KubernetesEvents *KubernetesEventsSink `yaml:"kubernetesEvents"`
	// Webhook is for CloudEvents that are posted to an address of yours.
	Webhook *WebhookSink `yaml:"webhook"`
	// CDEvents is for CDEvents on NATS.
	CDEvents *CDEventsSink `yaml:"cdevents"`
	// Shoutrrr is for a service that the library shoutrrr knows, such as Teams, Discord or ntfy.
	Shoutrrr *ShoutrrrSink `yaml:"shoutrrr"`
}

// MessageRate bounds messages: so many in any span of the length of within.
type MessageRate struct {
	// Messages is how many. Default 30.
	Messages uint64 `yaml:"messages"`
	// Within is the length of the span. Default 1m.
	Within model.Duration `yaml:"within"`
}

// NotifyGroup says when several notices become one message.
type NotifyGroup struct {
	// Wait is for how long a notice waits for others, 2s at the most: nobody is to be told late. Default 1s.
	Wait model.Duration `yaml:"wait"`
	// AtLeast is how many of one severity become one message; 0 has each told alone. Default 4.
	AtLeast uint64 `yaml:"atLeast"`
}

// UnmarshalYAML implements the decoder's interface; fields that are left out get their defaults.
func (s *NotifySink) UnmarshalYAML(unmarshal func(any) error) error {
	rate, group := notifier.DefaultRate(), notifier.DefaultGroup()
	*s = NotifySink{
		AtMost: MessageRate{Messages: uint64(rate.Messages), Within: model.Duration(rate.Within)},
		Group:  NotifyGroup{Wait: model.Duration(group.Wait), AtLeast: uint64(group.AtLeast)},
	}
	type plain NotifySink
	return unmarshal((*plain)(s))
}

// The most that a sink may be configured to.
const (
	mostGroupWait = model.Duration(2 * time.Second)
	mostMessages  = 100000
	mostAtLeast   = 1000
)

func (s NotifySink) checkPace(k *checker, field func(...any) []any) {
	if _, err := s.template(); err != nil {
		k.say(field("template"), "%v", err)
	}
	if s.AtMost.Messages == 0 || s.AtMost.Messages > mostMessages {
		k.say(field("atMost", "messages"), "%d is not a number of messages; use 1 to %d", s.AtMost.Messages, mostMessages)
	}
	k.positive(field("atMost", "within"), s.AtMost.Within)
	if s.Group.Wait > mostGroupWait {
		k.say(field("group", "wait"), "%s would tell people late; use %s at the most", s.Group.Wait, mostGroupWait)
	}
	if s.Group.AtLeast == 1 || s.Group.AtLeast > mostAtLeast {
		k.say(field("group", "atLeast"), "%d is not a number of notices that can be one message; use 2 to %d, or 0 to have each told alone", s.Group.AtLeast, mostAtLeast)
	}
}

func (s NotifySink) template() (*notifier.Template, error) {
	if s.Template == "" {
		return nil, nil
	}
	return notifier.NewTemplate(s.Template)
}

// receiver makes the sink, with how it is told.
func (s NotifySink) receiver(tools SinkTools) (notifier.Receiver, error) {
	kind := s.only()
	manner := kind.manner()
	sink, err := kind.build(s.Name, tools)
	if err != nil && tools.Late {
		tools.Log.Error("a sink cannot be made, and is tried again with every notice", zap.String("sink", s.Name), zap.Error(err))
		sink, err = notifier.NewLate(s.Name, func() (notifier.Sink, error) { return kind.build(s.Name, tools) }), nil
	}
	if err != nil {
		return notifier.Receiver{}, err
	}
	r := notifier.Receiver{
		Sink: sink, Medium: manner.medium, Unrecorded: manner.unrecorded,
		Rate: notifier.Rate{Messages: int(s.AtMost.Messages), Within: time.Duration(s.AtMost.Within)},
	}
	if manner.groups && s.Group.AtLeast > 0 {
		r.Group = notifier.GroupRule{Wait: time.Duration(s.Group.Wait), AtLeast: int(s.Group.AtLeast)}
	}
	r.Template, err = s.template()
	return r, err
}

// blocks are the kinds of sinks by their key, nil where the sink is of another kind. A new kind is a field of NotifySink, a line here, and a
// file of its own.
func (s NotifySink) blocks() []block {
	return []block{
		{"log", s.Log, s.Log != nil},
		{"alertmanager", s.Alertmanager, s.Alertmanager != nil},
		{"slack", s.Slack, s.Slack != nil},
		{"slackWebhook", s.SlackWebhook, s.SlackWebhook != nil},
		{"pagerDuty", s.PagerDuty, s.PagerDuty != nil},
		{"grafana", s.Grafana, s.Grafana != nil},
		{"smtp", s.SMTP, s.SMTP != nil},
		{"kubernetesEvents", s.KubernetesEvents, s.KubernetesEvents != nil},
		{"webhook", s.Webhook, s.Webhook != nil},
		{"cdevents", s.CDEvents, s.CDEvents != nil},
		{"shoutrrr", s.Shoutrrr, s.Shoutrrr != nil},
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
	// unrecorded says that nobody needs to know of each notice whether the sink got it.
	unrecorded bool
}

// SinkTools are what sinks are made with beyond their own configuration.
type SinkTools struct {
	Log *zap.Logger
	// Late has a sink that cannot be made now, such as one whose secret is not there, be made later. Otherwise it is an error.
	Late bool
	// NATS is the daemon's connection.
	NATS *nats.Conn
	// Kubernetes returns how the API server is reached.
	Kubernetes func() (*rest.Config, error)
	// Memory survives restarts. Pictures may be nil.
	Memory   notifier.Memory
	Pictures notifier.Pictures

	instance string
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
	s.checkPace(k, field)
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
func (n *Notify) resolve(file string) {
	n.Contacts = relativeTo(file, n.Contacts)
	for _, s := range n.Sinks {
		s.only().resolve(file)
	}
}

// LogSink writes notices to the daemon's own log. It has no keys: write it as log: {}.
type LogSink struct{}

func (*LogSink) check(*checker, func(...any) []any) {}

func (*LogSink) resolve(string) {}

func (*LogSink) manner() manner { return manner{unrecorded: true} }

func (*LogSink) build(name string, tools SinkTools) (notifier.Sink, error) {
	return notifier.Log{As: name, Logger: tools.Log.Named("notice")}, nil
}

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// person is what the commands by which people act have in common: they ask the daemon over NATS, under the name that the
// server lets the person use.
type person struct {
	around      surroundings
	connection  connection
	output      output
	environment string
	name        string
}

func (p *person) register(cmd *cobra.Command) {
	p.identify(cmd)
	p.output.register(cmd.Flags())
}

// identify registers whom to ask, and under what name.
func (p *person) identify(cmd *cobra.Command) {
	flags := cmd.Flags()
	p.connection.register(flags)
	flags.StringVar(&p.environment, "env", "", "environment ($ROLLBACKD_ENV)")
	flags.StringVar(&p.name, "as", "", "name to act under, which the server must allow (default the NATS user)")
}

func (p *person) complete() error {
	if err := p.connection.complete(p.around.env); err != nil {
		return err
	}
	p.environment = cmp.Or(p.environment, p.around.env("ROLLBACKD_ENV"))
	p.name = cmp.Or(p.name, p.connection.login.User)
	if u, err := url.Parse(p.connection.url); err == nil && p.name == "" {
		p.name = u.User.Username()
	}
	if !control.ValidUser(p.name) {
		return errors.New("under what name? give --user, or --as with credentials that do not show it; letters, digits, '-' and '_' only")
	}
	p.connection.as = p.name
	return nil
}

// target reads NAMESPACE/NAME.
func (p *person) target(text string) (event.Target, error) {
	if p.environment == "" {
		return event.Target{}, errors.New("in which environment? give --env or $ROLLBACKD_ENV")
	}
	namespace, name, ok := strings.Cut(text, "/")
	target, err := event.ParseSubject(strings.Join([]string{event.SubjectPrefix, p.environment, namespace, name}, "."))
	if !ok || err != nil {
		return event.Target{}, fmt.Errorf("%s is not NAMESPACE/NAME of a workload", event.Quote(text))
	}
	return target, nil
}

// ask sends one request and returns the answer, also one that refuses.
func (p *person) ask(ctx context.Context, verb control.Verb, target event.Target, request control.Request) (control.Reply, error) {
	nc, err := p.connection.dial(func(error) {}) // a complaint shows in LastError
	if err != nil {
		return control.Reply{}, err
	}
	defer nc.Close()
	body, err := json.Marshal(request)
	if err != nil {
		return control.Reply{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, max(p.connection.timeout, controlPatience))
	defer cancel()
	subject := control.Subject(p.name, verb, target)
	// An answer is not waited for where the server forbids to ask.
	answers := make(chan *nats.Msg, 1)
	inbox := nc.NewInbox()
	sub, err := nc.ChanSubscribe(inbox, answers)
	if err == nil {
		err = nc.PublishRequest(subject, inbox, body)
	}
	if err == nil {
		err = nc.FlushWithContext(bounded)
	}
	if err != nil {
		return control.Reply{}, fmt.Errorf("unable to ask: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if complaint := nc.LastError(); complaint != nil {
		return control.Reply{}, refusal{fmt.Errorf("the server refuses: %w", complaint)}
	}
	select {
	case msg := <-answers:
		return readReply(msg)
	case <-bounded.Done():
		return control.Reply{}, fmt.Errorf("no answer from %s: is rollbackd running, and does it watch environment %q? What was asked for may have been done",
			p.connection.where(), target.Environment)
	}
}

func readReply(msg *nats.Msg) (control.Reply, error) {
	if len(msg.Data) == 0 && msg.Header.Get("Status") == "503" {
		return control.Reply{}, errors.New("nobody listens: is rollbackd running, and does it watch this environment?")
	}
	var reply control.Reply
	if err := json.Unmarshal(msg.Data, &reply); err != nil {
		return control.Reply{}, fmt.Errorf("the answer cannot be read: %w", err)
	}
	return reply, nil
}

// tell writes an answer and turns one that refuses into an error.
func (p *person) tell(reply control.Reply) error {
	if p.output == outputJSON {
		if err := writeJSON(p.around.out, reply); err != nil {
			return err
		}
	} else if reply.OK {
		fmt.Fprintln(p.around.out, plain(reply.Message))
		if reply.Watch != "" {
			fmt.Fprintln(p.around.out, "watch", plain(reply.Watch))
		}
	}
	return refused(reply)
}

func refused(reply control.Reply) error {
	if reply.OK {
		return nil
	}
	return refusal{fmt.Errorf("refused: %s (%s)", plain(reply.Message), plain(string(reply.Code)))}
}

// find returns the newest watch that an ID names: the key of a watch, an incident, or the event's own ID.
func (p *person) find(ctx context.Context, id, namespace string) (watch.View, error) {
	target := event.Target{Environment: p.environment, Namespace: namespace, Workload: control.AllWorkloads}
	if environment, namespace, is := event.OfKey(id); is {
		target.Environment, target.Namespace = environment, namespace
	}
	if !event.IsName(target.Environment) || !event.IsName(target.Namespace) {
		return watch.View{}, fmt.Errorf("whose is %s? give --env and --namespace, or the ID of the watch, which names both", event.Quote(id))
	}
	views, _, err := p.watches(ctx, target, id)
	if err != nil {
		return watch.View{}, err
	}
	for _, v := range views {
		if v.ID == id || v.Incident == id || v.EventID == id {
			return v, nil
		}
	}
	return watch.View{}, refusal{fmt.Errorf("no watch in %s/%s has the ID %s, of its own, of its incident or of its event",
		target.Environment, target.Namespace, event.Quote(id))}
}

// watches lists the watches of a target, those that go on before the others and the newest first; with an ID those that it names.
func (p *person) watches(ctx context.Context, target event.Target, id string) ([]watch.View, []string, error) {
	reply, err := p.ask(ctx, control.List, target, control.Request{Reading: control.Reading{Find: id}})
	if err == nil {
		err = refused(reply)
	}
	if err != nil {
		return nil, nil, err
	}
	var views []watch.View
	if err := json.Unmarshal(reply.Watches, &views); err != nil {
		return nil, nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	return views, reply.Notes, nil
}

// requestID names a request that must not be carried out twice.
func requestID() string { return nuid.Next() }

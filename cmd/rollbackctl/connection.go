package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"

	"github.com/rollbackd/rollbackd/internal/event"
)

const defaultURL = "nats://127.0.0.1:4222"

// connection is how a command reaches NATS.
type connection struct {
	url, inbox string
	login      login
	timeout    time.Duration
	// as is the name that a person acts under; empty for a command that is nobody's in particular.
	as string
}

// register adds the flags that every command on NATS has. What the environment says is not made their default, because
// help shows defaults, and a URL may hold a password.
func (c *connection) register(flags *pflag.FlagSet) {
	flags.StringVar(&c.url, "nats", "", "URL of the NATS server ($ROLLBACKD_NATS; default "+defaultURL+")")
	c.login.register(flags)
	flags.StringVar(&c.inbox, "inbox-prefix", "",
		"subject prefix that replies may arrive on ($ROLLBACKD_NATS_INBOX_PREFIX; default _INBOX_<user>, or _INBOX_<name> of --as)")
	flags.DurationVar(&c.timeout, "timeout", 5*time.Second, "how long to wait for the server's answer")
}

// complete fills in from the environment what no flag gave.
func (c *connection) complete(env func(string) string) error {
	if c.timeout <= 0 {
		return fmt.Errorf("--timeout %s leaves the server no time to answer", c.timeout)
	}
	c.url = cmp.Or(c.url, env("ROLLBACKD_NATS"), defaultURL)
	c.inbox = cmp.Or(c.inbox, env("ROLLBACKD_NATS_INBOX_PREFIX"))
	return c.login.complete(env)
}

// dial connects once, without retrying: a pipeline had better fail than hang. What the server complains of later goes
// to complain.
func (c *connection) dial(complain func(error)) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("rollbackctl"), nats.NoReconnect(), nats.Timeout(c.timeout),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { complain(err) }),
	}
	if prefix := c.inboxPrefix(); prefix != "" {
		options = append(options, nats.CustomInboxPrefix(prefix))
	}
	if err := c.login.check(); err != nil { // before the client is, whose errors read as if the server could not be reached
		return nil, err
	}
	nc, err := c.login.connect(c.url, options...)
	switch {
	case err == nil:
		return nc, nil
	case errors.Is(err, nats.ErrAuthorization):
		return nil, fmt.Errorf("%s refuses the credentials; check %s: %w", c.where(), c.login.shown(), err)
	case ofTLS(err):
		return nil, fmt.Errorf("no encrypted connection with %s; check --ca, --tls-server-name, and --cert with --key: %w", c.where(), err)
	}
	return nil, fmt.Errorf("unable to reach NATS at %s; check --nats or $ROLLBACKD_NATS, and that the server runs: %w",
		c.where(), err)
}

// inboxPrefix is where the server allows the user to get replies; empty means the client's default.
func (c *connection) inboxPrefix() string {
	user := c.login.User
	if parsed, err := url.Parse(c.url); err == nil && user == "" {
		user = parsed.User.Username()
	}
	switch user = cmp.Or(user, c.as); {
	case c.inbox != "":
		return c.inbox
	case user != "":
		return event.InboxPrefix(user)
	}
	return ""
}

// where is the server's address without the password that a URL may hold.
func (c *connection) where() string {
	parsed, err := url.Parse(c.url)
	if err != nil {
		return "the server"
	}
	return parsed.Redacted()
}

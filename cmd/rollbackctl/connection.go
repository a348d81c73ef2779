package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"

	"github.com/rollbackd/rollbackd/internal/event"
)

const defaultURL = "nats://127.0.0.1:4222"

// connection is how a command reaches NATS.
type connection struct {
	url, user, passwordFile, password, creds, ca, inbox string
	timeout                                             time.Duration
}

// register adds the flags that every command on NATS has. What the environment says is not made their default, because
// help shows defaults, and a URL may hold a password.
func (c *connection) register(flags *pflag.FlagSet) {
	flags.StringVar(&c.url, "nats", "", "URL of the NATS server ($ROLLBACKD_NATS; default "+defaultURL+")")
	flags.StringVar(&c.user, "user", "", "NATS user ($ROLLBACKD_NATS_USER)")
	flags.StringVar(&c.passwordFile, "password-file", "",
		"file with the user's password ($ROLLBACKD_NATS_PASSWORD_FILE; or the password in $ROLLBACKD_NATS_PASSWORD)")
	flags.StringVar(&c.creds, "creds", "", "NATS credentials file ($ROLLBACKD_NATS_CREDS)")
	flags.StringVar(&c.ca, "ca", "", "file with the server's certificate authority ($ROLLBACKD_NATS_CA)")
	flags.StringVar(&c.inbox, "inbox-prefix", "",
		"subject prefix that replies may arrive on ($ROLLBACKD_NATS_INBOX_PREFIX; default _INBOX_<user>)")
	flags.DurationVar(&c.timeout, "timeout", 5*time.Second, "how long to wait for the server's answer")
}

// complete fills in from the environment what no flag gave.
func (c *connection) complete(env func(string) string) error {
	if c.timeout <= 0 {
		return fmt.Errorf("--timeout %s leaves the server no time to answer", c.timeout)
	}
	c.url = cmp.Or(c.url, env("ROLLBACKD_NATS"), defaultURL)
	c.user = cmp.Or(c.user, env("ROLLBACKD_NATS_USER"))
	c.passwordFile = cmp.Or(c.passwordFile, env("ROLLBACKD_NATS_PASSWORD_FILE"))
	c.password = env("ROLLBACKD_NATS_PASSWORD")
	c.creds = cmp.Or(c.creds, env("ROLLBACKD_NATS_CREDS"))
	c.ca = cmp.Or(c.ca, env("ROLLBACKD_NATS_CA"))
	c.inbox = cmp.Or(c.inbox, env("ROLLBACKD_NATS_INBOX_PREFIX"))
	return nil
}

// dial connects once, without retrying: a pipeline had better fail than hang. What the server complains of later goes
// to complain.
func (c *connection) dial(complain func(error)) (*nats.Conn, error) {
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	options = append(options, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { complain(err) }))
	nc, err := nats.Connect(c.url, options...)
	switch {
	case err == nil:
		return nc, nil
	case errors.Is(err, nats.ErrAuthorization):
		return nil, fmt.Errorf("%s refuses the credentials; check --user and --password-file, or --creds: %w", c.where(), err)
	}
	return nil, fmt.Errorf("unable to reach NATS at %s; check --nats or $ROLLBACKD_NATS, and that the server runs: %w",
		c.where(), err)
}

func (c *connection) options() ([]nats.Option, error) {
	options := []nats.Option{nats.Name("rollbackctl"), nats.NoReconnect(), nats.Timeout(c.timeout)}
	if c.user != "" {
		password, err := c.readPassword()
		if err != nil {
			return nil, err
		}
		options = append(options, nats.UserInfo(c.user, password))
	}
	// The client reads these files while it connects, and its errors read as if the server could not be reached.
	if c.creds != "" {
		if _, err := os.ReadFile(c.creds); err != nil {
			return nil, fmt.Errorf("unable to read the credentials: %w", err)
		}
		options = append(options, nats.UserCredentials(c.creds))
	}
	if c.ca != "" {
		if _, err := os.ReadFile(c.ca); err != nil {
			return nil, fmt.Errorf("unable to read the certificate authority: %w", err)
		}
		options = append(options, nats.RootCAs(c.ca))
	}
	if prefix := c.inboxPrefix(); prefix != "" {
		options = append(options, nats.CustomInboxPrefix(prefix))
	}
	return options, nil
}

func (c *connection) readPassword() (string, error) {
	if c.passwordFile == "" {
		return c.password, nil
	}
	text, err := os.ReadFile(c.passwordFile)
	if err != nil {
		return "", fmt.Errorf("unable to read the password: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// inboxPrefix is where the server allows the user to get replies; empty means the client's default.
func (c *connection) inboxPrefix() string {
	user := c.user
	if parsed, err := url.Parse(c.url); err == nil && user == "" {
		user = parsed.User.Username()
	}
	switch {
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

package notifier

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"time"
)

// SMTPTLS says how a connection to a mail server is encrypted.
type SMTPTLS string

// The ways.
const (
	// TLSRequired asks for STARTTLS and sends nothing to a server that does not offer it.
	TLSRequired SMTPTLS = "required"
	// TLSOpportunistic uses STARTTLS where it is offered. Whoever sits between can take the offer out.
	TLSOpportunistic SMTPTLS = "opportunistic"
	// TLSImplicit speaks TLS from the first byte, as on port 465.
	TLSImplicit SMTPTLS = "implicit"
	// TLSOff does not encrypt.
	TLSOff SMTPTLS = "off"
)

// quitTime is how long a server may take to say goodbye after it has taken a message.
const quitTime = time.Second

// SMTPOptions configures an SMTP sink.
type SMTPOptions struct {
	// Name is the sink's.
	Name string
	// Server is the mail server as host:port.
	Server string
	// Hello is how the daemon introduces itself, a host's name; empty means localhost.
	Hello string
	// TLS is TLSRequired where it is empty; TLSConfig is that of the connection, nil for the system's authorities.
	TLS       SMTPTLS
	TLSConfig *tls.Config
	// Username logs in with the password that Password reads for each message; empty means without.
	Username string
	Password func() (string, error)
	// From is the sender, To whoever gets every message beside those whom a notice is for, each as "Name <address>" or as an address alone.
	From string
	To   []string
	// Now is the time of a message; nil means time.Now.
	Now func() time.Time
}

// SMTP is a Sink that sends e-mail: a message for each notice, all of an incident in one thread.
//
// It is written on net/smtp rather than on a mail library: a library sends a message to all recipients or to none, and a page must not be lost to
// the mistyped address of somebody else.
type SMTP struct {
	opts   SMTPOptions
	mail   mailer
	served served
}

// NewSMTP returns the sink; the error names an address that is none.
func NewSMTP(opts SMTPOptions) (*SMTP, error) {
	if opts.TLS == "" {
		opts.TLS = TLSRequired
	}
	if opts.Hello == "" {
		opts.Hello = "localhost"
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if _, _, err := net.SplitHostPort(opts.Server); err != nil {
		return nil, fmt.Errorf("the mail server's address: %w", err)
	}
	mail, err := newMailer(opts.From, opts.To)
	if err != nil {
		return nil, err
	}
	return &SMTP{opts: opts, mail: mail}, nil
}

// Name returns the name that the sink was given.
func (s *SMTP) Name() string { return s.opts.Name }

// Notify sends n by one connection. Who was refused for good (a reply of 5xx) is not tried again, and keeps nobody else from the message; who was
// refused for now is, alone.
func (s *SMTP) Notify(ctx context.Context, n Notice) (bool, error) {
	all, invalid := s.mail.recipients(n)
	if len(all) == 0 && invalid == nil {
		return false, errors.New("nobody has an e-mail address for this notice; set to, or give its roles one in the contacts")
	}
	left := s.served.without(n.ID, all)
	if len(left) == 0 {
		return false, invalid
	}
	text, err := s.mail.message(n, all, s.opts.Now())
	if err != nil {
		return false, fmt.Errorf("write the message: %w", err)
	}
	password, err := s.password()
	if err != nil {
		return true, err // the file may be on its way, as a Secret that is being replaced
	}
	ctx, cancel := context.WithTimeout(ctx, DefaultDeadline)
	defer cancel()
	taken, err := s.deliver(ctx, envelope{password: password, to: left, text: text})
	retry := err != nil && temporary(err)
	s.served.note(n.ID, taken, retry)
	if err != nil {
		err = fmt.Errorf("%s: %s", s.opts.Server, s.harmless(err, password))
	}
	return retry, errors.Join(err, invalid)
}

// harmless is an error as text without the password, which a server may say back as it was sent.
func (s *SMTP) harmless(err error, password string) string {
	secrets := []string{password}
	for _, sent := range []string{password, (&login{username: s.opts.Username, password: password}).plain()} {
		secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte(sent)))
	}
	return plain(blotOut(err.Error(), secrets), 4*maxQuoted)
}

func (s *SMTP) password() (string, error) {
	if s.opts.Username == "" {
		return "", nil
	}
	return s.opts.Password()
}

// deliver talks to the server, and returns who was taken. Every step is bounded by ctx: net/smtp knows no contexts, so the connection has the
// deadline, and is closed when ctx ends before it.
func (s *SMTP) deliver(ctx context.Context, e envelope) (taken []string, err error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	host, _, _ := net.SplitHostPort(s.opts.Server)
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, step("greeting", err)
	}
	if err := s.prepare(client, host, e.password); err != nil {
		return nil, err
	}
	taken, err = send(client, s.mail.from.Address, e)
	if len(taken) > 0 {
		// The server has the message, so what comes after is of no weight.
		_ = conn.SetDeadline(time.Now().Add(quitTime))
		_ = client.Quit()
	}
	return taken, err
}

func (s *SMTP) dial(ctx context.Context) (net.Conn, error) {
	if s.opts.TLS == TLSImplicit {
		return (&tls.Dialer{Config: s.tlsConfig()}).DialContext(ctx, "tcp", s.opts.Server)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", s.opts.Server)
}

func (s *SMTP) tlsConfig() *tls.Config {
	config := &tls.Config{}
	if s.opts.TLSConfig != nil {
		config = s.opts.TLSConfig.Clone()
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(s.opts.Server)
	}
	return config
}

// prepare greets, encrypts and logs in.
func (s *SMTP) prepare(client *smtp.Client, host, password string) error {
	if err := client.Hello(s.opts.Hello); err != nil {
		return step("EHLO", err)
	}
	if s.opts.TLS == TLSRequired || s.opts.TLS == TLSOpportunistic {
		offered, _ := client.Extension("STARTTLS")
		switch {
		case offered:
			if err := client.StartTLS(s.tlsConfig()); err != nil {
				return step("STARTTLS", err)
			}
		case s.opts.TLS == TLSRequired:
			return errors.New("the server does not offer STARTTLS, so nothing was sent; use tls: implicit for one that speaks TLS from the start")
		}
	}
	if s.opts.Username == "" {
		return nil
	}
	if err := client.Auth(&login{username: s.opts.Username, password: password, host: host}); err != nil {
		return step("AUTH", err)
	}
	return nil
}

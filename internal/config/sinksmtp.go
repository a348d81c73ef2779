package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/mail"
	"os"
	"slices"

	"github.com/rollbackd/rollbackd/notifier"
)

// SMTPSink sends e-mail, to the addresses in to and to those that the contacts give the roles of the routes.
type SMTPSink struct {
	// Server is the mail server, as host:port. Required.
	Server string `yaml:"server"`
	// TLS is required (STARTTLS, and nothing is sent without), opportunistic (STARTTLS where it is offered), implicit (TLS from the first
	// byte, as on port 465) or off. Default required.
	TLS notifier.SMTPTLS `yaml:"tls"`
	// CAFile holds the authorities that the server's certificate is verified by. Default those of the system.
	CAFile string `yaml:"caFile"`
	// ServerName is the name that its certificate must have. Default the host in server.
	ServerName string `yaml:"serverName"`
	// Hello is the name by which the daemon introduces itself. Default localhost.
	Hello string `yaml:"hello"`
	// Username logs in, by PLAIN or LOGIN. Default none, which is for servers that need no password.
	Username string `yaml:"username"`
	// PasswordFile holds the password; it is read for each message.
	PasswordFile string `yaml:"passwordFile"`
	// From is the sender, as an address or as "Name <address>". Required.
	From string `yaml:"from"`
	// To get every message that the routes take here.
	To []string `yaml:"to"`
}

// UnmarshalYAML implements the decoder's interface; fields that are left out get their defaults.
func (s *SMTPSink) UnmarshalYAML(unmarshal func(any) error) error {
	*s = SMTPSink{TLS: notifier.TLSRequired, Hello: "localhost"}
	type plain SMTPSink
	return unmarshal((*plain)(s))
}

func (s *SMTPSink) check(k *checker, field func(...any) []any) {
	host, port, err := net.SplitHostPort(s.Server)
	if err != nil || host == "" || port == "" {
		k.say(field("server"), "%q is not the address of a mail server; write it as mail.example.com:587", s.Server)
	}
	oneOf(k, field("tls"), "a way to encrypt", s.TLS, []notifier.SMTPTLS{notifier.TLSRequired, notifier.TLSOpportunistic, notifier.TLSImplicit, notifier.TLSOff})
	if (s.Username == "") != (s.PasswordFile == "") {
		k.say(field("username"), "and passwordFile go together; give both, or neither where the server needs no password")
	}
	local := slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, host)
	if s.Username != "" && s.TLS == notifier.TLSOff && !local {
		k.say(field("tls"), "off would show the password to the network; use required or implicit")
	}
	if _, err := mail.ParseAddress(s.From); err != nil {
		k.say(field("from"), "%q is not an e-mail address; write it as rollbackd <rollbackd@example.com>", s.From)
	}
	for i, to := range s.To {
		if _, err := mail.ParseAddress(to); err != nil {
			k.say(field("to", i), "%q is not an e-mail address; write it as on-call@example.com", to)
		}
	}
	if !leaseName.MatchString(s.Hello) {
		k.say(field("hello"), "%q is not a host's name; use the one that the mail server knows this machine by", s.Hello)
	}
}

// unaddressed warns of e-mail that would be for nobody.
func (c *Config) unaddressed(warn func(path []any, format string, args ...any)) {
	for i, s := range c.Notify.Sinks {
		if s.SMTP == nil || len(s.SMTP.To) > 0 {
			continue
		}
		if slices.ContainsFunc(c.NotifyRoutes(), func(r notifier.Route) bool { return slices.Contains(r.Sinks, s.Name) && len(r.To) == 0 }) {
			warn([]any{"notify", "sinks", i, "smtp"}, "has no to, and a route leads to it that names no roles, so the e-mail of that route is for nobody; give either")
		}
	}
}

func (s *SMTPSink) resolve(file string) {
	s.CAFile, s.PasswordFile = relativeTo(file, s.CAFile), relativeTo(file, s.PasswordFile)
}

func (s *SMTPSink) manner() manner { return manner{groups: true, medium: MediumEmail} }

func (s *SMTPSink) build(name string, _ SinkTools) (notifier.Sink, error) {
	config := &tls.Config{ServerName: s.ServerName}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("caFile: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("caFile: %s holds no certificate in PEM", s.CAFile)
		}
	}
	var password func() (string, error)
	if s.PasswordFile != "" {
		var err error
		if password, err = secretFile(s.PasswordFile); err != nil {
			return nil, fmt.Errorf("passwordFile: %w", err)
		}
	}
	return notifier.NewSMTP(notifier.SMTPOptions{
		Name: name, Server: s.Server, Hello: s.Hello, TLS: s.TLS, TLSConfig: config, Username: s.Username, Password: password, From: s.From, To: s.To,
	})
}

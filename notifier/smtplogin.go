package notifier

import (
	"errors"
	"fmt"
	"net/smtp"
	"slices"
	"strings"
)

// login is the mechanism PLAIN, or LOGIN where the server knows only that. It gives the password to nobody whom it does not know by TLS,
// but for this machine itself.
type login struct {
	username, password, host string
	// asked is how many questions of LOGIN were answered.
	asked int
}

func (l *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	local := slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, l.host)
	if !server.TLS && !local {
		return "", nil, errors.New("the connection is not encrypted, so the password was not sent; use tls: required or implicit")
	}
	has := func(mechanism string) bool {
		return slices.ContainsFunc(server.Auth, func(a string) bool { return strings.EqualFold(a, mechanism) })
	}
	switch {
	case has("PLAIN"):
		return "PLAIN", []byte(l.plain()), nil
	case has("LOGIN"):
		return "LOGIN", nil, nil
	}
	return "", nil, fmt.Errorf("the server offers %q; PLAIN and LOGIN are known here", plain(strings.Join(server.Auth, " "), maxQuoted))
}

func (l *login) plain() string { return "\x00" + l.username + "\x00" + l.password }

// Next answers what LOGIN asks: the name, then the password. The words of the questions differ from server to server.
func (l *login) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	l.asked++
	switch l.asked {
	case 1:
		return []byte(l.username), nil
	case 2:
		return []byte(l.password), nil
	}
	return nil, errors.New("the server asks for more than a name and a password")
}

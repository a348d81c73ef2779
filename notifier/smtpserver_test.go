package notifier

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// mailServer is a real SMTP server in this process. What it does not like is said by the funcs.
type mailServer struct {
	address    string
	mechanisms []string
	rcpt       func(to string, attempt int) error
	data       func() error
	encrypted  bool

	mu       sync.Mutex
	attempts map[string]int
	got      []mailGot
}

type mailGot struct {
	from string
	to   []string
	text string
}

func (m *mailServer) messages() []mailGot {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]mailGot(nil), m.got...)
}

// mailSession is one connection.
type mailSession struct {
	server *mailServer
	conn   *gosmtp.Conn
	got    mailGot
	user   string
}

func (s *mailSession) Reset()        { s.got = mailGot{} }
func (s *mailSession) Logout() error { return nil }

func (s *mailSession) AuthMechanisms() []string { return s.server.mechanisms }

func (s *mailSession) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, password string) error {
		if user != "rollbackd" || password != mailPassword {
			// As some servers do: it says back what it was sent.
			return &gosmtp.SMTPError{Code: 535, EnhancedCode: gosmtp.EnhancedCode{5, 7, 8}, Message: "bad credentials " + user + " " + password}
		}
		s.user = user
		return nil
	}
	if mechanism == sasl.Plain {
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	}
	return &loginServer{check: check}, nil
}

// loginServer asks as LOGIN does.
type loginServer struct {
	check func(user, password string) error
	step  int
	user  string
}

func (l *loginServer) Next(response []byte) ([]byte, bool, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

func (s *mailSession) Mail(from string, _ *gosmtp.MailOptions) error {
	_, encrypted := s.conn.TLSConnectionState()
	if s.server.encrypted && !encrypted {
		return errors.New("not encrypted")
	}
	if s.server.mechanisms != nil && s.user == "" {
		return gosmtp.ErrAuthRequired
	}
	s.got.from = from
	return nil
}

func (s *mailSession) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.server.mu.Lock()
	s.server.attempts[to]++
	attempt := s.server.attempts[to]
	s.server.mu.Unlock()
	if s.server.rcpt != nil {
		if err := s.server.rcpt(to, attempt); err != nil {
			return err
		}
	}
	s.got.to = append(s.got.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.data != nil {
		if err := s.server.data(); err != nil {
			return err
		}
	}
	s.got.text = string(text)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.got = append(s.server.got, s.got)
	return nil
}

const mailPassword = "planted-password-7f3a"

// certified returns the two sides of TLS with a certificate that only they know.
func certified(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	h := httptest.NewTLSServer(http.NotFoundHandler())
	defer h.Close()
	return &tls.Config{Certificates: h.TLS.Certificates}, &tls.Config{RootCAs: h.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
}

func startMail(t *testing.T, m *mailServer, config *tls.Config, implicit bool) *mailServer {
	t.Helper()
	m.attempts = map[string]int{}
	s := gosmtp.NewServer(gosmtp.BackendFunc(func(c *gosmtp.Conn) (gosmtp.Session, error) { return &mailSession{server: m, conn: c}, nil }))
	s.Domain, s.TLSConfig, s.ReadTimeout, s.ErrorLog, s.AllowInsecureAuth = "mail.test", config, time.Minute, quiet{}, true
	if implicit {
		s.TLSConfig = nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	m.address = listener.Addr().String()
	if implicit {
		listener = tls.NewListener(listener, config)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(listener) }()
	// A server that did not get to serve before it was closed does not know its listener.
	t.Cleanup(func() { _ = s.Close(); _ = listener.Close(); <-done })
	return m
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// silent is a server that plays its part up to a step and says no more then. The steps are what the client says.
func silent(t *testing.T, until string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var open sync.WaitGroup
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop); listener.Close(); open.Wait() })
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer conn.Close()
				play(conn, until)
				<-stop
			})
		}
	})
	return listener.Addr().String()
}

func play(conn net.Conn, until string) {
	if until == "greeting" {
		return
	}
	fmt.Fprint(conn, "220 mail.test ESMTP\r\n")
	lines := bufio.NewScanner(conn)
	data := false
	for lines.Scan() {
		line := lines.Text()
		verb, _, _ := strings.Cut(line, " ")
		if data && line == "." {
			data, verb = false, "end of DATA"
		} else if data {
			continue
		}
		if verb == until {
			return
		}
		switch verb {
		case "EHLO":
			fmt.Fprint(conn, "250-mail.test\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
		case "DATA":
			data = true
			fmt.Fprint(conn, "354 go on\r\n")
		case "AUTH":
			fmt.Fprint(conn, "235 welcome\r\n")
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

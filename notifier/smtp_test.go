package notifier

import (
	"context"
	"crypto/tls"
	"errors"
	"net/smtp"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

func mailSink(t *testing.T, address string, edit func(*SMTPOptions)) *SMTP {
	t.Helper()
	opts := SMTPOptions{
		Name: "mail", Server: address, TLS: TLSOff, From: "rollbackd <rollbackd@shop.example>", To: []string{"on-call@shop.example"},
		Password: func() (string, error) { return mailPassword, nil },
		Now:      func() time.Time { return time.Date(2026, 11, 22, 10, 5, 11, 0, time.UTC) },
	}
	if edit != nil {
		edit(&opts)
	}
	s, err := NewSMTP(opts)
	require.NoError(t, err)
	return s
}

func TestMailOverTLS(t *testing.T) {
	serverTLS, clientTLS := certified(t)
	for name, c := range map[string]struct {
		offered, implicit bool
		mode              SMTPTLS
		trust             *tls.Config
		problem           string
	}{
		"required, offered":          {offered: true, mode: TLSRequired, trust: clientTLS},
		"the default is required":    {mode: "", trust: clientTLS, problem: "does not offer STARTTLS"},
		"required, not offered":      {mode: TLSRequired, trust: clientTLS, problem: "does not offer STARTTLS"},
		"required, not trusted":      {offered: true, mode: TLSRequired, problem: "STARTTLS: tls: failed to verify certificate"},
		"opportunistic, offered":     {offered: true, mode: TLSOpportunistic, trust: clientTLS},
		"opportunistic, not offered": {mode: TLSOpportunistic},
		"implicit":                   {implicit: true, mode: TLSImplicit, trust: clientTLS},
		"implicit, not trusted":      {implicit: true, mode: TLSImplicit, problem: "failed to verify certificate"},
		"off":                        {offered: true, mode: TLSOff},
	} {
		t.Run(name, func(t *testing.T) {
			m := &mailServer{encrypted: c.mode != TLSOff && c.mode != TLSOpportunistic || c.offered && c.mode != TLSOff}
			var config *tls.Config
			if c.offered || c.implicit {
				config = serverTLS
			}
			startMail(t, m, config, c.implicit)
			sink := mailSink(t, m.address, func(o *SMTPOptions) { o.TLS, o.TLSConfig = c.mode, c.trust })
			retry, err := sink.Notify(t.Context(), regressed())
			if c.problem != "" {
				require.ErrorContains(t, err, c.problem)
				require.True(t, retry, "a certificate may be renewed")
				require.Empty(t, m.messages())
				return
			}
			require.NoError(t, err)
			require.Len(t, m.messages(), 1)
		})
	}
}

func TestMailLogsIn(t *testing.T) {
	serverTLS, clientTLS := certified(t)
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		t.Run(mechanism, func(t *testing.T) {
			m := startMail(t, &mailServer{mechanisms: []string{mechanism}}, serverTLS, false)
			with := func(password string) *SMTP {
				return mailSink(t, m.address, func(o *SMTPOptions) {
					o.TLS, o.TLSConfig, o.Username = TLSRequired, clientTLS, "rollbackd"
					o.Password = func() (string, error) { return password, nil }
				})
			}
			_, err := with(mailPassword).Notify(t.Context(), regressed())
			require.NoError(t, err)
			require.Len(t, m.messages(), 1)

			retry, err := with("wrong-canary-91c2").Notify(t.Context(), regressed())
			require.ErrorContains(t, err, "AUTH: 535")
			require.NotContains(t, err.Error(), "canary")
			require.False(t, retry, "the server calls it permanent")
		})
	}
	t.Run("neither", func(t *testing.T) {
		m := startMail(t, &mailServer{mechanisms: []string{"CRAM-MD5"}}, serverTLS, false)
		sink := mailSink(t, m.address, func(o *SMTPOptions) { o.TLS, o.TLSConfig, o.Username = TLSRequired, clientTLS, "rollbackd" })
		_, err := sink.Notify(t.Context(), regressed())
		require.ErrorContains(t, err, `the server offers "CRAM-MD5"`)
	})
	t.Run("no password", func(t *testing.T) {
		sink := mailSink(t, "127.0.0.1:1", func(o *SMTPOptions) {
			o.Username, o.Password = "rollbackd", func() (string, error) { return "", errors.New("open password: no such file") }
		})
		retry, err := sink.Notify(t.Context(), regressed())
		require.ErrorContains(t, err, "no such file")
		require.True(t, retry)
	})
}

func TestPasswordIsNotSentInTheClear(t *testing.T) {
	for name, c := range map[string]struct {
		host string
		tls  bool
		sent bool
	}{
		"encrypted":          {"mail.example", true, true},
		"not encrypted":      {"mail.example", false, false},
		"to this machine":    {"127.0.0.1", false, true},
		"to the name of it":  {"localhost", false, true},
		"looks like it only": {"localhost.example", false, false},
	} {
		_, sent, err := (&login{username: "u", password: mailPassword, host: c.host}).Start(&smtp.ServerInfo{Name: c.host, TLS: c.tls, Auth: []string{"plain"}})
		if (err == nil) != c.sent || (len(sent) > 0) != c.sent {
			t.Errorf("%s: %q, %v", name, sent, err)
		}
	}
}

func TestRefusedRecipientKeepsNobodyFromTheMessage(t *testing.T) {
	gone := &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	busy := &gosmtp.SMTPError{Code: 450, EnhancedCode: gosmtp.EnhancedCode{4, 2, 0}, Message: "try later"}
	m := startMail(t, &mailServer{rcpt: func(to string, attempt int) error {
		switch {
		case to == "gone@shop.example":
			return gone
		case to == "grey@shop.example" && attempt == 1:
			return busy
		}
		return nil
	}}, nil, false)
	sink := mailSink(t, m.address, func(o *SMTPOptions) { o.To = []string{"gone@shop.example", "grey@shop.example", "good@shop.example"} })

	retry, err := sink.Notify(t.Context(), regressed())
	require.ErrorContains(t, err, "gone@shop.example: 550")
	require.ErrorContains(t, err, "grey@shop.example: 450")
	require.True(t, retry, "one was refused for now")
	retry, err = sink.Notify(t.Context(), regressed())
	require.ErrorContains(t, err, "gone@shop.example: 550")
	require.False(t, retry, "what is left is refused for good")

	got := m.messages()
	require.Len(t, got, 2)
	require.Equal(t, []string{"good@shop.example"}, got[0].to)
	require.Equal(t, []string{"grey@shop.example"}, got[1].to, "who has the message does not get it again")
	require.Empty(t, sink.served.by)
}

func TestEveryRecipientRefused(t *testing.T) {
	m := startMail(t, &mailServer{rcpt: func(string, int) error {
		return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "no\r\n such\x1b user"}
	}}, nil, false)
	retry, err := mailSink(t, m.address, nil).Notify(t.Context(), regressed())
	require.ErrorContains(t, err, "RCPT TO on-call@shop.example: 550")
	require.NotContains(t, err.Error(), "\n")
	require.NotContains(t, err.Error(), "\x1b")
	require.False(t, retry)
	require.Empty(t, m.messages())
}

func TestRefusedMessage(t *testing.T) {
	for code, again := range map[int]bool{452: true, 552: false} {
		m := startMail(t, &mailServer{data: func() error {
			return &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.EnhancedCode{code / 100, 3, 4}, Message: "too big"}
		}}, nil, false)
		retry, err := mailSink(t, m.address, nil).Notify(t.Context(), regressed())
		require.ErrorContains(t, err, "end of DATA")
		require.Equal(t, again, retry, code)
	}
}

func TestMailGoesToTheRolesOfANotice(t *testing.T) {
	m := startMail(t, &mailServer{}, nil, false)
	sink := mailSink(t, m.address, func(o *SMTPOptions) { o.To = nil })
	n := regressed()
	_, err := sink.Notify(t.Context(), n)
	require.ErrorContains(t, err, "nobody has an e-mail address")

	n.To = []Recipient{
		{Role: "on-call", Address: "ana@shop.example", Name: "Ana"}, {Role: "approver", Address: "ANA@shop.example"},
		{Role: "service-owner", Address: "no address\r\nRCPT TO:<eve@evil.example>"},
	}
	retry, err := sink.Notify(t.Context(), n)
	require.ErrorContains(t, err, "of the role service-owner is no e-mail address")
	require.False(t, retry)
	got := m.messages()
	require.Len(t, got, 1)
	require.Equal(t, []string{"ana@shop.example"}, got[0].to)
	require.Equal(t, "rollbackd@shop.example", got[0].from)
	require.Contains(t, got[0].text, "To: \"Ana\" <ana@shop.example>\r\n")
}

func TestServerThatHangs(t *testing.T) {
	for _, until := range []string{"greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "end of DATA"} {
		t.Run(until, func(t *testing.T) {
			t.Parallel()
			sink := mailSink(t, silent(t, until), func(o *SMTPOptions) {
				if o.Username = "rollbackd"; until == "STARTTLS" {
					o.TLS = TLSRequired
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			begin := time.Now()
			retry, err := sink.Notify(ctx, regressed())
			require.Error(t, err)
			require.True(t, retry)
			require.Less(t, time.Since(begin), 30*time.Second)
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		begin := time.Now()
		_, err := mailSink(t, silent(t, "MAIL"), nil).Notify(ctx, regressed())
		require.Error(t, err)
		require.Less(t, time.Since(begin), 30*time.Second)
	})
	t.Run("goodbye", func(t *testing.T) {
		begin := time.Now()
		_, err := mailSink(t, silent(t, "QUIT"), nil).Notify(t.Context(), regressed())
		require.NoError(t, err, "the server has the message")
		require.Less(t, time.Since(begin), quitTime+30*time.Second)
	})
}

func TestNobodyListens(t *testing.T) {
	retry, err := mailSink(t, nobody, nil).Notify(t.Context(), regressed())
	require.ErrorContains(t, err, "connection refused")
	require.True(t, retry)
}

func TestNewSMTPRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		opts SMTPOptions
		want string
	}{
		"no port":      {SMTPOptions{Server: "mail.example", From: "a@b.example"}, "the mail server's address"},
		"no sender":    {SMTPOptions{Server: "mail.example:25", From: "nobody"}, `the sender "nobody"`},
		"no recipient": {SMTPOptions{Server: "mail.example:25", From: "a@b.example", To: []string{"b@"}}, `the recipient "b@"`},
	} {
		_, err := NewSMTP(c.opts)
		require.ErrorContains(t, err, c.want, name)
	}
}

package natsauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 15 * time.Second

// login is a way to log in: what a server is given to let the newest credentials in alone, and what makes new ones.
type login struct {
	Credentials
	// replace writes new credentials into the files, and allow has the server let in these and no others.
	replace func(t *testing.T)
	allow   func(t *testing.T, o *server.Options)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func byPassword(_ *testing.T, dir string) *login {
	password := ""
	path := filepath.Join(dir, "password")
	return &login{
		Credentials: Credentials{User: "rollbackd", PasswordFile: path},
		replace:     func(t *testing.T) { password = rand.Text(); write(t, path, password+"\n") },
		allow: func(_ *testing.T, o *server.Options) {
			o.Users = []*server.User{{Username: "rollbackd", Password: password}}
		},
	}
}

func byToken(_ *testing.T, dir string) *login {
	token := ""
	path := filepath.Join(dir, "token")
	return &login{
		Credentials: Credentials{TokenFile: path},
		replace:     func(t *testing.T) { token = rand.Text(); write(t, path, token+"\n") },
		allow:       func(_ *testing.T, o *server.Options) { o.Authorization = token },
	}
}

func byNkey(_ *testing.T, dir string) *login {
	public := ""
	path := filepath.Join(dir, "seed")
	return &login{
		Credentials: Credentials{SeedFile: path},
		replace: func(t *testing.T) {
			pair, err := nkeys.CreateUser()
			require.NoError(t, err)
			seed, err := pair.Seed()
			require.NoError(t, err)
			public, err = pair.PublicKey()
			require.NoError(t, err)
			write(t, path, string(seed)+"\n")
		},
		allow: func(_ *testing.T, o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} },
	}
}

// byCreds logs in by a JWT. All that were made before the newest are revoked.
func byCreds(t *testing.T, dir string) *login {
	path := filepath.Join(dir, "rollbackd.creds")
	operator, account := pair(t, nkeys.CreateOperator), pair(t, nkeys.CreateAccount)
	user := ""
	var before []string
	return &login{
		Credentials: Credentials{CredentialsFile: path},
		replace: func(t *testing.T) {
			key := pair(t, nkeys.CreateUser)
			if user != "" {
				before = append(before, user)
			}
			user = public(t, key)
			claims := jwt.NewUserClaims(user)
			token, err := claims.Encode(account)
			require.NoError(t, err)
			seed, err := key.Seed()
			require.NoError(t, err)
			text, err := jwt.FormatUserConfig(token, seed)
			require.NoError(t, err)
			write(t, path, string(text))
		},
		allow: func(t *testing.T, o *server.Options) {
			claims := jwt.NewAccountClaims(public(t, account))
			for _, old := range before {
				claims.Revoke(old)
			}
			token, err := claims.Encode(operator)
			require.NoError(t, err)
			resolver := &server.MemAccResolver{}
			require.NoError(t, resolver.Store(public(t, account), token))
			o.TrustedKeys, o.AccountResolver = []string{public(t, operator)}, resolver
		},
	}
}

func pair(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	p, err := create()
	require.NoError(t, err)
	return p
}

func public(t *testing.T, p nkeys.KeyPair) string {
	t.Helper()
	key, err := p.PublicKey()
	require.NoError(t, err)
	return key
}

// authority is a certificate authority.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	a.certificate, a.key = a.sign(t, template)
	return a
}

// sign signs a certificate; that of the authority itself it signs by its own key.
func (a *authority) sign(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return certificate, key
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// issue writes a certificate for the name, and its key.
func (a *authority) issue(t *testing.T, name, certFile, keyFile string) {
	t.Helper()
	certificate, key := a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	writePEM(t, certFile, "CERTIFICATE", certificate.Raw)
	writePEM(t, keyFile, "PRIVATE KEY", der)
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	write(t, path, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

// byCertificate logs in by a certificate alone, of an authority that is another one each time; so is the server's own.
func byCertificate(_ *testing.T, dir string) *login {
	in := func(name string) string { return filepath.Join(dir, name) }
	var current *authority
	return &login{
		Credentials: Credentials{CAFile: in("ca.crt"), CertFile: in("tls.crt"), KeyFile: in("tls.key"), ServerName: "nats.internal"},
		replace: func(t *testing.T) {
			current = newAuthority(t)
			writePEM(t, in("ca.crt"), "CERTIFICATE", current.certificate.Raw)
			current.issue(t, "rollbackd", in("tls.crt"), in("tls.key"))
			current.issue(t, "nats.internal", in("server.crt"), in("server.key"))
		},
		allow: func(t *testing.T, o *server.Options) {
			own, err := tls.LoadX509KeyPair(in("server.crt"), in("server.key"))
			require.NoError(t, err)
			o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 5
			o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: current.pool(), ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
		},
	}
}

func logins() map[string]func(*testing.T, string) *login {
	return map[string]func(*testing.T, string) *login{
		"password": byPassword, "token": byToken, "nkey": byNkey, "credentials": byCreds, "certificate": byCertificate,
	}
}

// serve runs a server which lets nobody in but whoever has the newest credentials.
func serve(t *testing.T, l *login, port int) *server.Server {
	t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true}
	l.allow(t, o)
	s, err := server.NewServer(o)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(patience))
	return s
}

func port(s *server.Server) int { return s.Addr().(*net.TCPAddr).Port }

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("not within %s: %s", patience, what)
}

// patient are options of a client that goes on trying, as the daemon's does.
func patient(reconnected *atomic.Int32) []nats.Option {
	return []nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond), nats.ReconnectJitter(0, 0), nats.IgnoreAuthErrorAbort(), nats.RetryOnFailedConnect(true),
		nats.ReconnectHandler(func(*nats.Conn) { reconnected.Add(1) }),
	}
}

// Each way to log in is replaced while the client is connected: it connects anew at once, with what is new, and an answer that it waits for comes.
func TestCredentialsAreReplacedInTheFile(t *testing.T) {
	for name, way := range logins() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := way(t, t.TempDir())
			l.replace(t)
			s := serve(t, l, server.RANDOM_PORT)
			var reconnected atomic.Int32
			nc, err := l.Connect(s.ClientURL(), patient(&reconnected)...)
			require.NoError(t, err)
			defer nc.Close()
			eventually(t, "connected", nc.IsConnected)
			ctx, cancel := context.WithCancel(t.Context())
			kept := make(chan struct{})
			go func() { defer close(kept); l.KeepCurrent(ctx, nc, 20*time.Millisecond, zap.NewNop()) }()
			defer func() { cancel(); <-kept }()

			_, err = nc.Subscribe("hello", func(m *nats.Msg) { _ = m.Respond(m.Data) })
			require.NoError(t, err)
			greets := func() bool {
				answer, err := nc.Request("hello", []byte("there"), time.Second)
				return err == nil && string(answer.Data) == "there"
			}
			require.True(t, greets())
			for round := range 2 {
				before := reconnected.Load()
				l.replace(t) // the server does not know them yet, unless it trusts whatever its operator signs
				eventually(t, "the client has noticed", func() bool { return !nc.IsConnected() || reconnected.Load() > before })
				again := port(s)
				s.Shutdown()
				s.WaitForShutdown()
				s = serve(t, l, again)
				eventually(t, fmt.Sprintf("connected by what is new, round %d", round), func() bool { return reconnected.Load() > before && nc.IsConnected() })
				eventually(t, "answered", greets)
			}
		})
	}
}

// What was replaced does not let anybody in any more: the test above would otherwise show nothing.
func TestOldCredentialsAreRefused(t *testing.T) {
	for name, way := range logins() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			l := way(t, dir)
			l.replace(t)
			serve(t, l, server.RANDOM_PORT)
			old := filepath.Join(t.TempDir(), "old")
			require.NoError(t, os.CopyFS(old, os.DirFS(dir)))
			l.replace(t)
			s := serve(t, l, server.RANDOM_PORT)
			aged := l.Credentials
			for _, path := range []*string{&aged.CredentialsFile, &aged.SeedFile, &aged.TokenFile, &aged.PasswordFile, &aged.CAFile, &aged.CertFile, &aged.KeyFile} {
				if *path != "" {
					*path = filepath.Join(old, filepath.Base(*path))
				}
			}
			_, err := aged.Connect(s.ClientURL(), nats.NoReconnect())
			require.Error(t, err)
			nc, err := l.Connect(s.ClientURL(), nats.NoReconnect())
			require.NoError(t, err)
			nc.Close()
		})
	}
}

// Files that cannot be used leave the connection alone, and are said to be wrong without showing what is in them.
func TestBrokenCredentialsLeaveTheConnection(t *testing.T) {
	const canary = "canary-4f1c"
	for name, way := range logins() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := way(t, t.TempDir())
			l.replace(t)
			s := serve(t, l, server.RANDOM_PORT)
			nc, err := l.Connect(s.ClientURL(), nats.NoReconnect())
			require.NoError(t, err)
			defer nc.Close()
			require.NoError(t, l.Check())
			for _, path := range l.Files() {
				text, err := os.ReadFile(path)
				require.NoError(t, err)
				for _, wrong := range []string{"", "absent", canary} {
					if wrong == canary && (l.TokenFile == path || l.PasswordFile == path) {
						continue // any text may be one
					}
					write(t, path, wrong)
					if wrong == "absent" {
						require.NoError(t, os.Remove(path))
					}
					err := l.Check()
					require.Error(t, err, wrong)
					require.ErrorContains(t, err, path)
					require.NotContains(t, err.Error(), canary)
					require.True(t, nc.IsConnected())
				}
				write(t, path, string(text))
			}
			require.NoError(t, l.Check())
		})
	}
}

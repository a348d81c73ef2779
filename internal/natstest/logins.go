// Package natstest has, for tests, each way to log in to a NATS server, with servers that let in the newest credentials alone.
package natstest

import (
	"crypto/rand"
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/natsauth"
)

// Login is a way to log in: what a server is given to let the newest credentials in alone, and what makes new ones.
type Login struct {
	natsauth.Credentials
	// Replace writes new credentials into the files, and Allow has a server let in these and no others.
	Replace func(t *testing.T)
	Allow   func(t *testing.T, o *server.Options)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func byPassword(_ *testing.T, dir string) *Login {
	password := ""
	path := filepath.Join(dir, "password")
	return &Login{
		Credentials: natsauth.Credentials{User: "rollbackd", PasswordFile: path},
		Replace:     func(t *testing.T) { password = rand.Text(); write(t, path, password+"\n") },
		Allow: func(_ *testing.T, o *server.Options) {
			o.Users = []*server.User{{Username: "rollbackd", Password: password}}
		},
	}
}

func byToken(_ *testing.T, dir string) *Login {
	token := ""
	path := filepath.Join(dir, "token")
	return &Login{
		Credentials: natsauth.Credentials{TokenFile: path},
		Replace:     func(t *testing.T) { token = rand.Text(); write(t, path, token+"\n") },
		Allow:       func(_ *testing.T, o *server.Options) { o.Authorization = token },
	}
}

func byNkey(_ *testing.T, dir string) *Login {
	public := ""
	path := filepath.Join(dir, "seed")
	return &Login{
		Credentials: natsauth.Credentials{SeedFile: path},
		Replace: func(t *testing.T) {
			pair, err := nkeys.CreateUser()
			require.NoError(t, err)
			seed, err := pair.Seed()
			require.NoError(t, err)
			public, err = pair.PublicKey()
			require.NoError(t, err)
			write(t, path, string(seed)+"\n")
		},
		Allow: func(_ *testing.T, o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} },
	}
}

// Aged returns the credentials as they are now, in files of their own, which are not replaced.
func (l *Login) Aged(t *testing.T) natsauth.Credentials {
	t.Helper()
	dir, aged := t.TempDir(), l.Credentials
	for _, path := range []*string{&aged.CredentialsFile, &aged.SeedFile, &aged.TokenFile, &aged.PasswordFile, &aged.CAFile, &aged.CertFile, &aged.KeyFile} {
		if *path == "" {
			continue
		}
		text, err := os.ReadFile(*path)
		require.NoError(t, err)
		*path = filepath.Join(dir, filepath.Base(*path))
		write(t, *path, string(text))
	}
	return aged
}

// byCreds logs in by a JWT. All that were made before the newest are revoked.
func byCreds(t *testing.T, dir string) *Login {
	path := filepath.Join(dir, "rollbackd.creds")
	operator, account, system := pair(t, nkeys.CreateOperator), pair(t, nkeys.CreateAccount), pair(t, nkeys.CreateAccount)
	user := ""
	var before []string
	return &Login{
		Credentials: natsauth.Credentials{CredentialsFile: path},
		Replace: func(t *testing.T) {
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
		Allow: func(t *testing.T, o *server.Options) {
			claims := jwt.NewAccountClaims(public(t, account))
			for _, old := range before {
				claims.Revoke(old)
			}
			claims.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
			resolver := &server.MemAccResolver{}
			for _, c := range []*jwt.AccountClaims{claims, jwt.NewAccountClaims(public(t, system))} {
				token, err := c.Encode(operator)
				require.NoError(t, err)
				require.NoError(t, resolver.Store(c.Subject, token))
			}
			o.TrustedKeys, o.AccountResolver, o.SystemAccount = []string{public(t, operator)}, resolver, public(t, system)
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

// byCertificate logs in by a certificate alone, of an authority that is another one each time; so is the server's own.
func byCertificate(_ *testing.T, dir string) *Login {
	in := func(name string) string { return filepath.Join(dir, name) }
	var current *authority
	return &Login{
		Credentials: natsauth.Credentials{CAFile: in("ca.crt"), CertFile: in("tls.crt"), KeyFile: in("tls.key"), ServerName: "nats.internal"},
		Replace: func(t *testing.T) {
			current = newAuthority(t)
			writePEM(t, in("ca.crt"), "CERTIFICATE", current.certificate.Raw)
			current.issue(t, "rollbackd", in("tls.crt"), in("tls.key"))
			current.issue(t, "nats.internal", in("server.crt"), in("server.key"))
		},
		Allow: func(t *testing.T, o *server.Options) {
			own, err := tls.LoadX509KeyPair(in("server.crt"), in("server.key"))
			require.NoError(t, err)
			o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 5
			o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: current.pool(), ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
		},
	}
}

// Logins are all ways, by their names; each keeps its files in the folder that it is given.
func Logins() map[string]func(*testing.T, string) *Login {
	return map[string]func(*testing.T, string) *Login{
		"password": byPassword, "token": byToken, "nkey": byNkey, "credentials": byCreds, "certificate": byCertificate,
	}
}

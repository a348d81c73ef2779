// Package natsauth has the daemon log in to a NATS server of the user's own, by files that may be replaced at any time.
package natsauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/filewatch"
)

// Credentials are how a server of the user's own is told who the daemon is: at most one of a credentials file, a seed, a token, and a user with a password; a
// certificate may go with each. All are files, which are read anew whenever the client connects, so that what is in them may be replaced at any time.
type Credentials struct {
	// CredentialsFile holds a JWT and its seed, SeedFile the seed of an nkey, and TokenFile a token.
	CredentialsFile, SeedFile, TokenFile string
	// User logs in with what PasswordFile holds.
	User, PasswordFile string
	// CAFile holds the authorities that the server's certificate may be of; empty means those of the system.
	CAFile string
	// CertFile and KeyFile hold the daemon's own certificate, for a server that asks for one.
	CertFile, KeyFile string
	// ServerName is what the server's certificate is made out to, if that is not the host of the address.
	ServerName string
	// HandshakeFirst is for a server that speaks TLS before anything else.
	HandshakeFirst bool
}

// Connect connects, and goes on trying in the background where the server is not there yet. The error says which file cannot be used; it never shows what is
// in one.
func (c Credentials) Connect(url string, options ...nats.Option) (*nats.Conn, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	own, keep, err := c.options()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(url, slices.Concat(options, own)...)
	if err != nil {
		return nil, err
	}
	keep(nc)
	return nc, nil
}

// Files are those that the credentials are in.
func (c Credentials) Files() []string {
	all := []string{c.CredentialsFile, c.SeedFile, c.TokenFile, c.PasswordFile, c.CAFile, c.CertFile, c.KeyFile}
	return slices.DeleteFunc(all, func(path string) bool { return path == "" })
}

// Check reads all files, and says what is wrong with the first that cannot be used.
func (c Credentials) Check() error {
	if c.CredentialsFile != "" {
		if err := checkCreds(c.CredentialsFile); err != nil {
			return err
		}
	}
	if c.SeedFile != "" {
		pair, err := readSeed(c.SeedFile)
		if err != nil {
			return err
		}
		pair.Wipe()
	}
	for _, path := range []string{c.TokenFile, c.PasswordFile} {
		if path != "" {
			if _, err := readSecret(path); err != nil {
				return err
			}
		}
	}
	if c.CAFile != "" {
		if _, err := c.authorities(); err != nil {
			return err
		}
	}
	if c.CertFile != "" {
		_, err := c.certificate()
		return err
	}
	return nil
}

// expired says that the certificate is one which no server accepts any more.
func (c Credentials) expired() error {
	if c.CertFile == "" {
		return nil
	}
	certificate, err := c.certificate()
	if err == nil && time.Now().After(certificate.Leaf.NotAfter) {
		err = fmt.Errorf("the certificate in %s has expired on %s; replace it and its key", c.CertFile, certificate.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return err
}

// options are those by which the client reads the files. keep is to be called with the connection.
func (c Credentials) options() (options []nats.Option, keep func(*nats.Conn), err error) {
	keep = func(*nats.Conn) {}
	switch {
	case c.CredentialsFile != "":
		options = append(options, nats.UserCredentials(c.CredentialsFile))
	case c.SeedFile != "":
		key := &rotatingKey{path: c.SeedFile}
		option, err := key.option()
		if err != nil {
			return nil, nil, err
		}
		options, keep = append(options, option), func(nc *nats.Conn) { key.nc.Store(nc) }
	case c.TokenFile != "":
		token := &secret{path: c.TokenFile}
		options = append(options, nats.TokenHandler(token.read))
	case c.User != "":
		password := &secret{path: c.PasswordFile}
		options = append(options, nats.UserInfoHandler(func() (string, string) { return c.User, password.read() }))
	}
	return append(options, c.tls()...), keep, nil
}

func (c Credentials) tls() (options []nats.Option) {
	if c.ServerName != "" {
		options = append(options, nats.Secure(&tls.Config{ServerName: c.ServerName, MinVersion: tls.VersionTLS12}))
	}
	var certificate nats.TLSCertHandler
	var authorities nats.RootCAsHandler
	if c.CertFile != "" {
		certificate = c.certificate
	}
	if c.CAFile != "" {
		authorities = c.authorities
	}
	if certificate != nil || authorities != nil {
		options = append(options, nats.ClientTLSConfig(certificate, authorities))
	}
	if c.HandshakeFirst {
		options = append(options, nats.TLSHandshakeFirst())
	}
	return options
}

func (c Credentials) certificate() (tls.Certificate, error) {
	certificate, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("the certificate in %s with the key in %s: %w", c.CertFile, c.KeyFile, err)
	}
	return certificate, nil
}

func (c Credentials) authorities() (*x509.CertPool, error) {
	text, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", c.CAFile)
	}
	return pool, nil
}

// KeepCurrent has the client connect again whenever the files have changed, until ctx ends: a server may go on trusting what it was shown for days, and what was
// replaced because it leaked should be used no longer. Files that cannot be used leave the connection as it is.
func (c Credentials) KeepCurrent(ctx context.Context, nc *nats.Conn, every time.Duration, log *zap.Logger) {
	files := c.Files()
	if len(files) == 0 {
		return
	}
	filewatch.Files{Paths: files, Every: every}.Watch(ctx, func(context.Context) {
		err := c.Check()
		if err == nil {
			err = c.expired()
		}
		if err != nil {
			log.Error("the credentials for NATS have changed and cannot be used; the connection is kept until they can", zap.Error(err))
			return
		}
		log.Info("the credentials for NATS have changed; connecting with the new ones", zap.Strings("files", files))
		if err := nc.ForceReconnect(); err != nil {
			log.Warn("unable to connect to NATS anew", zap.Error(err))
		}
	})
}

// secret is what a file holds. If it cannot be read, it is what it was before: the file may be missing for the moment in which it is replaced.
type secret struct {
	path string
	mu   sync.Mutex
	last string
}

func (s *secret) read() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text, err := readSecret(s.path); err == nil {
		s.last = text
	}
	return s.last
}

func readSecret(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", fmt.Errorf("%s is empty; it should hold the secret", path)
	}
	if strings.ContainsAny(secret, "\r\n\x00") {
		return "", fmt.Errorf("%s has more than one line, or is no text; it should hold the secret and nothing else", path)
	}
	return secret, nil
}

func checkCreds(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if _, err := nkeys.ParseDecoratedJWT(text); err != nil {
		return fmt.Errorf("%s holds no JWT of a user; make it with nsc generate creds", path)
	}
	pair, err := nkeys.ParseDecoratedUserNKey(text)
	if err != nil {
		return fmt.Errorf("%s holds no seed of a user beside its JWT; make it with nsc generate creds", path)
	}
	pair.Wipe()
	return nil
}

func readSeed(path string) (nkeys.KeyPair, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pair, err := nkeys.ParseDecoratedNKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s holds no seed of an nkey; make one with nk -gen user", path)
	}
	public, err := pair.PublicKey()
	if err != nil || !nkeys.IsValidPublicUserKey(public) {
		return nil, fmt.Errorf("%s holds the seed of another nkey than a user's; make one with nk -gen user", path)
	}
	return pair, nil
}

// rotatingKey is an nkey whose seed may be replaced. The client fixes the public key once; so, when the seed turns out to be of another key, the connection is
// told that one, and the next attempt shows it.
type rotatingKey struct {
	path string
	mu   sync.Mutex
	// public is the key that the client shows.
	public string
	nc     atomic.Pointer[nats.Conn]
}

// errRotated ends the attempt in which a new seed was found.
var errRotated = errors.New("the seed has been replaced; the next attempt shows the new key")

func (k *rotatingKey) option() (nats.Option, error) {
	pair, err := readSeed(k.path)
	if err != nil {
		return nil, err
	}
	defer pair.Wipe()
	if k.public, err = pair.PublicKey(); err != nil {
		return nil, err
	}
	return nats.Nkey(k.public, k.sign), nil
}

// sign is called by the client while it connects, with the connection locked: nobody else reads its options then.
func (k *rotatingKey) sign(nonce []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	pair, err := readSeed(k.path)
	if err != nil {
		return nil, err
	}
	defer pair.Wipe()
	public, err := pair.PublicKey()
	if err != nil {
		return nil, err
	}
	if nc := k.nc.Load(); public != k.public && nc != nil {
		k.public, nc.Opts.Nkey = public, public
		return nil, errRotated
	}
	return pair.Sign(nonce)
}

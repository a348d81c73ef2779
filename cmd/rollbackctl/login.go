package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"

	"github.com/rollbackd/rollbackd/internal/natsauth"
)

// login is how a command tells NATS who it is, in the ways that the daemon has. Secrets are in files, and the password may be in the environment: what is on a
// command line, other users of the machine see.
type login struct {
	natsauth.Credentials
	// password is used where no file holds it.
	password string
}

// text is a setting that is given by a flag or by a variable of the environment.
type text struct {
	to             *string
	flag, variable string
	usage          string
}

func (l *login) texts() []text {
	return []text{
		{&l.User, "user", "ROLLBACKD_NATS_USER", "NATS user"},
		{&l.PasswordFile, "password-file", "ROLLBACKD_NATS_PASSWORD_FILE", "file with the user's password"},
		{&l.CredentialsFile, "creds", "ROLLBACKD_NATS_CREDS", "file with a JWT and its seed, as nsc makes it"},
		{&l.SeedFile, "seed-file", "ROLLBACKD_NATS_SEED_FILE", "file with the seed of an nkey, as nk makes it"},
		{&l.TokenFile, "token-file", "ROLLBACKD_NATS_TOKEN_FILE", "file with a token"},
		{&l.CAFile, "ca", "ROLLBACKD_NATS_CA", "file with the authorities that the server's certificate may be of (default those of the system)"},
		{&l.CertFile, "cert", "ROLLBACKD_NATS_CERT", "file with a certificate of one's own, for a server that asks for one"},
		{&l.KeyFile, "key", "ROLLBACKD_NATS_KEY", "file with the key of --cert"},
		{&l.ServerName, "tls-server-name", "ROLLBACKD_NATS_TLS_SERVER_NAME", "name that the server's certificate is made out to (default the host of --nats)"},
	}
}

const firstVariable = "ROLLBACKD_NATS_TLS_FIRST"

func (l *login) register(flags *pflag.FlagSet) {
	for _, t := range l.texts() {
		in := "$" + t.variable
		if t.to == &l.PasswordFile {
			in += "; or the password in $ROLLBACKD_NATS_PASSWORD"
		}
		flags.StringVar(t.to, t.flag, "", t.usage+" ("+in+")")
	}
	flags.BoolVar(&l.HandshakeFirst, "tls-first", false, "speak TLS before anything else, for a server with handshake_first ($"+firstVariable+")")
}

// complete fills in from the environment what no flag gave, and says what does not go together. A way to log in that a flag gives
// stands alone: what the environment has of another one is for other commands.
func (l *login) complete(env func(string) string) error {
	chosen := len(l.ways()) > 0
	for _, t := range l.texts() {
		if *t.to != "" || chosen && l.isWay(t.to) || t.to == &l.PasswordFile && l.User == "" {
			continue
		}
		*t.to = env(t.variable)
	}
	l.password = env("ROLLBACKD_NATS_PASSWORD")
	if value := env(firstVariable); value != "" && !l.HandshakeFirst {
		first, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("$%s is %q; it should be true or false", firstVariable, value)
		}
		l.HandshakeFirst = first
	}
	ways := l.ways()
	switch {
	case len(ways) > 1:
		return fmt.Errorf("%s and %s are two ways to log in; give one of them", ways[0], ways[1])
	case l.PasswordFile != "" && l.User == "":
		return errors.New("--password-file holds whose password? give --user or $ROLLBACKD_NATS_USER")
	case l.CertFile != "" && l.KeyFile == "":
		return errors.New("--cert needs --key, the file with its key")
	case l.KeyFile != "" && l.CertFile == "":
		return errors.New("--key needs --cert, the file with its certificate")
	}
	return nil
}

// ways are the flags of the ways to log in that are given; a certificate goes with each of them.
func (l *login) ways() (flags []string) {
	for _, t := range l.texts() {
		if l.isWay(t.to) && *t.to != "" {
			flags = append(flags, "--"+t.flag)
		}
	}
	return flags
}

func (l *login) isWay(setting *string) bool {
	return setting == &l.User || setting == &l.CredentialsFile || setting == &l.SeedFile || setting == &l.TokenFile
}

// shown names what a server that refuses was shown.
func (l *login) shown() string {
	ways := l.ways()
	switch {
	case l.User != "":
		return "--user and --password-file"
	case len(ways) > 0:
		return ways[0]
	case l.CertFile != "":
		return "--cert with --key"
	}
	return "--user with --password-file, --creds, --seed-file, --token-file, or --cert with --key: none is given"
}

// check reads the files.
func (l *login) check() error {
	if err := l.Check(); err != nil {
		return fmt.Errorf("unable to log in to NATS: %w", err)
	}
	return nil
}

func (l *login) connect(url string, options ...nats.Option) (*nats.Conn, error) {
	credentials := l.Credentials
	if l.User != "" && l.PasswordFile == "" {
		credentials.User = ""
		options = append(options, nats.UserInfo(l.User, l.password))
	}
	return credentials.Connect(url, options...)
}

// ofTLS reports whether the server was reached, and no encrypted connection came of it: one of the two refuses the other's certificate.
func ofTLS(err error) bool {
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, unencrypted := errors.AsType[tls.RecordHeaderError](err)
	refused, _ := errors.AsType[*net.OpError](err)
	return unverified || unencrypted || errors.Is(err, nats.ErrSecureConnRequired) || errors.Is(err, nats.ErrSecureConnWanted) ||
		refused != nil && refused.Op == "remote error" || strings.Contains(err.Error(), "tls: ") // many of its errors have no type
}

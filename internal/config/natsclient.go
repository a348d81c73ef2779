package config

import (
	"net/url"
	"slices"
	"strings"

	"github.com/rollbackd/rollbackd/internal/natsauth"
)

// NATSTLS is how the connection with a NATS server of the user's own is encrypted.
type NATSTLS struct {
	// CAFile holds the authorities that the server's certificate may be of, in PEM form. Empty means those of the system.
	CAFile string `yaml:"caFile"`
	// CertFile holds the daemon's own certificate, for a server that asks for one; it needs keyFile.
	CertFile string `yaml:"certFile"`
	// KeyFile holds its key.
	KeyFile string `yaml:"keyFile"`
	// ServerName is what the server's certificate is made out to, if that is not the host in nats.url.
	ServerName string `yaml:"serverName"`
	// HandshakeFirst is for a server that speaks TLS before anything else, as its handshake_first says. Default false.
	HandshakeFirst bool `yaml:"handshakeFirst"`
}

// Credentials returns how a server of the user's own is told who the daemon is.
func (n NATS) Credentials() natsauth.Credentials {
	return natsauth.Credentials{
		CredentialsFile: n.CredentialsFile, SeedFile: n.SeedFile, TokenFile: n.TokenFile, User: n.User, PasswordFile: n.PasswordFile,
		CAFile: n.TLS.CAFile, CertFile: n.TLS.CertFile, KeyFile: n.TLS.KeyFile, ServerName: n.TLS.ServerName, HandshakeFirst: n.TLS.HandshakeFirst,
	}
}

func (n *NATS) resolve(file string) {
	for _, path := range []*string{&n.CredentialsFile, &n.SeedFile, &n.TokenFile, &n.PasswordFile, &n.TLS.CAFile, &n.TLS.CertFile, &n.TLS.KeyFile} {
		*path = relativeTo(file, *path)
	}
	for i := range n.Embedded.Users {
		u := &n.Embedded.Users[i]
		u.PasswordFile = relativeTo(file, u.PasswordFile)
	}
}

// named are the ways to log in that are given, by their keys.
func (n NATS) named() (keys []string) {
	for _, way := range []struct{ key, value string }{
		{"credentialsFile", n.CredentialsFile}, {"seedFile", n.SeedFile}, {"tokenFile", n.TokenFile}, {"user", n.User},
	} {
		if way.value != "" {
			keys = append(keys, way.key)
		}
	}
	return keys
}

func (n NATS) checkClient(k *checker) {
	at := func(path ...any) []any { return append([]any{"nats"}, path...) }
	if u, err := url.Parse(n.URL); err != nil || u.Host == "" || strings.Contains(n.URL, "@") { // of several servers, too
		k.say(at("url"), "is not the address of a NATS server; write it as nats://nats:4222, without a password, and put credentials into nats.credentialsFile")
	}
	if ways := n.named(); len(ways) > 1 {
		k.say(at(ways[1]), "is a second way to log in beside nats.%s; keep one", ways[0])
	}
	if n.User != "" && n.PasswordFile == "" {
		k.say(at("passwordFile"), "is missing; name the file that holds the password of nats.user")
	}
	if n.User == "" && n.PasswordFile != "" {
		k.say(at("passwordFile"), "needs nats.user, whose password it holds")
	}
	if n.Replicas != 1 && n.Replicas != 3 && n.Replicas != 5 {
		k.say(at("replicas"), "is %d; use 1, 3 or 5, and not more than the cluster has servers", n.Replicas)
	}
	if n.TLS.CertFile != "" && n.TLS.KeyFile == "" {
		k.say(at("tls", "keyFile"), "is missing; name the file that holds the key of nats.tls.certFile")
	}
	if n.TLS.CertFile == "" && n.TLS.KeyFile != "" {
		k.say(at("tls", "certFile"), "is missing; name the file that holds the certificate of nats.tls.keyFile")
	}
}

// checkUnused says what has no effect on the server inside the daemon.
func (n NATS) checkUnused(k *checker) {
	keys := n.named()
	if n.PasswordFile != "" {
		keys = append(keys, "passwordFile")
	}
	if n.TLS != (NATSTLS{}) {
		keys = append(keys, "tls")
	}
	if k.given([]any{"nats", "replicas"}) {
		k.say([]any{"nats", "replicas"}, "needs nats.url: the server inside the daemon keeps everything in one place; remove it, or give nats.url")
	}
	for _, key := range slices.Compact(keys) {
		k.say([]any{"nats", key}, "has no effect without nats.url: the daemon needs none of it for the server inside it; remove it, or give nats.url")
	}
}

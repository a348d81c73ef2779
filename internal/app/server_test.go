package app

import (
	"bufio"
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
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/config"
)

// authority signs certificates for one test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{certificate, key}
}

// issue writes a certificate and its key into the folder, in the place of those that are there, and returns it.
func (a authority) issue(t *testing.T, dir, name string, serial int64) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, a.certificate, &key.PublicKey, a.key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	in := func(file string) string { return filepath.Join(dir, name+file) }
	writePEM(t, in(".crt"), "CERTIFICATE", der)
	writePEM(t, in(".key"), "PRIVATE KEY", private)
	pair, err := tls.LoadX509KeyPair(in(".crt"), in(".key"))
	require.NoError(t, err)
	return pair
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// serving serves HTTP by a configuration until the test ends, and returns the address.
func serving(t *testing.T, h config.HTTP) string {
	t.Helper()
	require.NoError(t, h.WebConfigError())
	require.NoError(t, h.TokenError())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cfg := &config.Config{HTTP: h}
	p := process{cfg: cfg, endpoints: &front{}, log: zap.NewNop(), settings: newSettings(cfg, zap.NewAtomicLevel(), zap.NewNop(), prometheus.NewRegistry())}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, p.server(), listener, h, zap.NewNop()) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
	return listener.Addr().String()
}

// asking is a client without connections that it could use again.
func asking(t *testing.T, trusts authority, shows ...tls.Certificate) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(trusts.certificate)
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: shows, MinVersion: tls.VersionTLS12},
	}, Timeout: 10 * time.Second}
}

// The web configuration file asks for TLS and a certificate of the client's; the server's own is replaced without a restart, and so is whom it trusts.
func TestTLSAndClientCertificates(t *testing.T) {
	dir := t.TempDir()
	servers, clients, strangers := newAuthority(t), newAuthority(t), newAuthority(t)
	servers.issue(t, dir, "server", 10)
	known, stranger := clients.issue(t, t.TempDir(), "client", 11), strangers.issue(t, t.TempDir(), "client", 12)
	trust := func(a authority) { writePEM(t, filepath.Join(dir, "clients.crt"), "CERTIFICATE", a.certificate.Raw) }
	trust(clients)
	file := filepath.Join(dir, "web.yaml")
	require.NoError(t, os.WriteFile(file, []byte("tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: clients.crt, client_auth_type: RequireAndVerifyClientCert}\n"), 0o600))
	address := serving(t, config.HTTP{WebConfig: file})

	serial := func(shows ...tls.Certificate) (int64, error) {
		answer, err := asking(t, servers, shows...).Get("https://" + address + "/-/healthy")
		if err != nil {
			return 0, err
		}
		defer answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		return answer.TLS.PeerCertificates[0].SerialNumber.Int64(), nil
	}
	got, err := serial(known)
	require.NoError(t, err)
	require.EqualValues(t, 10, got)
	_, err = serial()
	require.Error(t, err, "no certificate")
	_, err = serial(stranger)
	require.Error(t, err, "a stranger's certificate")
	plain, err := http.Get("http://" + address + "/-/healthy")
	require.NoError(t, err)
	_ = plain.Body.Close()
	require.Equal(t, http.StatusBadRequest, plain.StatusCode)

	servers.issue(t, dir, "server", 20)
	trust(strangers)
	got, err = serial(stranger)
	require.NoError(t, err)
	require.EqualValues(t, 20, got)
	_, err = serial(known)
	require.Error(t, err)
}

// Users with passwords are those that the file has now.
func TestBasicAuthentication(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yaml")
	// The bcrypt hash of "tea", with the least cost.
	const ana = "basic_auth_users: {%s: $2a$04$2eBc6Ug.8PNlWk8MfJZuV.KI22aG77siAhCd/zaQZvhVaSGdH/nwm}\n"
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, ana, "ana"), 0o600))
	address := serving(t, config.HTTP{WebConfig: file, Admin: true})
	code := func(method, path, user, password string) int {
		r, err := http.NewRequest(method, "http://"+address+path, nil)
		require.NoError(t, err)
		if user != "" {
			r.SetBasicAuth(user, password)
		}
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		return answer.StatusCode
	}
	for _, path := range []string{"/-/healthy", "/metrics", "/-/loglevel", "/", "/-/reload"} {
		require.Equal(t, http.StatusUnauthorized, code(http.MethodGet, path, "", ""), path)
		require.Equal(t, http.StatusUnauthorized, code(http.MethodGet, path, "ana", "coffee"), path)
	}
	require.Equal(t, http.StatusUnauthorized, code(http.MethodPost, "/-/reload", "bob", "tea"))
	require.Equal(t, http.StatusOK, code(http.MethodGet, "/-/healthy", "ana", "tea"))
	require.Equal(t, http.StatusOK, code(http.MethodGet, "/-/loglevel", "ana", "tea"))

	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, ana, "bob"), 0o600))
	require.Equal(t, http.StatusUnauthorized, code(http.MethodGet, "/-/healthy", "ana", "tea"))
	require.Equal(t, http.StatusOK, code(http.MethodGet, "/-/healthy", "bob", "tea"))
}

// A token is asked for, with TLS beside it or without, and is the one that the file has now.
func TestToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("first\n"), 0o600))
	address := serving(t, config.HTTP{TokenFile: file, Admin: true})
	code := func(path, token string) int {
		r, err := http.NewRequest(http.MethodGet, "http://"+address+path, nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		return answer.StatusCode
	}
	require.Equal(t, http.StatusUnauthorized, code("/-/loglevel", "second"))
	require.Equal(t, http.StatusOK, code("/-/loglevel", "first"))
	require.NoError(t, os.WriteFile(file, []byte("second\n"), 0o600))
	require.Equal(t, http.StatusOK, code("/-/loglevel", "second"))
	require.Equal(t, http.StatusUnauthorized, code("/-/loglevel", "first"))
	require.Equal(t, http.StatusOK, code("/-/healthy", ""))
}

// Whoever sends slowly, or sends nothing more, holds no connection for ever.
func TestWhoIsSlowHoldsNothing(t *testing.T) {
	server := newServer(http.NotFoundHandler(), zap.NewNop())
	for _, limit := range []time.Duration{server.ReadHeaderTimeout, server.ReadTimeout, server.WriteTimeout, server.IdleTimeout} {
		require.Positive(t, limit)
	}
	connection, err := net.Dial("tcp", serving(t, config.HTTP{Admin: true}))
	require.NoError(t, err)
	defer connection.Close()
	_, err = connection.Write([]byte("PUT /-/loglevel HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"))
	require.NoError(t, err)
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(4*bodyTimeout)))
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
}

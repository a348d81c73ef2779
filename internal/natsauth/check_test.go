package natsauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What no server would accept is told before a connection is given up for it.
func TestWhatNoServerWouldAcceptIsTold(t *testing.T) {
	dir := t.TempDir()
	token, certificate, key := filepath.Join(dir, "token"), filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	write := func(path, text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	write(token, "canary\nand another\n")
	err := Credentials{TokenFile: token}.Check()
	require.ErrorContains(t, err, token+" has more than one line")
	require.NotContains(t, err.Error(), "canary")
	write(token, "canary\r\n")
	require.NoError(t, Credentials{TokenFile: token}.Check())

	issue := func(until time.Time) {
		pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-time.Hour), NotAfter: until}
		public, err := x509.CreateCertificate(rand.Reader, template, template, &pair.PublicKey, pair)
		require.NoError(t, err)
		private, err := x509.MarshalPKCS8PrivateKey(pair)
		require.NoError(t, err)
		write(certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public})))
		write(key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	}
	issue(time.Now().Add(-time.Minute))
	require.ErrorContains(t, Credentials{CertFile: certificate, KeyFile: key}.expired(), "the certificate in "+certificate+" has expired on ")
	issue(time.Now().Add(time.Minute))
	require.NoError(t, Credentials{CertFile: certificate, KeyFile: key}.expired())
}

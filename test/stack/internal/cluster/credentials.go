package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"time"
)

// user is one identity at the API server. Every component has its own, so that the audit log tells
// who did what.
type user struct {
	name, group, token string
}

const (
	adminUser     = "admin"
	daemonUser    = "rollbackd"
	simulatorUser = "simulator"
	kwokUser      = "kwok"
	managerUser   = "system:kube-controller-manager"
	schedulerUser = "system:kube-scheduler"
)

// newUsers makes the users with fresh tokens. All but the daemon are in the group that RBAC lets do
// everything; the daemon gets its rights by a binding, like in a real cluster.
func newUsers() (map[string]user, error) {
	users := map[string]user{}
	for _, name := range []string{adminUser, daemonUser, simulatorUser, kwokUser, managerUser, schedulerUser} {
		secret := make([]byte, 16)
		if _, err := rand.Read(secret); err != nil {
			return nil, err
		}
		group := "system:masters"
		if name == daemonUser {
			group = "rollbackd"
		}
		users[name] = user{name: name, group: group, token: hex.EncodeToString(secret)}
	}
	return users, nil
}

func writeTokenFile(path string, users map[string]user) error {
	var lines strings.Builder
	for _, u := range users {
		fmt.Fprintf(&lines, "%s,%s,%s,%q\n", u.token, u.name, u.name, u.group)
	}
	return os.WriteFile(path, []byte(lines.String()), 0o600)
}

func writeKubeconfig(path, server, authority string, u user) error {
	return os.WriteFile(path, fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: rollbackd-stack
clusters:
- name: rollbackd-stack
  cluster: {server: %q, certificate-authority: %q}
users:
- name: %q
  user: {token: %q}
contexts:
- name: rollbackd-stack
  context: {cluster: rollbackd-stack, user: %q}
`, server, authority, u.name, u.token, u.name), 0o600)
}

// writeServingCertificate writes a certificate for 127.0.0.1 that is its own authority.
func writeServingCertificate(certificatePath, keyPath string) error {
	key, err := writeKey(keyPath)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "rollbackd-stack"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(30 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:              []string{"localhost"},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	return os.WriteFile(certificatePath, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o644)
}

// writeKey makes a private key; elliptic curves, because an RSA key takes up to a second to find.
func writeKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}), 0o600)
}

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/internal/access"
	"github.com/rollbackd/rollbackd/internal/config"
)

// accountName is the ServiceAccount of a test's daemons, in the test's own namespace.
const accountName = "rollbackd"

// daemonUser is what the API server and its audit log call the daemons of the test that has a namespace.
func daemonUser(namespace string) string {
	return access.Account{Namespace: namespace, Name: accountName}.User()
}

// accountToken makes the ServiceAccount of a test's daemons, and returns a token for it. It may do nothing until it is granted something.
func accountToken(t *testing.T, w *world, namespace string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience*20*time.Second)
	defer cancel()
	_, err := w.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	requireMade(t, err)
	accounts := w.client.CoreV1().ServiceAccounts(namespace)
	_, err = accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: accountName}}, metav1.CreateOptions{})
	requireMade(t, err)
	hours := int64(2 * time.Hour / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hours}}
	request, err = accounts.CreateToken(ctx, accountName, request, metav1.CreateOptions{})
	require.NoError(t, err)
	return request.Status.Token
}

// requireMade takes what is there already for made: a stack may be kept up between runs.
func requireMade(t *testing.T, err error) {
	t.Helper()
	if !apierrors.IsAlreadyExists(err) {
		require.NoError(t, err)
	}
}

// accountKubeconfig is a kubeconfig of the account in the test's folder.
func accountKubeconfig(t *testing.T, w *world, dir, namespace string) string {
	t.Helper()
	path := filepath.Join(dir, "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: it,
clusters: [{name: it, cluster: {server: %q, certificate-authority: %q}}],
users: [{name: it, user: {token: %q}}],
contexts: [{name: it, context: {cluster: it, user: it, namespace: %q}}]}
`, w.stack.APIServer, w.stack.CAFile, accountToken(t, w, namespace), namespace)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// accountClient is how the account reaches the API server.
func accountClient(t *testing.T, w *world, namespace string) *rest.Config {
	t.Helper()
	return &rest.Config{
		Host: w.stack.APIServer, BearerToken: accountToken(t, w, namespace), QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAFile: w.stack.CAFile},
	}
}

// allow gives the daemons of a test what their configuration takes, by the table, and nothing else. change may take from it.
func (d *daemon) allow(w *world, change func([]access.Role) []access.Role) {
	d.t.Helper()
	cfg, err := config.Load(d.configPath())
	require.NoError(d.t, err)
	grant := cfg.Access()
	if grant.Own == "" {
		grant.Own = d.Namespace
	}
	roles := grant.Roles()
	if change != nil {
		roles = change(roles)
	}
	needs := grantedBy(roles, grant.Needs())
	bind(d.t, w, d.Namespace, roles)
	ask, err := access.NewAsker(accountClient(d.t, w, d.Namespace))
	require.NoError(d.t, err)
	eventually(d.t, 30*time.Second, func() (bool, string) { // the authorizer hears of it a moment later
		missing, err := access.Missing(d.t.Context(), ask, needs)
		return err == nil && len(missing) == 0, fmt.Sprintf("the daemon's account lacks %v, %v", missing, err)
	})
}

// grantedBy are those of the needs that Roles grant.
func grantedBy(roles []access.Role, needs []access.Need) []access.Need {
	return slices.DeleteFunc(needs, func(n access.Need) bool {
		return !slices.ContainsFunc(roles, func(r access.Role) bool {
			return r.Namespace == n.Namespace && slices.ContainsFunc(r.Rules, func(rule rbacv1.PolicyRule) bool {
				return slices.Contains(rule.APIGroups, n.Rule.Group) && slices.Contains(rule.Resources, n.Rule.Resource) && slices.Contains(rule.Verbs, n.Verb)
			})
		})
	})
}

// bind gives the account of a namespace these Roles, in place of those that it has of the same name.
func bind(t *testing.T, w *world, account string, roles []access.Role) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience*30*time.Second)
	defer cancel()
	for _, r := range roles {
		_, err := w.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: r.Namespace}}, metav1.CreateOptions{})
		requireMade(t, err)
		meta := metav1.ObjectMeta{Namespace: r.Namespace, Name: account}
		made := w.client.RbacV1().Roles(r.Namespace)
		if _, err = made.Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: r.Rules}, metav1.CreateOptions{}); apierrors.IsAlreadyExists(err) {
			_, err = made.Update(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: r.Rules}, metav1.UpdateOptions{})
		}
		require.NoError(t, err)
		_, err = w.client.RbacV1().RoleBindings(r.Namespace).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: account},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: account, Name: accountName}},
		}, metav1.CreateOptions{})
		requireMade(t, err)
	}
}

// permissions is what the daemon says of its permissions.
func (d *daemon) permissions() (report access.Report, err error) {
	_, body, err := d.get("/api/v1/permissions")
	if err == nil {
		err = json.Unmarshal([]byte(body), &report)
	}
	return report, err
}

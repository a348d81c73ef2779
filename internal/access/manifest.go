package access

import (
	"bytes"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// Account is the ServiceAccount of the daemon.
type Account struct{ Namespace, Name string }

// User is what the API server calls the account.
func (a Account) User() string { return "system:serviceaccount:" + a.Namespace + ":" + a.Name }

// Role is what is granted in one namespace.
type Role struct {
	// Namespace is empty for a ClusterRole.
	Namespace string
	Rules     []rbacv1.PolicyRule
}

// Roles are the least Roles with which a daemon can do all that is meant, one for each namespace.
func (g Grant) Roles() []Role {
	var out []Role
	for _, n := range g.Needs() {
		i := slices.IndexFunc(out, func(r Role) bool { return r.Namespace == n.Namespace })
		if i < 0 {
			i, out = len(out), append(out, Role{Namespace: n.Namespace})
		}
		out[i].add(n)
	}
	return out
}

// add allows a need: of a resource that has a rule, by a verb more.
func (r *Role) add(n Need) {
	var names []string
	if n.Name != "" {
		names = []string{n.Name}
	}
	for i, rule := range r.Rules {
		if rule.APIGroups[0] == n.Rule.Group && rule.Resources[0] == n.Rule.Resource && slices.Equal(rule.ResourceNames, names) {
			if !slices.Contains(rule.Verbs, n.Verb) {
				r.Rules[i].Verbs = append(rule.Verbs, n.Verb)
			}
			return
		}
	}
	r.Rules = append(r.Rules, rbacv1.PolicyRule{
		APIGroups: []string{n.Rule.Group}, Resources: []string{n.Rule.Resource}, Verbs: []string{n.Verb}, ResourceNames: names,
	})
}

// Manifests are the objects that give the account its Roles, as YAML documents for kubectl apply.
func (g Grant) Manifests(a Account) ([]byte, error) {
	objects := []any{&corev1.ServiceAccount{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: meta(a.Namespace, a.Name),
	}}
	for _, role := range g.Roles() {
		made, binding := role.objects(a)
		objects = append(objects, made, binding)
	}
	var out bytes.Buffer
	for _, object := range objects {
		text, err := yaml.Marshal(object)
		if err != nil {
			return nil, fmt.Errorf("write the Roles as YAML: %w", err)
		}
		fmt.Fprintf(&out, "---\n%s", text)
	}
	return out.Bytes(), nil
}

// objects are the Role and its binding.
func (r Role) objects(a Account) (role, binding any) {
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: a.Namespace, Name: a.Name}}
	group := rbacv1.SchemeGroupVersion.String()
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: a.Name}
	if r.Namespace == "" {
		ref.Kind = "ClusterRole"
		return &rbacv1.ClusterRole{TypeMeta: metav1.TypeMeta{APIVersion: group, Kind: "ClusterRole"}, ObjectMeta: meta("", a.Name), Rules: r.Rules},
			&rbacv1.ClusterRoleBinding{TypeMeta: metav1.TypeMeta{APIVersion: group, Kind: "ClusterRoleBinding"}, ObjectMeta: meta("", a.Name), RoleRef: ref, Subjects: subjects}
	}
	return &rbacv1.Role{TypeMeta: metav1.TypeMeta{APIVersion: group, Kind: "Role"}, ObjectMeta: meta(r.Namespace, a.Name), Rules: r.Rules},
		&rbacv1.RoleBinding{TypeMeta: metav1.TypeMeta{APIVersion: group, Kind: "RoleBinding"}, ObjectMeta: meta(r.Namespace, a.Name), RoleRef: ref, Subjects: subjects}
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app.kubernetes.io/name": "rollbackd"}}
}

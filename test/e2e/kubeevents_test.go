package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollbackd/rollbackd/notifier"
)

// A real API server takes the Events of every kind of notice, shows them to who asks for those of the workload, and needs no more permissions
// than the documentation names.
func TestNoticesBecomeEventsOfTheWorkload(t *testing.T) {
	w := onStack(t)
	s := newServiceWith(t, w, 1)
	workload, err := w.client.AppsV1().Deployments(s.Namespace).Get(t.Context(), s.Name, metav1.GetOptions{})
	require.NoError(t, err)
	admin, err := clientcmd.BuildConfigFromFlags("", w.stack.Kubeconfig)
	require.NoError(t, err)
	sinkOf := func(user string) *notifier.KubernetesEvents {
		rc := rest.CopyConfig(admin)
		rc.Impersonate = rest.ImpersonationConfig{UserName: user}
		sink, err := notifier.NewKubernetesEvents(notifier.KubernetesEventsOptions{Name: "events", Config: rc, Instance: "rollbackd-0"})
		require.NoError(t, err)
		return sink
	}
	notice := notifier.Notice{
		ID: "n-1", At: time.Now(), Kind: notifier.KindRegressed, Severity: notifier.Page, Title: "it is bad", Link: "https://rollbackd.example/x",
		Workload: s.Namespace + "/" + s.Name, WorkloadKind: "Deployment",
	}

	retry, err := sinkOf("nobody").Notify(t.Context(), notice)
	require.ErrorContains(t, err, "needs the verb create on events of events.k8s.io in namespace "+s.Namespace)
	require.False(t, retry, "asking again is answered alike")

	grantEvents(t, w, s.Namespace, "teller")
	teller := sinkOf("teller")
	for _, kind := range notifier.Kinds() {
		n := notice
		n.ID, n.Kind = "n-"+string(kind), kind
		for range 2 { // told again after a crash
			_, err := teller.Notify(t.Context(), n)
			require.NoError(t, err, kind)
		}
	}
	n := notice
	n.ID, n.Title = "n-hostile", strings.Repeat("ü\r\n\x1b[31m<b>", 1<<16)
	_, err = teller.Notify(t.Context(), n)
	require.NoError(t, err)

	// As kubectl describe asks.
	list, err := w.client.CoreV1().Events(s.Namespace).List(t.Context(), metav1.ListOptions{
		FieldSelector: "involvedObject.uid=" + string(workload.UID) + ",reportingComponent=rollbackd.io/rollbackd",
	})
	require.NoError(t, err)
	require.Len(t, list.Items, len(notifier.Kinds())+1)
	for _, e := range list.Items {
		require.Equal(t, "Warning", e.Type)
		require.NotEmpty(t, e.Reason)
	}

	gone := notice
	gone.ID, gone.Workload = "n-gone", s.Namespace+"/gone"
	_, err = teller.Notify(t.Context(), gone)
	require.NoError(t, err, "there is nothing to read, and still something to tell")
	gone.Workload = "no-such-namespace/gone"
	retry, err = sinkOf("rollbackd").Notify(t.Context(), gone)
	require.Error(t, err)
	require.False(t, retry)
}

// grantEvents lets a user do what the documentation of the sink says, and nothing else.
func grantEvents(t *testing.T, w *world, namespace, user string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience*10*time.Second)
	defer cancel()
	_, err := w.client.RbacV1().Roles(namespace).Create(ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"create"}},
			{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"get"}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = w.client.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	// The authorizer hears of it a moment later.
	eventually(t, 10*time.Second, func() (bool, string) { return mayCreateEvents(t, w, namespace, user), user + " may not create events" })
}

func mayCreateEvents(t *testing.T, w *world, namespace, user string) bool {
	t.Helper()
	review, err := w.client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: "create", Group: "events.k8s.io", Resource: "events",
		}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	return review.Status.Allowed
}

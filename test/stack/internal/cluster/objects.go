package cluster

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// createNode registers a node. kwok fills in its status.
func createNode(ctx context.Context, client *kubernetes.Clientset, number int) error {
	name := fmt.Sprintf("node-%d", number)
	_, err := client.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: name,
		Labels: map[string]string{
			corev1.LabelHostname:   name,
			corev1.LabelOSStable:   "linux",
			corev1.LabelArchStable: "amd64",
			"type":                 "kwok",
		},
	}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create node %s: %w", name, err)
	}
	return nil
}

// nodesReady fails unless every node is ready and has lost the taint that new nodes start with,
// which also proves that the controller manager works.
func nodesReady(ctx context.Context, client *kubernetes.Clientset) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, node := range nodes.Items {
		if !nodeReady(node) {
			return fmt.Errorf("node %s is not ready yet: taints %v, conditions %v", node.Name, node.Spec.Taints, node.Status.Conditions)
		}
	}
	return nil
}

func nodeReady(node corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return len(node.Spec.Taints) == 0
		}
	}
	return false
}

// allowDaemon binds the daemon's group to everything, until the chart's own role is used here.
func allowDaemon(ctx context.Context, client *kubernetes.Clientset) error {
	_, err := client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: daemonUser},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: daemonUser}},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("give the user %s its rights: %w", daemonUser, err)
	}
	return nil
}

// replaceColons makes a user name fit for a file name on every system.
func replaceColons(name string) string { return strings.ReplaceAll(name, ":", "-") }

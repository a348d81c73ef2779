package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollbackd/rollbackd/internal/localstack"
)

// cluster is a real API server.
type cluster struct {
	t      *testing.T
	client *kubernetes.Clientset
	any    dynamic.Interface
	mapper *restmapper.DeferredDiscoveryRESTMapper
	warned *warnings
}

// warnings are what the server warns of, such as pods that break the rules of their namespace.
type warnings struct {
	mu   sync.Mutex
	text []string
}

// HandleWarningHeader implements rest.WarningHandler.
func (w *warnings) HandleWarningHeader(_ int, _ string, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, text)
}

func (w *warnings) all() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.text, "\n")
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the local stack; run without -short")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	stack, err := localstack.Start(ctx, localstack.Options{Log: os.Stderr})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stack.Stop()) })
	rc, err := clientcmd.BuildConfigFromFlags("", stack.Kubeconfig)
	require.NoError(t, err)
	s := cluster{t: t, warned: &warnings{}}
	rc.QPS, rc.WarningHandler = -1, s.warned
	s.client, err = kubernetes.NewForConfig(rc)
	require.NoError(t, err)
	s.any, err = dynamic.NewForConfig(rc)
	require.NoError(t, err)
	s.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(s.client.Discovery()))
	return s
}

// apply applies an object as kubectl apply --server-side does.
func (s cluster) apply(o Object, dryRun bool) error {
	version, _ := o["apiVersion"].(string)
	kind := schema.FromAPIVersionAndKind(version, o.Kind())
	mapping, err := s.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	options := metav1.PatchOptions{FieldManager: "manifests", Force: new(true), FieldValidation: metav1.FieldValidationStrict}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	var at dynamic.ResourceInterface = s.any.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		at = s.any.Resource(mapping.Resource).Namespace(o.Namespace())
	}
	_, err = at.Patch(s.t.Context(), o.Name(), types.ApplyPatchType, body, options)
	return err
}

func (s cluster) applyAll(objects []Object, dryRun bool) {
	s.t.Helper()
	for _, o := range objects {
		require.NoError(s.t, s.apply(o, dryRun), o.Key())
	}
	require.Empty(s.t, s.warned.all())
}

// restricted makes a namespace that takes only pods by the strictest of Kubernetes' standards.
func (s cluster) restricted(names ...string) {
	s.t.Helper()
	for _, name := range names {
		o := restrictedNamespace()
		o.table("metadata")["name"] = name
		require.NoError(s.t, s.apply(o, false))
	}
}

// define makes minimal definitions of the resources of others; of theirs only the names are known here.
func (s cluster) define() {
	s.t.Helper()
	for _, d := range []struct{ group, version, kind, plural string }{
		{"monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"},
		{"monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"},
		{"jetstream.nats.io", "v1beta2", "Stream", "streams"},
		{"jetstream.nats.io", "v1beta2", "KeyValue", "keyvalues"},
		{"jetstream.nats.io", "v1beta2", "Consumer", "consumers"},
	} {
		require.NoError(s.t, s.apply(definition(d.group, d.version, d.kind, d.plural), false))
		require.Eventually(s.t, func() bool {
			s.mapper.Reset()
			_, err := s.mapper.RESTMapping(schema.GroupKind{Group: d.group, Kind: d.kind}, d.version)
			return err == nil
		}, time.Minute, 100*time.Millisecond, d.kind)
	}
}

func definition(group, version, kind, plural string) Object {
	return Object{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": plural + "." + group},
		"spec": map[string]any{
			"group": group, "scope": "Namespaced",
			"names": map[string]any{"kind": kind, "plural": plural, "singular": strings.ToLower(kind), "listKind": kind + "List"},
			"versions": []any{map[string]any{
				"name": version, "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
			}},
		},
	}
}

// A real API server takes every object of every variant, and runs the pods in namespaces that enforce the standard "restricted".
func TestServerTakesTheManifests(t *testing.T) {
	s := newCluster(t)
	s.restricted(releaseNamespace, "shop", "payments", "argocd", "quick")
	s.define()
	for name, values := range variants(t) {
		s.applyAll(rendered(t, values), true)
		t.Log("accepted in a dry run:", name)
	}
	s.applyAll(rendered(t, clusterWide()), true)
	s.applyAll(kustomized(t, "base"), true)
	s.applyAll(kustomized(t, "overlays/quickstart"), true)
	s.applyAll(inNamespace(t, natsDir+"/nack.yaml", releaseNamespace), true)

	s.applyAll(kustomized(t, "overlays/production"), false)
	s.awaitPods(releaseNamespace, 2, ready)
	c, err := loadChart(root)
	require.NoError(t, err)
	quick, err := renderIn("quick", c, variants(t)["quickstart"])
	require.NoError(t, err)
	s.applyAll(quick, false)
	// There is nobody here who would make its volume, so that the pod waits for it.
	s.awaitPods("quick", 1, func(corev1.Pod) bool { return true })
}

func ready(p corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// awaitPods waits for the pods of the Deployment.
func (s cluster) awaitPods(namespace string, n int, as func(corev1.Pod) bool) {
	s.t.Helper()
	last := ""
	require.Eventually(s.t, func() bool {
		pods, err := s.client.CoreV1().Pods(namespace).List(s.t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=rollbackd"})
		if err != nil {
			last = err.Error()
			return false
		}
		good := 0
		for _, p := range pods.Items {
			if as(p) {
				good++
			}
		}
		last = fmt.Sprintf("%d of %d pods", good, len(pods.Items))
		return good == n
	}, time.Minute, 100*time.Millisecond, "namespace %s: %s", namespace, &last)
}

// inNamespace are the objects of a file, in a namespace.
func inNamespace(t *testing.T, path, namespace string) []Object {
	t.Helper()
	content, err := os.ReadFile(root + "/" + path)
	require.NoError(t, err)
	objects, err := decode(string(content))
	require.NoError(t, err)
	require.NotEmpty(t, objects)
	for _, o := range objects {
		o.table("metadata")["namespace"] = namespace
	}
	return objects
}

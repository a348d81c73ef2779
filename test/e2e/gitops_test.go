package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

const fluxReconcile = "kustomize.toolkit.fluxcd.io/reconcile"

// TestWhatFluxWouldUndoIsRefused: by default nothing is done, and people are told what to do instead.
func TestWhatFluxWouldUndoIsRefused(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := newService(t, w)
	s.markForFlux()

	s.deploy("v2", sampleapp.FailingThird())
	e := s.announcement(d, "refused", "v2")
	e.Commit = "abc123"
	publishEvent(t, d, e)
	v := d.awaitState("refused", 90*time.Second, watch.Held)

	require.Contains(t, v.Reason, "Flux Kustomization flux-system/apps")
	s.requireLive("v2")
	require.Empty(t, s.rollbacks())
	requireTimelineSays(t, d, v, "Also written by: Flux Kustomization flux-system/apps", "`git revert abc123`",
		"`flux suspend kustomization apps -n flux-system`", "`kubectl -n "+s.Namespace+" rollout undo deployment/checkout --to-revision=1`")
}

// TestFluxIsHeldUntilTheNextDeployment: the rollback lasts although Flux reconciles all the time, and the next release
// gets through once it is announced.
func TestFluxIsHeldUntilTheNextDeployment(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.GitOps, s.SettleFor = "hold", time.Minute }) // the next release comes once the hold is undone
	s := newService(t, w)
	s.markForFlux()

	s.deploy("v2", sampleapp.FailingThird())
	git := s.reconciled("kustomize-controller", func(live *unstructured.Unstructured) bool {
		return live.GetAnnotations()[fluxReconcile] != "disabled"
	})
	s.announce(d, "held", "v2")
	v := d.awaitState("held", 90*time.Second, watch.RolledBack)
	s.requireLive("v1")
	require.Equal(t, "disabled", s.annotation(fluxReconcile))
	require.Equal(t, incident.HoldPlaced, v.OwnerHold)
	require.Len(t, s.rollbacks(), 1)

	git.release("v3")
	s.announce(d, "next", "v3")
	d.await("next", 30*time.Second, "watching", func(v watch.View) bool { return v.State == watch.Watching })
	s.requireLive("v3")
	require.Empty(t, s.annotation(fluxReconcile))
	d.await("held", 10*time.Second, "let go", func(v watch.View) bool { return v.OwnerHold == incident.HoldReleased })
	requireTimelineSays(t, d, v, "- Hold: undone")
}

// TestABadVersionThatComesBackIsNotFought: Flux puts it back, people are told by whom, and it is left to them, also when
// it is deployed and announced again much later.
func TestABadVersionThatComesBackIsNotFought(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.GitOps, s.Active = "ignore", 10*time.Minute })
	s := newService(t, w)
	s.markForFlux()

	s.deploy("v2", sampleapp.FailingThird())
	git := s.reconciled("kustomize-controller", func(*unstructured.Unstructured) bool { return true })
	s.announce(d, "fought", "v2")
	v := d.awaitState("fought", 90*time.Second, watch.RolledBackUnverified)
	require.Contains(t, v.CameBack, "put there by kustomize-controller (Apply at ")
	s.requireLive("v2")
	requireTimelineSays(t, d, v, "**the bad version came back**", "kustomize-controller")

	git.stop()
	back := time.Now().Truncate(time.Second) // as the API server writes when a pod was created
	s.deploy("v1", sampleapp.Behaviour{})
	eventually(t, 90*time.Second, func() (bool, string) {
		for _, p := range s.pods() {
			if p.Version == "v1" && p.Requests > 0 && !p.CreatedAt.Before(back) && time.Since(p.CreatedAt) > 14*time.Second {
				return true, ""
			}
		}
		return false, "v1 has not served for long enough"
	})
	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "again", "v2")
	d.await("again", 90*time.Second, "waiting for a person", func(v watch.View) bool {
		return v.State == watch.AwaitingApproval && strings.Contains(v.Reason, "were rolled back at")
	})
	s.requireLive("v2")
	require.Len(t, s.rollbacks(), 1)
}

// TestArgoCDIsHeldUntilTheNextDeployment: automated sync of the Application is off before the rollback and on again
// once the next release is announced.
func TestArgoCDIsHeldUntilTheNextDeployment(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.GitOps, s.Features, s.SettleFor = "hold", "argoCD", time.Minute })
	s := newService(t, w)
	app := s.application()

	s.deploy("v2", sampleapp.FailingThird())
	git := s.reconciled("argocd-controller", func(*unstructured.Unstructured) bool {
		enabled, _ := app.automated()
		return enabled
	})
	s.announce(d, "held", "v2")
	v := d.awaitState("held", 90*time.Second, watch.RolledBack)
	s.requireLive("v1")
	enabled, heldFor := app.automated()
	require.False(t, enabled)
	require.True(t, strings.HasPrefix(heldFor, v.ID+"."), "%s is not an intent of %s", heldFor, v.ID)
	require.Len(t, s.rollbacks(), 1)
	requireTimelineSays(t, d, v, "Hold about to be placed", "Hold in place", "- Hold: in place: spec.syncPolicy.automated.enabled=false")

	d.kill() // the hold outlives the process
	d.start(w)
	d.awaitReady()
	git.release("v3")
	s.announce(d, "next", "v3")
	d.await("next", 30*time.Second, "watching", func(v watch.View) bool { return v.State == watch.Watching })
	s.requireLive("v3")
	enabled, heldFor = app.automated()
	require.True(t, enabled)
	require.Empty(t, heldFor)
}

// markForFlux labels the Deployment as kustomize-controller does.
func (s *service) markForFlux() {
	s.t.Helper()
	s.patchMetadata(map[string]any{"labels": map[string]string{
		"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
	}})
}

func (s *service) patchMetadata(metadata map[string]any) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"metadata": metadata})
	require.NoError(s.t, err)
	_, err = s.Client.AppsV1().Deployments(s.Namespace).Patch(s.t.Context(), s.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: "test"})
	require.NoError(s.t, err)
}

func (s *service) annotation(key string) string {
	s.t.Helper()
	d, err := s.Client.AppsV1().Deployments(s.Namespace).Get(s.t.Context(), s.Name, metav1.GetOptions{})
	require.NoError(s.t, err)
	return d.Annotations[key]
}

// repository is what a reconciler applies: the template as it should be.
type repository struct {
	mu       sync.Mutex
	template map[string]any
	// stop ends the reconciler.
	stop func()
}

// release commits another version, which behaves well.
func (r *repository) release(version string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	metadata, spec := r.template["metadata"].(map[string]any), r.template["spec"].(map[string]any)
	delete(metadata, "annotations")
	old := metadata["labels"].(map[string]any)["app.kubernetes.io/version"].(string)
	metadata["labels"].(map[string]any)["app.kubernetes.io/version"] = version
	container := spec["containers"].([]any)[0].(map[string]any)
	container["image"] = strings.Replace(container["image"].(string), old, version, 1)
}

// reconciled starts a GitOps tool: it applies what is live now, again and again, wherever may says that it may.
func (s *service) reconciled(manager string, may func(live *unstructured.Unstructured) bool) *repository {
	s.t.Helper()
	deployments := dynamicClient(s.t, s.w).Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).Namespace(s.Namespace)
	live, err := deployments.Get(s.t.Context(), s.Name, metav1.GetOptions{})
	require.NoError(s.t, err)
	template, _, err := unstructured.NestedMap(live.Object, "spec", "template")
	require.NoError(s.t, err)
	git := &repository{template: template}
	ctx, cancel := context.WithCancel(s.t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		for every := time.NewTicker(300 * time.Millisecond); ; {
			select {
			case <-ctx.Done():
				every.Stop()
				return
			case <-every.C:
			}
			live, err := deployments.Get(ctx, s.Name, metav1.GetOptions{})
			if err != nil || !may(live) {
				continue
			}
			git.mu.Lock()
			wanted := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "apps/v1", "kind": "Deployment",
				// It was allowed to change what it has seen, and nothing that has come since.
				"metadata": map[string]any{"name": s.Name, "namespace": s.Namespace, "resourceVersion": live.GetResourceVersion()},
				"spec":     map[string]any{"template": (&unstructured.Unstructured{Object: git.template}).DeepCopy().Object},
			}}
			git.mu.Unlock()
			wanted.Object["spec"].(map[string]any)["selector"], _, _ = unstructured.NestedMap(live.Object, "spec", "selector")
			if _, err := deployments.Apply(ctx, s.Name, wanted, metav1.ApplyOptions{FieldManager: manager, Force: true}); err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) {
				s.t.Errorf("%s could not apply: %v", manager, err)
			}
		}
	})
	git.stop = func() { cancel(); running.Wait() }
	s.t.Cleanup(git.stop)
	return git
}

// application is an Argo CD Application that manages a service.
type application struct {
	t      *testing.T
	client dynamic.ResourceInterface
}

// application creates an Application in the service's namespace, with automated sync, and marks the Deployment as its.
func (s *service) application() application {
	s.t.Helper()
	client := dynamicClient(s.t, s.w)
	defineApplications(s.t, client)
	app := application{t: s.t, client: client.Resource(schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}).Namespace(s.Namespace)}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": map[string]any{"name": "checkout-app"},
		"spec": map[string]any{"syncPolicy": map[string]any{"automated": map[string]any{"selfHeal": true}}},
		"status": map[string]any{"resources": []any{
			map[string]any{"group": "apps", "version": "v1", "kind": "Deployment", "namespace": s.Namespace, "name": s.Name},
		}},
	}}
	eventually(s.t, 30*time.Second, func() (bool, string) { // the API server takes a moment to serve a new kind
		_, err := app.client.Create(s.t.Context(), object, metav1.CreateOptions{})
		if err == nil || apierrors.IsAlreadyExists(err) {
			return true, ""
		}
		return false, err.Error()
	})
	s.patchMetadata(map[string]any{"annotations": map[string]string{
		"argocd.argoproj.io/tracking-id": s.Namespace + "_checkout-app:apps/Deployment:" + s.Namespace + "/" + s.Name,
	}})
	s.t.Cleanup(func() {
		ctx, cancel := toTidyUp(s.t)
		defer cancel()
		if err := app.client.Delete(ctx, "checkout-app", metav1.DeleteOptions{}); err != nil {
			s.t.Error(err)
		}
	})
	return app
}

// automated reports whether the Application syncs by itself, as Argo CD reads it, and for which intent it is held.
func (a application) automated() (enabled bool, heldFor string) {
	object, err := a.client.Get(a.t.Context(), "checkout-app", metav1.GetOptions{})
	if err != nil {
		return false, ""
	}
	off, found, _ := unstructured.NestedBool(object.Object, "spec", "syncPolicy", "automated", "enabled")
	return !found || off, object.GetAnnotations()[rollback.HoldAnnotation]
}

// defineApplications gives the API server the kind Application, as loosely as can be.
func defineApplications(t *testing.T, client dynamic.Interface) {
	t.Helper()
	definition := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "applications.argoproj.io"},
		"spec": map[string]any{
			"group": "argoproj.io", "scope": "Namespaced",
			"names": map[string]any{"kind": "Application", "listKind": "ApplicationList", "plural": "applications", "singular": "application"},
			"versions": []any{map[string]any{
				"name": "v1alpha1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
			}},
		},
	}}
	_, err := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}).
		Create(t.Context(), definition, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		require.NoError(t, err)
	}
}

func dynamicClient(t *testing.T, w *world) dynamic.Interface {
	t.Helper()
	rc, err := clientcmd.BuildConfigFromFlags("", w.stack.Kubeconfig)
	require.NoError(t, err)
	rc.QPS = -1
	client, err := dynamic.NewForConfig(rc)
	require.NoError(t, err)
	return client
}

// requireTimelineSays waits until the incident's timeline says all of this.
func requireTimelineSays(t *testing.T, d *daemon, v watch.View, texts ...string) {
	t.Helper()
	eventually(t, 15*time.Second, func() (bool, string) {
		page, err := os.ReadFile(filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "timeline.md"))
		if err != nil {
			return false, err.Error()
		}
		for _, text := range texts {
			if !strings.Contains(string(page), text) {
				return false, "the timeline does not say " + text + ":\n" + string(page)
			}
		}
		return true, ""
	})
}

// Package sampleapp deploys a small service to the local stack, whose simulator gives it the behaviour that its
// annotations ask for. The demo and the end-to-end tests tell their stories with it.
package sampleapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// The annotations that the simulator reads; test/stack/README.md tells what they mean.
const (
	AnnotationRPS        = annotationPrefix + "rps"
	AnnotationErrorRatio = annotationPrefix + "error-ratio"
	AnnotationLatency    = annotationPrefix + "latency"

	annotationPrefix = "sim.rollbackd.dev/"
)

// FailingThird is the behaviour of a version that fails a third of its requests.
func FailingThird() Behaviour { return Behaviour{ErrorRatio: 1.0 / 3} }

// Behaviour is how a version's pods answer.
type Behaviour struct {
	// ErrorRatio is the fraction of requests answered with status 500.
	ErrorRatio float64
	// Latency is the median time to answer; zero means the simulator's default.
	Latency time.Duration
	// Settings are further annotations by their names without the prefix, such as "crash": "on".
	Settings map[string]string
}

func (b Behaviour) annotations() map[string]string {
	a := map[string]string{}
	if b.ErrorRatio > 0 {
		a[AnnotationErrorRatio] = strconv.FormatFloat(b.ErrorRatio, 'f', 4, 64)
	}
	if b.Latency > 0 {
		a[AnnotationLatency] = b.Latency.String()
	}
	for name, value := range b.Settings {
		a[annotationPrefix+name] = value
	}
	return a
}

// App is one service: a Deployment, and a Service that gets a steady load.
type App struct {
	Client    kubernetes.Interface
	Namespace string
	Name      string
	// Colour is blue or green for one side of a blue-green pair, and empty for a service that is updated in place.
	Colour   string
	Replicas int32
	// RPS is how many requests a second the load generator sends.
	RPS int
}

// Create makes the namespace, the Deployment and the Service and waits until the first version is rolled out.
func (a App) Create(ctx context.Context, version string, b Behaviour) error {
	if err := a.createDeployment(ctx, version, b); err != nil {
		return err
	}
	if _, err := a.Client.CoreV1().Services(a.Namespace).Create(ctx, a.service(), metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create Service %s/%s: %w", a.Namespace, a.Name, err)
	}
	return a.AwaitRollout(ctx)
}

func (a App) createDeployment(ctx context.Context, version string, b Behaviour) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: a.Namespace}}
	_, err := a.Client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", a.Namespace, err)
	}
	if _, err := a.Client.AppsV1().Deployments(a.Namespace).Create(ctx, a.deployment(version, b), metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create Deployment %s/%s: %w", a.Namespace, a.Workload(), err)
	}
	return nil
}

// selector matches the pods of the Deployment.
func (a App) selector() map[string]string {
	labels := map[string]string{"app": a.Name}
	if a.Colour != "" {
		labels[ColourLabel] = a.Colour
	}
	return labels
}

// Workload is the Deployment's name.
func (a App) Workload() string {
	if a.Colour != "" {
		return a.Name + "-" + a.Colour
	}
	return a.Name
}

func (a App) template(version string, b Behaviour) corev1.PodTemplateSpec {
	labels := a.selector()
	maps.Copy(labels, map[string]string{"app.kubernetes.io/version": version})
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: b.annotations()},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "app", Image: a.image(version), Ports: []corev1.ContainerPort{{ContainerPort: 8080}},
		}}},
	}
}

func (a App) image(version string) string { return "registry.example/" + a.Name + ":" + version }

func (a App) deployment(version string, b Behaviour) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: a.Workload(), Namespace: a.Namespace},
		Spec: appsv1.DeploymentSpec{
			Replicas: &a.Replicas,
			Selector: &metav1.LabelSelector{MatchLabels: a.selector()},
			Template: a.template(version, b),
		},
	}
}

func (a App) service() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name: a.Name, Namespace: a.Namespace,
			Annotations: map[string]string{AnnotationRPS: strconv.Itoa(a.RPS)},
		},
		Spec: corev1.ServiceSpec{
			Selector: a.selector(),
			Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}
}

// Deploy changes the Deployment to another version, as kubectl set image would, and does not wait for the rollout.
func (a App) Deploy(ctx context.Context, version string, b Behaviour) error {
	patch := []map[string]any{{"op": "replace", "path": "/spec/template", "value": a.template(version, b)}}
	data, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	_, err = a.Client.AppsV1().Deployments(a.Namespace).Patch(ctx, a.Workload(), types.JSONPatchType, data, metav1.PatchOptions{FieldManager: "deploy-tool"})
	if err != nil {
		return fmt.Errorf("deploy %s to %s/%s: %w", version, a.Namespace, a.Name, err)
	}
	return nil
}

// rolloutLimit is how long a rollout may take. It takes a second or two, and many times that where many begin at once on a busy machine.
const rolloutLimit = 3 * time.Minute

// AwaitRollout waits until every replica is updated and available, and the old ones are gone.
func (a App) AwaitRollout(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, rolloutLimit, true, func(ctx context.Context) (bool, error) {
		d, err := a.Client.AppsV1().Deployments(a.Namespace).Get(ctx, a.Workload(), metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		s := d.Status
		return s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == a.Replicas && s.Replicas == a.Replicas && s.AvailableReplicas == a.Replicas, nil
	})
	if err != nil {
		return fmt.Errorf("rollout of %s/%s: %w", a.Namespace, a.Name, err)
	}
	return nil
}

// Delete removes the Deployment and the Service; the namespace stays.
func (a App) Delete(ctx context.Context) error {
	background := metav1.DeletePropagationBackground
	return errors.Join(
		a.Client.CoreV1().Services(a.Namespace).Delete(ctx, a.Name, metav1.DeleteOptions{}),
		a.Client.AppsV1().Deployments(a.Namespace).Delete(ctx, a.Workload(), metav1.DeleteOptions{PropagationPolicy: &background}),
	)
}

// SetErrorRatio changes how the running pods of a version answer, at once and without a rollout.
func (a App) SetErrorRatio(ctx context.Context, version string, ratio float64) error {
	return a.Set(ctx, version, "error-ratio", strconv.FormatFloat(ratio, 'f', 4, 64))
}

// Set changes a setting of the running pods of a version, as Behaviour.Settings names them, at once and without a rollout.
func (a App) Set(ctx context.Context, version, setting, value string) error {
	pods, err := a.Client.CoreV1().Pods(a.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: "app=" + a.Name + ",app.kubernetes.io/version=" + version,
	})
	if err != nil {
		return err
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, annotationPrefix+setting, value)
	for _, p := range pods.Items {
		_, err := a.Client.CoreV1().Pods(a.Namespace).Patch(ctx, p.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) { // a pod that a rollout took meanwhile answers nobody any more
			return fmt.Errorf("change pod %s: %w", p.Name, err)
		}
	}
	return nil
}

// LiveVersion reads from the API server which version the Deployment's template names.
func (a App) LiveVersion(ctx context.Context) (string, error) {
	d, err := a.Client.AppsV1().Deployments(a.Namespace).Get(ctx, a.Workload(), metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return d.Spec.Template.Labels["app.kubernetes.io/version"], nil
}

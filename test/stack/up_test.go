package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollbackd/rollbackd/test/stack/internal/builder"
)

func TestStackUp(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the whole stack")
	}
	info, stop := startStack(t)
	for name, pid := range info.PIDs {
		if !alive(pid) {
			t.Errorf("%s (process %d) does not run", name, pid)
		}
	}
	client := connect(t, info.DaemonKubeconfig)
	deploy(t, client)
	eventually(t, "two ready replicas", func() error {
		d, err := client.AppsV1().Deployments("default").Get(t.Context(), "web", metav1.GetOptions{})
		if err == nil && d.Status.ReadyReplicas != 2 {
			err = fmt.Errorf("%d are ready", d.Status.ReadyReplicas)
		}
		return err
	})
	eventually(t, "requests of both pods in Prometheus", func() error {
		series, err := query(t.Context(), info.Prometheus, `count by (pod) (http_requests_total{app="web",version="v1",namespace="default"})`)
		if err == nil && series != 2 {
			err = fmt.Errorf("%d pods have series", series)
		}
		return err
	})
	stop()
	for name, pid := range info.PIDs {
		if alive(pid) {
			t.Errorf("%s (process %d) outlived the stack", name, pid)
		}
	}
	if _, err := os.Stat(info.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stack's folder is still there: %v", err)
	}
}

func TestDeathOfAProcessEndsTheStack(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the whole stack")
	}
	config, binaries := prepare(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- up(ctx, cancel, config, binaries, slog.New(slog.DiscardHandler)) }()
	info := awaitReady(t, config, ended)
	if err := syscall.Kill(info.PIDs["kwok"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || errors.Is(err, errStopped) {
			t.Errorf("the stack ended with %v, which does not name the process that died", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the stack goes on without kwok")
		cancel(errStopped)
		<-ended
	}
}

func prepare(t *testing.T) (settings, builder.Binaries) {
	t.Helper()
	config, err := parse("up", []string{"--scrape", "1s", "--ready-file", filepath.Join(t.TempDir(), "ready.json")})
	if err != nil {
		t.Fatal(err)
	}
	binaries, err := builder.Ensure(t.Context(), builder.Options{Source: config.source, Folder: config.bin, Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	return config, binaries
}

// startStack starts a stack. The function it returns stops it, and may be called again.
func startStack(t *testing.T) (ready, func()) {
	t.Helper()
	config, binaries := prepare(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan error, 1)
	go func() {
		defer close(ended)
		ended <- up(ctx, cancel, config, binaries, slog.New(slog.DiscardHandler))
	}()
	stop := func() {
		cancel(errStopped)
		if err := <-ended; err != nil && !errors.Is(err, errStopped) {
			t.Errorf("the stack failed: %v", err)
		}
	}
	t.Cleanup(stop)
	return awaitReady(t, config, ended), stop
}

func awaitReady(t *testing.T, config settings, ended <-chan error) ready {
	t.Helper()
	var info ready
	eventually(t, "the ready file", func() error {
		select {
		case err := <-ended:
			t.Fatalf("the stack ended before it was ready: %v", err)
		default:
		}
		content, err := os.ReadFile(config.readyFile)
		if err != nil {
			return err
		}
		return json.Unmarshal(content, &info)
	})
	return info
}

func connect(t *testing.T, kubeconfig string) *kubernetes.Clientset {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func deploy(t *testing.T, client *kubernetes.Clientset) {
	t.Helper()
	labels := map[string]string{"app": "web"}
	replicas := int32(2)
	_, err := client.AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "shop/web:v1"}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: map[string]string{"sim.rollbackd.dev/rps": "50"}},
		Spec:       corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// query returns how many series an instant query finds.
func query(ctx context.Context, prometheus, expression string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, prometheus+"/api/v1/query?query="+url.QueryEscape(expression), nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Result []json.RawMessage `json:"result"`
		} `json:"data"`
	}
	err = json.NewDecoder(response.Body).Decode(&answer)
	return len(answer.Data.Result), err
}

func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// alive tells whether a process exists; one that has ended but was not waited for counts as alive.
func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

package cluster

import (
	"context"
	_ "embed"
	"fmt"
	"os"

	"k8s.io/client-go/kubernetes"

	"github.com/rollbackd/rollbackd/test/stack/internal/process"
)

// jobLog is what every container is said to have written of whose pod nothing else is said, in the form of the container runtimes. It holds what a log should not:
// passwords, and a terminal's control characters.
//
//go:embed job.log
var jobLog []byte

// writeLogs writes the log that all containers have, and returns what tells kwok of it.
func (c *Cluster) writeLogs() ([]byte, error) {
	path := c.path("containers.log")
	rule := fmt.Sprintf("---\napiVersion: kwok.x-k8s.io/v1alpha1\nkind: ClusterLogs\nmetadata: {name: all}\nspec: {logs: [{logsFile: %q}]}\n", path)
	return []byte(rule), os.WriteFile(path, jobLog, 0o644)
}

// logsKind lets tests say what the containers of one pod have written: by an object of kwok's kind Logs that has the pod's name.
const logsKind = `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"logs.kwok.x-k8s.io"},"spec":{
"group":"kwok.x-k8s.io","scope":"Namespaced","names":{"kind":"Logs","listKind":"LogsList","plural":"logs","singular":"logs"},
"versions":[{"name":"v1alpha1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`

// serveLogsKind makes the API server know the kind, and waits until it serves it.
func serveLogsKind(ctx context.Context, client *kubernetes.Clientset, p *process.Process) error {
	api := client.Discovery().RESTClient()
	err := api.Post().AbsPath("/apis/apiextensions.k8s.io/v1/customresourcedefinitions").
		SetHeader("Content-Type", "application/json").Body([]byte(logsKind)).Do(ctx).Error()
	if err != nil {
		return fmt.Errorf("let the API server know of kwok's logs: %w", err)
	}
	return process.Await(ctx, p, func(ctx context.Context) error {
		return api.Get().AbsPath("/apis/kwok.x-k8s.io/v1alpha1/logs").SetHeader("Accept", "application/json").Do(ctx).Error()
	})
}

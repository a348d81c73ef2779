// Package cluster runs a real Kubernetes control plane with simulated nodes on loopback.
package cluster

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/test/stack/internal/process"
)

//go:embed audit-policy.yaml
var auditPolicy []byte

// stageFiles say what kwok does to nodes and pods.
//
//go:embed stages/*.yaml
var stageFiles embed.FS

// Options describe a cluster.
type Options struct {
	// Dir is the folder for all of the cluster's files.
	Dir string
	// Kube and Kwok are the programs.
	Kube, Kwok string
	// Nodes is the number of simulated nodes; each has room for 1000 pods.
	Nodes int
}

// Cluster is a running control plane.
type Cluster struct {
	// Server is the URL of the API server.
	Server string
	// Kubeconfig is the file of the administrator, DaemonKubeconfig that of the user rollbackd.
	Kubeconfig, DaemonKubeconfig string
	// Token is the administrator's and DaemonToken the daemon's bearer token.
	Token, DaemonToken string
	// CAFile holds the certificate that signed the API server's.
	CAFile string
	// AuditLog is the API server's audit log.
	AuditLog string

	options Options
	group   *process.Group
	users   map[string]user
	ports   ports
}

type ports struct {
	etcd, etcdPeer, server, manager, scheduler, kubelet int
}

// Start starts the control plane and returns when pods can be scheduled and become ready.
func Start(ctx context.Context, group *process.Group, options Options) (*Cluster, error) {
	c := &Cluster{options: options, group: group}
	if err := c.prepare(); err != nil {
		return nil, fmt.Errorf("prepare the cluster: %w", err)
	}
	for _, step := range []func(context.Context) error{
		c.startEtcd, c.startServer, c.startRest,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Client makes a client of the API with the simulator's identity, which is not audited.
func (c *Cluster) Client() (*kubernetes.Clientset, error) {
	return kubernetes.NewForConfig(&rest.Config{
		Host:            c.Server,
		BearerToken:     c.users[simulatorUser].token,
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.path("apiserver.crt")},
		ContentConfig:   rest.ContentConfig{ContentType: "application/vnd.kubernetes.protobuf"},
		QPS:             200,
		Burst:           400,
	})
}

func (c *Cluster) path(name string) string { return filepath.Join(c.options.Dir, name) }

func (c *Cluster) kubeconfig(user string) string {
	return c.path("kubeconfig-" + replaceColons(user) + ".yaml")
}

// prepare chooses ports and writes the files that the components read.
func (c *Cluster) prepare() error {
	free, err := process.FreePorts(6)
	if err != nil {
		return err
	}
	c.ports = ports{etcd: free[0], etcdPeer: free[1], server: free[2], manager: free[3], scheduler: free[4], kubelet: free[5]}
	c.Server = fmt.Sprintf("https://127.0.0.1:%d", c.ports.server)
	if c.users, err = newUsers(); err != nil {
		return err
	}
	c.Token, c.DaemonToken = c.users[adminUser].token, c.users[daemonUser].token
	c.Kubeconfig, c.DaemonKubeconfig = c.kubeconfig(adminUser), c.kubeconfig(daemonUser)
	c.AuditLog, c.CAFile = c.path("audit.log"), c.path("apiserver.crt")
	if err := writeTokenFile(c.path("tokens.csv"), c.users); err != nil {
		return err
	}
	if err := writeServingCertificate(c.path("apiserver.crt"), c.path("apiserver.key")); err != nil {
		return err
	}
	if _, err := writeKey(c.path("service-accounts.key")); err != nil {
		return err
	}
	for _, u := range c.users {
		if err := writeKubeconfig(c.kubeconfig(u.name), c.Server, c.path("apiserver.crt"), u); err != nil {
			return err
		}
	}
	if err := os.WriteFile(c.path("audit-policy.yaml"), auditPolicy, 0o644); err != nil {
		return err
	}
	stages, err := allStages()
	if err != nil {
		return err
	}
	logs, err := c.writeLogs()
	if err != nil {
		return err
	}
	return os.WriteFile(c.path("stages.yaml"), append(stages, logs...), 0o644)
}

// allStages makes one file of the stages, as kwok reads only one.
func allStages() ([]byte, error) {
	entries, err := stageFiles.ReadDir("stages")
	if err != nil {
		return nil, err
	}
	var all bytes.Buffer
	for _, entry := range entries {
		content, err := stageFiles.ReadFile("stages/" + entry.Name())
		if err != nil {
			return nil, err
		}
		all.WriteString("---\n")
		all.Write(content)
	}
	return all.Bytes(), nil
}

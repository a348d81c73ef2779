package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"

	"github.com/rollbackd/rollbackd/test/stack/internal/process"
)

// controllers are those of the controller manager that the tests need; the others cost start-up
// time and calls, and some (cloud, node addresses, volumes) have nothing to work on here.
var controllers = []string{
	"cronjob-controller", "daemonset-controller", "deployment-controller", "disruption-controller",
	"endpointslice-controller", "garbage-collector-controller", "job-controller", "namespace-controller",
	"node-lifecycle-controller", "pod-garbage-collector-controller", "replicaset-controller",
	"resourcequota-controller", "serviceaccount-controller", "statefulset-controller",
	"ttl-after-finished-controller",
}

// probe asks the health pages of components that make their own certificates.
func probe() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // Loopback, and nothing secret is sent.
		DisableKeepAlives: true,
	}}
}

func (c *Cluster) startEtcd(ctx context.Context) error {
	clients := fmt.Sprintf("http://127.0.0.1:%d", c.ports.etcd)
	peers := fmt.Sprintf("http://127.0.0.1:%d", c.ports.etcdPeer)
	p, err := c.group.Start(process.Spec{Name: "etcd", Path: c.options.Kube, Args: []string{
		"etcd",
		"--name=stack",
		"--data-dir=" + c.path("etcd"),
		"--listen-client-urls=" + clients, "--advertise-client-urls=" + clients,
		"--listen-peer-urls=" + peers, "--initial-advertise-peer-urls=" + peers,
		"--initial-cluster=stack=" + peers,
		// The data does not outlive the stack, so nothing is gained by waiting for the disk.
		"--unsafe-no-fsync",
		"--log-level=warn",
	}})
	if err != nil {
		return err
	}
	return process.AwaitHTTP(ctx, probe(), clients+"/health", p)
}

func (c *Cluster) startServer(ctx context.Context) error {
	p, err := c.group.Start(process.Spec{Name: "kube-apiserver", Path: c.options.Kube, Args: []string{
		"kube-apiserver",
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", c.ports.etcd),
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.ports.server),
		"--tls-cert-file=" + c.path("apiserver.crt"), "--tls-private-key-file=" + c.path("apiserver.key"),
		"--cert-dir=" + c.path("certificates"),
		"--token-auth-file=" + c.path("tokens.csv"),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.path("service-accounts.key"),
		"--service-account-signing-key-file=" + c.path("service-accounts.key"),
		"--service-cluster-ip-range=10.98.0.0/16",
		// The API refuses loopback addresses in EndpointSlices, so it cannot publish its own.
		"--endpoint-reconciler-type=none",
		// Pods need no credentials here, and would have to wait for their namespace's account.
		"--disable-admission-plugins=ServiceAccount",
		"--enable-priority-and-fairness=false",
		"--profiling=false",
		"--kubelet-preferred-address-types=InternalIP",
		"--audit-policy-file=" + c.path("audit-policy.yaml"),
		"--audit-log-path=" + c.AuditLog,
	}})
	if err != nil {
		return err
	}
	client, err := c.Client()
	if err != nil {
		return fmt.Errorf("make a client of the API server: %w", err)
	}
	err = process.Await(ctx, p, func(ctx context.Context) error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
	if err != nil {
		return err
	}
	return serveLogsKind(ctx, client, p)
}

// startRest starts everything that needs the API server and does not need each other.
func (c *Cluster) startRest(ctx context.Context) error {
	client, err := c.Client()
	if err != nil {
		return fmt.Errorf("make a client of the API server: %w", err)
	}
	tasks, ctx := errgroup.WithContext(ctx)
	for _, task := range []func(context.Context, *kubernetes.Clientset) error{
		c.startManager, c.startScheduler, c.startNodes, allowDaemon,
	} {
		tasks.Go(func() error { return task(ctx, client) })
	}
	return tasks.Wait()
}

func (c *Cluster) startManager(ctx context.Context, _ *kubernetes.Clientset) error {
	p, err := c.group.Start(process.Spec{Name: "kube-controller-manager", Path: c.options.Kube, Args: append(
		c.controllerFlags("kube-controller-manager", managerUser, c.ports.manager),
		"--controllers="+strings.Join(controllers, ","),
		"--service-account-private-key-file="+c.path("service-accounts.key"),
		"--kube-api-qps=300", "--kube-api-burst=600",
	)})
	if err != nil {
		return err
	}
	return process.AwaitHTTP(ctx, probe(), fmt.Sprintf("https://127.0.0.1:%d/healthz", c.ports.manager), p)
}

func (c *Cluster) startScheduler(ctx context.Context, _ *kubernetes.Clientset) error {
	p, err := c.group.Start(process.Spec{Name: "kube-scheduler", Path: c.options.Kube, Args: append(
		c.controllerFlags("kube-scheduler", schedulerUser, c.ports.scheduler),
		"--kube-api-qps=300", "--kube-api-burst=600",
	)})
	if err != nil {
		return err
	}
	return process.AwaitHTTP(ctx, probe(), fmt.Sprintf("https://127.0.0.1:%d/readyz", c.ports.scheduler), p)
}

func (c *Cluster) controllerFlags(component, user string, port int) []string {
	return []string{
		component,
		"--kubeconfig=" + c.kubeconfig(user),
		"--authentication-kubeconfig=" + c.kubeconfig(user),
		"--authorization-kubeconfig=" + c.kubeconfig(user),
		"--leader-elect=false",
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port),
		"--profiling=false",
	}
}

// startNodes starts kwok and returns when every node accepts pods.
func (c *Cluster) startNodes(ctx context.Context, client *kubernetes.Clientset) error {
	p, err := c.group.Start(process.Spec{Name: "kwok", Path: c.options.Kwok, Args: []string{
		"--kubeconfig=" + c.kubeconfig(kwokUser),
		"--config=" + c.path("stages.yaml"),
		"--manage-all-nodes=true",
		"--node-ip=127.0.0.1",
		// Where the API server asks for the logs of containers, as of a kubelet.
		fmt.Sprintf("--server-address=127.0.0.1:%d", c.ports.kubelet), fmt.Sprintf("--node-port=%d", c.ports.kubelet),
		"--tls-cert-file=" + c.path("apiserver.crt"), "--tls-private-key-file=" + c.path("apiserver.key"),
		"--cidr=10.99.0.0/16",
		"--enable-crds=Logs",
		// Without leases a node counts as lost after 50 s.
		fmt.Sprintf("--node-lease-duration-seconds=%d", int((40 * time.Second).Seconds())),
	}})
	if err != nil {
		return err
	}
	for i := range c.options.Nodes {
		if err := createNode(ctx, client, i); err != nil {
			return err
		}
	}
	return process.Await(ctx, p, func(ctx context.Context) error { return nodesReady(ctx, client) })
}

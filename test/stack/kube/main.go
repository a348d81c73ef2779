// Command kube is etcd and the Kubernetes control plane in one binary.
//
// Its first argument names the component to run (etcd, kube-apiserver, kube-controller-manager or
// kube-scheduler); the rest are that component's own flags. One binary instead of four shares the
// linked packages, which saves most of the build time and disk.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	if len(os.Args) < 2 {
		fail("no component given")
	}
	component := os.Args[1]
	// The components read os.Args themselves, so they must see the command line they would have
	// had as programs of their own.
	os.Args = append([]string{component}, os.Args[2:]...)
	switch component {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		run(apiserver.NewAPIServerCommand())
	case "kube-controller-manager":
		run(controllermanager.NewControllerManagerCommand())
	case "kube-scheduler":
		run(scheduler.NewSchedulerCommand())
	default:
		fail(fmt.Sprintf("unknown component %q", component))
	}
}

func run(command *cobra.Command) {
	os.Exit(cli.Run(command))
}

func fail(problem string) {
	fmt.Fprintf(os.Stderr, "kube: %s; want etcd, kube-apiserver, kube-controller-manager or kube-scheduler\n", problem)
	os.Exit(2)
}

// Command kubectl is the kubectl of the local stack's Kubernetes version, whose behaviour tests compare rollbackd's with.
// It is a module of its own, so that its dependencies are neither the daemon's nor the stack's.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
)

func main() {
	os.Exit(cli.Run(cmd.NewDefaultKubectlCommand()))
}

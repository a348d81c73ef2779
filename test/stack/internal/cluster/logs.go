package cluster

import (
	_ "embed"
	"fmt"
	"os"
)

// jobLog is what every container is said to have written, in the form of the container runtimes. It holds what a log should not:
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

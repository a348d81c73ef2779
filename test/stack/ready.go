package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// ready is what a running stack tells: the content of the ready file. internal/localstack in the
// root module reads it.
type ready struct {
	// Kubeconfig and Token are the administrator's.
	Kubeconfig string `json:"kubeconfig"`
	Token      string `json:"token"`
	// DaemonKubeconfig and DaemonToken are those of the user rollbackd.
	DaemonKubeconfig string         `json:"daemonKubeconfig"`
	DaemonToken      string         `json:"daemonToken"`
	APIServer        string         `json:"apiServer"`
	CAFile           string         `json:"caFile"`
	AuditLog         string         `json:"auditLog"`
	Prometheus       string         `json:"prometheus"`
	NATS             string         `json:"nats"`
	Simulator        string         `json:"simulator"`
	Control          string         `json:"control"`
	Scrape           string         `json:"scrape"`
	Dir              string         `json:"dir"`
	PID              int            `json:"pid"`
	PIDs             map[string]int `json:"pids"`
}

// write writes the file at once, as its appearance is what others wait for.
func (r ready) write(path string) error {
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(encoded, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the ready file: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("write the ready file: %w", err)
	}
	return nil
}

// print tells people where everything is.
func (r ready) print(out io.Writer) {
	fmt.Fprintf(out, `
Kubernetes  %s
Prometheus  %s
NATS        %s
Simulator   %s  (pods at /pods/<namespace>/<pod>/, status at /v1/pods and /v1/services)
Control     %s
Folder      %s

export KUBECONFIG=%s
`, r.APIServer, r.Prometheus, r.NATS, r.Simulator, r.Control, r.Dir, r.Kubeconfig)
}

package builder

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const alertmanagerVersion = "v0.34.1"

// page stands for Alertmanager's web interface, which its module lacks: it is made by a build of its own. The program embeds the folder,
// and does not compile without a file in it.
const page = "The web interface is not in this build.\n"

// alertmanagerPart builds Alertmanager from a copy of its module, to which the missing folder is added.
func alertmanagerPart() part {
	const module = "github.com/prometheus/alertmanager"
	return part{
		name: "alertmanager", version: alertmanagerVersion, guess: "about 75 s", key: module + page, binary: "alertmanager",
		prepare: func(ctx context.Context, folder string) error {
			source, err := moduleFolder(ctx, module+"@"+alertmanagerVersion)
			if err != nil {
				return err
			}
			if err := os.CopyFS(filepath.Join(folder, "source"), os.DirFS(source)); err != nil {
				return fmt.Errorf("copy the sources: %w", err)
			}
			return addPage(filepath.Join(folder, "source", "ui"))
		},
		command: func(ctx context.Context, folder string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", filepath.Join(folder, "alertmanager"), "./cmd/alertmanager")
			cmd.Dir = filepath.Join(folder, "source")
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
			return cmd
		},
	}
}

// moduleFolder downloads a module, unless the module cache has it, and returns its folder there.
func moduleFolder(ctx context.Context, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	var answer struct{ Dir, Error string }
	if parsed := json.Unmarshal(out, &answer); parsed == nil && answer.Error != "" {
		return "", fmt.Errorf("download %s: %s", module, answer.Error)
	}
	if err != nil {
		return "", fmt.Errorf("download %s: %w\n%s", module, err, lastLines(complaints.String(), 10))
	}
	return answer.Dir, nil
}

// addPage writes what the web interface's build would have made.
func addPage(ui string) error {
	folder := filepath.Join(ui, "app", "dist")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "index.html"), []byte(page), 0o644)
}

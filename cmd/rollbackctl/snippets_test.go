package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

const snippets = "../../docs/snippets"

// selfVariable makes the test's program behave as rollbackctl, so that scripts run what people run.
const selfVariable = "ROLLBACKCTL_TEST_IS_ROLLBACKCTL"

// What a tool puts in place of its expressions, and the variables that it sets.
func expressions() map[string]string {
	return map[string]string{
		"github.ref_name": "v1.2.3", "github.sha": "abc123", "github.actor": "ana", "github.server_url": "https://git.example",
		"github.repository": "shop/checkout", "github.run_id": "7", "vars.ROLLBACKD_NATS": "", "secrets.ROLLBACKD_NATS_PASSWORD": "secret",
		"trigger['tag']": "v1.2.3", "execution['id']": "01K", "trigger['user']": "ana",
		"new java.util.Date(execution['startTime']).toInstant().toString()": "2026-11-22T10:00:00Z",
	}
}

func variables() map[string]string {
	return map[string]string{
		"VERSION": "v1.2.3", "USER": "ana", "CI_COMMIT_TAG": "v1.2.3", "CI_COMMIT_SHA": "abc123", "GITLAB_USER_LOGIN": "ana",
		"CI_JOB_URL": "https://ci.example/1", "JOB_NAME": "deploy", "BUILD_URL": "https://ci.example/2",
	}
}

// TestSnippetsAnnounceADeployment runs the part of each snippet that publishes, against a real server, and has the daemon's
// decoder read what was published.
func TestSnippetsAnnounceADeployment(t *testing.T) {
	for name, test := range map[string]struct {
		script   func(t *testing.T, text string) (script string, environment map[string]string)
		workload string
		operator string
		events   int
	}{
		"kubectl/deploy.sh":            {wholeFile, "checkout", "ana", 1},
		"kubectl/switch.sh":            {wholeFile, "checkout-green", "", 1},
		"helm/deploy.sh":               {wholeFile, "checkout", "ana", 2},
		"helm/post-upgrade-job.yaml":   {helmJob, "checkout", "helm", 1},
		"argo-cd/post-sync-job.yaml":   {job, "checkout", "argo-cd", 1},
		"github-actions/deploy.yaml":   {githubActions, "checkout", "ana", 1},
		"gitlab-ci/.gitlab-ci.yml":     {gitlab, "checkout", "ana", 1},
		"jenkins/Jenkinsfile":          {jenkins, "checkout", "jenkins/deploy", 1},
		"spinnaker/run-job-stage.json": {spinnaker, "checkout", "ana", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := startStack(t)
			text, err := os.ReadFile(filepath.Join(snippets, name))
			require.NoError(t, err)
			script, environment := test.script(t, string(text))
			out, err := s.bash(t, script, environment)
			require.NoError(t, err, out)
			events := s.events(t)
			require.Len(t, events, test.events, out)
			last := events[len(events)-1]
			require.Equal(t, event.Target{Environment: "production", Namespace: "shop", Workload: test.workload}, last.Target())
			require.Equal(t, "v1.2.3", last.Version)
			require.Equal(t, test.operator, last.Operator)
			require.Equal(t, event.StatusSuccess, last.Status)
		})
	}
}

// TestHelmScriptTellsOfAFailure: what was begun is not left open, and the pipeline fails.
func TestHelmScriptTellsOfAFailure(t *testing.T) {
	s := startStack(t)
	text, err := os.ReadFile(filepath.Join(snippets, "helm/deploy.sh"))
	require.NoError(t, err)
	_, err = s.bash(t, string(text), map[string]string{"STUB_HELM_EXIT": "1"})
	require.Error(t, err)
	events := s.events(t)
	require.Len(t, events, 2)
	require.Equal(t, event.StatusStarted, events[0].Status)
	require.Equal(t, event.StatusFailed, events[1].Status)
	require.Equal(t, events[0].ID, events[1].ID)
}

// TestEverySnippetIsTested: a file that no test knows is one that nobody noticed to be broken.
func TestEverySnippetIsTested(t *testing.T) {
	source, err := os.ReadFile("snippets_test.go")
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir(snippets, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, _ := filepath.Rel(snippets, path)
			require.Contains(t, string(source), `"`+filepath.ToSlash(relative)+`"`)
		}
		return err
	}))
}

// TestFluxSnippetsFitTogether: what Flux publishes on is what the source believes, the configuration loads, and the event decodes.
func TestFluxSnippetsFitTogether(t *testing.T) {
	example, err := os.ReadFile("../../deploy/example.yaml")
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(snippets, "flux/source.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(example), "\nsources: []\n")
	path := filepath.Join(t.TempDir(), "rollbackd.yaml")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(example), "\nsources: []\n", "\n"+string(source)+"\n", 1)), 0o600))
	cfg, err := config.Load(path)
	require.NoError(t, err)
	require.Len(t, cfg.Sources, 1)

	text, err := os.ReadFile(filepath.Join(snippets, "flux/provider.yaml"))
	require.NoError(t, err)
	documents := parsed(t, string(text))
	require.Len(t, documents, 2)
	require.Equal(t, cfg.Sources[0].Subject, at(documents[0], "spec", "channel"))
	require.Equal(t, at(documents[0], "metadata", "name"), at(documents[1], "spec", "providerRef", "name"))

	published, err := os.ReadFile(filepath.Join(snippets, "flux/event.json"))
	require.NoError(t, err)
	decoded, err := event.DecodeFlux(published)
	require.NoError(t, err)
	require.Equal(t, "Flux Kustomization flux-system/shop", decoded.String())
}

// bash runs a script whose rollbackctl is this program, and whose other programs do nothing.
func (s *stack) bash(t *testing.T, script string, environment map[string]string) (string, error) {
	t.Helper()
	bin := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(bin, "rollbackctl")))
	for _, name := range []string{"kubectl", "helm"} {
		stub := "#!/bin/sh\nexit ${STUB_" + strings.ToUpper(name) + "_EXIT:-0}\n"
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte(stub), 0o700))
	}
	all := variables()
	maps.Copy(all, environment)
	maps.Copy(all, s.env)
	all["PATH"] = bin + string(os.PathListSeparator) + os.Getenv("PATH")
	all[selfVariable] = "1"
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		cmd.Env = append(cmd.Env, name+"="+all[name])
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// events are all that were published, as the daemon reads them.
func (s *stack) events(t *testing.T) []event.Event {
	t.Helper()
	info, err := s.stream.Info(t.Context())
	require.NoError(t, err)
	var events []event.Event
	for sequence := uint64(1); sequence <= info.State.LastSeq; sequence++ {
		message, err := s.stream.GetMsg(t.Context(), sequence)
		require.NoError(t, err)
		events = append(events, s.decode(t, message))
	}
	return events
}

func (s *stack) decode(t *testing.T, message *jetstream.RawStreamMsg) event.Event {
	t.Helper()
	target, err := event.ParseSubject(message.Subject)
	require.NoError(t, err)
	e, err := event.Decode(target.Subject(), message.Data)
	require.NoError(t, err, "%s", message.Data)
	return e
}

func wholeFile(_ *testing.T, text string) (string, map[string]string) { return text, nil }

// job runs the container of a Kubernetes Job as the kubelet would.
func job(t *testing.T, text string) (string, map[string]string) {
	t.Helper()
	documents := parsed(t, text)
	require.Len(t, documents, 1)
	return container(t, documents[0])
}

func container(t *testing.T, manifest any) (string, map[string]string) {
	t.Helper()
	require.Equal(t, "Job", at(manifest, "kind"))
	c := at(manifest, "spec", "template", "spec", "containers", 0)
	environment := map[string]string{}
	for _, v := range at(c, "env").([]any) {
		environment[at(v, "name").(string)] = at(v, "value").(string)
	}
	var words []string
	for _, list := range []string{"command", "args"} {
		for _, word := range at(c, list).([]any) {
			expanded := regexp.MustCompile(`\$\(([A-Z_]+)\)`).ReplaceAllStringFunc(word.(string), func(name string) string {
				return environment[name[2:len(name)-1]]
			})
			words = append(words, "'"+strings.ReplaceAll(expanded, "'", `'\''`)+"'")
		}
	}
	return strings.Join(words, " "), environment
}

// helmJob renders the template with the functions of Helm that it uses.
func helmJob(t *testing.T, text string) (string, map[string]string) {
	t.Helper()
	functions := template.FuncMap{
		"quote": func(s string) string { return `"` + s + `"` },
		"now":   func() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) },
		"date":  func(layout string, at time.Time) string { return at.Format(layout) },
	}
	parsed, err := template.New("job").Funcs(functions).Option("missingkey=error").Parse(text)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, parsed.Execute(&out, map[string]any{
		"Release": map[string]any{"Name": "checkout", "Namespace": "shop", "Revision": 7},
		"Values": map[string]any{
			"announce": map[string]any{"image": "registry.example/rollbackd:v1.0.0", "environment": "production"},
			"image":    map[string]any{"tag": "v1.2.3"},
		},
	}))
	return job(t, out.String())
}

func spinnaker(t *testing.T, text string) (string, map[string]string) {
	t.Helper()
	var stage any
	require.NoError(t, json.Unmarshal([]byte(evaluated(t, text)), &stage))
	return container(t, at(stage, "manifest"))
}

// githubActions runs the steps of the job. Expressions stand in env alone: in a script, they would be text of others that a shell runs.
func githubActions(t *testing.T, text string) (string, map[string]string) {
	t.Helper()
	var script strings.Builder
	environment := map[string]string{}
	for _, step := range at(parsed(t, text)[0], "jobs", "deploy", "steps").([]any) {
		run, ok := at(step, "run").(string)
		if !ok {
			continue
		}
		require.NotContains(t, run, "${{")
		script.WriteString(run)
		for name, value := range at(step, "env").(map[string]any) {
			environment[name] = evaluated(t, value.(string))
		}
	}
	return script.String(), environment
}

func gitlab(t *testing.T, text string) (string, map[string]string) {
	t.Helper()
	deploy := at(parsed(t, text)[0], "deploy")
	var lines []string
	for _, line := range at(deploy, "script").([]any) {
		lines = append(lines, line.(string))
	}
	environment := map[string]string{"ROLLBACKD_NATS_PASSWORD": "secret"}
	for name, value := range at(deploy, "variables").(map[string]any) {
		environment[name] = value.(string)
	}
	return strings.Join(lines, "\n"), environment
}

// jenkins runs the shell steps. Groovy expands nothing between three single quotes, but takes a backslash for an escape.
func jenkins(t *testing.T, text string) (string, map[string]string) {
	t.Helper()
	steps := regexp.MustCompile(`(?s)sh '''(.*?)'''`).FindAllStringSubmatch(text, -1)
	require.Len(t, steps, 2)
	var script strings.Builder
	for _, step := range steps {
		require.NotContains(t, strings.ReplaceAll(step[1], "\\\n", ""), `\`)
		script.WriteString(strings.ReplaceAll(step[1], "\\\n", "") + "\n")
	}
	return script.String(), nil
}

// evaluated puts values in place of the expressions of GitHub (${{ … }}) and Spinnaker (${…}); one that the test does not know fails.
func evaluated(t *testing.T, text string) string {
	t.Helper()
	known := expressions()
	return regexp.MustCompile(`\$\{\{ ([^}]+) \}\}|\$\{([^{}]+)\}`).ReplaceAllStringFunc(text, func(whole string) string {
		value, ok := known[strings.Trim(whole, "${} ")]
		require.True(t, ok, whole)
		return value
	})
}

func parsed(t *testing.T, text string) []any {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var all []any
	for {
		var document map[string]any
		err := decoder.Decode(&document)
		if err == io.EOF {
			return all
		}
		require.NoError(t, err)
		all = append(all, any(document))
	}
}

// at is the value at a path of keys and indices; nil where there is none.
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// TestRecipesAreConfigurations: each, behind the common part, is what the daemon would run with, and acts on nothing yet.
func TestRecipesAreConfigurations(t *testing.T) {
	const recipes = "../../docs/recipes"
	base, err := os.ReadFile(filepath.Join(recipes, "base.yaml"))
	require.NoError(t, err)
	guide, err := os.ReadFile("../../docs/policies.md")
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(recipes, "*.yaml"))
	require.NoError(t, err)
	require.Greater(t, len(files), 5)
	for _, file := range files {
		require.Contains(t, string(guide), "(recipes/"+filepath.Base(file)+")")
		if filepath.Base(file) == "base.yaml" {
			continue
		}
		recipe, err := os.ReadFile(file)
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), "rollbackd.yaml")
		require.NoError(t, os.WriteFile(path, slices.Concat(base, recipe), 0o600))
		cfg, err := config.Load(path)
		require.NoError(t, err, file)
		require.Len(t, cfg.Policies, 1)
		require.Equal(t, watch.Observe, cfg.Policies[0].Mode)
		code, warnings, problems := (&stack{}).run(t, "check-config", path)
		require.Equal(t, exitDone, code, problems)
		if cfg.Policies[0].Name != "shop" { // its business metric asks a person already
			require.Contains(t, warnings, "every policy only observes")
		}
		require.LessOrEqual(t, strings.Count(warnings, "warning:"), 1, "%s: a recipe gives no cause for warnings: %s", file, warnings)
	}
}

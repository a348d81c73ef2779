package diagnosis

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollbackd/rollbackd/internal/mask"
)

var update = flag.Bool("update", false, "write the golden files")

// waiting is a pod of the release whose container waits.
func waiting(reason, message string) []Pod {
	return []Pod{{Name: "new-a", Side: Release, Phase: "Pending", Containers: []Container{
		{Name: "app", Image: "registry.example/app:v2", State: "waiting", Reason: reason, Message: message},
	}}}
}

func ended(exit Exit) []Pod {
	return []Pod{{Name: "new-a", Side: Release, Phase: "Running", Containers: []Container{
		{Name: "app", Image: "registry.example/app:v2", State: "waiting", Reason: "CrashLoopBackOff", Restarts: 3, Ended: &exit},
	}}}
}

// wrote is what is made of a line that each of two pods of the release wrote ten times, and the version before so many times.
func wrote(line string, before int) Logs {
	return Count([]Source{
		logOf("new-a", Release, map[string]int{line: 10}), logOf("new-b", Release, map[string]int{line: 10}),
		logOf("old-a", Before, map[string]int{line: before, "all is well": 1}),
	}, mask.Masker{}.Text)
}

// scenarios are diagnoses whose cause a person would see at once.
func scenarios() map[string]Diagnosis {
	image := Change{Part: PartImage, Where: "container app", Was: "app:v1", Is: "app:v2"}
	level := Change{Part: PartEnvironment, Where: "container app, variable DB_HOST", Was: "db", Is: "db-new"}
	return map[string]Diagnosis{
		"image-tag":      {Pods: waiting("ImagePullBackOff", `Back-off pulling image "registry.example/app:v2": not found`), Changes: []Change{image}},
		"image-login":    {Pods: waiting("ErrImagePull", "pull access denied, repository does not exist or may require authorization"), Changes: []Change{image}},
		"config-missing": {Pods: waiting("CreateContainerConfigError", `configmap "settings" not found`), Changes: []Change{image}},
		"memory":         {Pods: ended(Exit{Reason: "OOMKilled", Code: 137}), Changes: []Change{{Part: PartResources, Where: "container app, limits", Was: `{"memory":"512Mi"}`, Is: `{"memory":"64Mi"}`}}},
		"no-room":        {Pods: []Pod{{Name: "new-a", Side: Release, Phase: "Pending", Unplaced: "0/4 nodes are available: 4 Insufficient cpu."}}},
		"probe": {
			Pods:    []Pod{{Name: "new-a", Side: Release, Phase: "Running"}},
			Events:  []Event{{Object: "Pod new-a", Side: Release, Type: "Warning", Reason: "Unhealthy", Message: "Readiness probe failed: HTTP probe failed with statuscode: 404", Count: 12}},
			Changes: []Change{image, {Part: PartProbe, Where: "container app, readinessProbe", Was: `{"httpGet":{"path":"/ready"}}`, Is: `{"httpGet":{"path":"/readyz"}}`}},
		},
		"crash": {
			Pods: ended(Exit{Reason: "Error", Code: 2}), Changes: []Change{image},
			Logs: Logs{LastWords: []LastWords{{Pod: "new-a", Container: "app", Lines: []string{"starting", "panic: runtime error: index out of range [3]", "goroutine 1 [running]:"}}}},
		},
		"missing-variable": {
			Pods: ended(Exit{Reason: "Error", Code: 1}), Changes: []Change{image},
			Logs: Logs{LastWords: []LastWords{{Pod: "new-a", Container: "app", Lines: []string{"fatal: environment variable PAYMENT_URL is required"}}}},
		},
		"database-refused": {Logs: wrote("ERROR dial tcp db-new:5432: connect: connection refused", 0), Changes: []Change{image, level}},
		"database-login":   {Logs: wrote(`ERROR FATAL: password authentication failed for user "app" (SQLSTATE 28P01)`, 0), Changes: []Change{image}},
		"database-pool":    {Logs: wrote("ERROR FATAL: sorry, too many clients already", 2), Changes: []Change{image}},
		"database-schema":  {Logs: wrote(`ERROR: column orders.discount does not exist at character 8`, 0), Changes: []Change{image}},
		"permission":       {Logs: wrote("ERROR open /data/cache: permission denied", 0)},
		"code":             {Logs: wrote("java.lang.NullPointerException: Cannot invoke \"Order.total()\" because \"order\" is null", 0), Changes: []Change{image}},
		"as-ever":          {Logs: wrote("ERROR dial tcp db:5432: connect: connection refused", 12), Changes: []Change{image}},
		"nothing":          {Pods: []Pod{{Name: "new-a", Side: Release, Phase: "Running", Ready: true}}},
		"nothing-to-compare-with": {
			Logs: Count([]Source{logOf("new-a", Release, map[string]int{"ERROR lookup pay.shop.svc on 10.96.0.10:53: no such host": 10})}, mask.Masker{}.Text),
		},
		"after-the-rollback": {
			Moment: Ended, Changes: []Change{image},
			Pods: []Pod{{Name: "old-b", Side: Before, Phase: "Pending", Containers: []Container{
				{Name: "app", Image: "app:v1", State: "waiting", Reason: "ImagePullBackOff", Message: "manifest unknown"}}}},
		},
	}
}

// TestGuesses: what is guessed, and on what facts, stands in testdata/guesses.txt.
func TestGuesses(t *testing.T) {
	var b strings.Builder
	all := scenarios()
	for _, name := range keysOf(all) {
		d := all[name]
		if d.Moment == "" {
			d.Moment = Regressed
		}
		fmt.Fprintf(&b, "%s\n", name)
		guesses := GuessOf(d)
		for _, g := range guesses {
			fmt.Fprintf(&b, "  %d %s: %s\n", g.Weight, g.Cause, g.Text)
			for _, f := range g.Facts {
				fmt.Fprintf(&b, "    - %s\n", f)
			}
		}
		if len(guesses) == 0 {
			b.WriteString("  no guess\n")
		}
	}
	golden(t, "guesses.txt", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and look at the diff. It is now\n%s", path, got)
	}
}

func TestChangesAreNamedByWhatTheyMean(t *testing.T) {
	before := `{"spec":{"containers":[{"name":"app","image":"app:v1","env":[{"name":"LEVEL","value":"info"},{"name":"DB_PASSWORD","value":"hunter1"},{"name":"OLD","value":""}],` +
		`"resources":{"limits":{"memory":"512Mi"}},"readinessProbe":{"httpGet":{"path":"/ready"}}}],"volumes":[{"name":"conf","configMap":{"name":"conf-1"}}],"nodeSelector":null}}`
	after := `{"spec":{"containers":[{"name":"app","image":"app:v2","args":["--token","hunter3"],"env":[{"name":"LEVEL","value":"debug"},{"name":"DB_PASSWORD","value":"hunter2"},` +
		`{"name":"KEY","valueFrom":{"secretKeyRef":{"name":"keys","key":"k"}}}],"envFrom":[{"configMapRef":{"name":"extra"}}],"resources":{"limits":{"memory":"64Mi"}},` +
		`"readinessProbe":{"httpGet":{"path":"/<z>"}}},{"name":"side","image":"side:1"}],"volumes":[{"name":"conf","configMap":{"name":"conf-2"}}]}}`
	var b strings.Builder
	changes := ChangesOf(json.RawMessage(before), json.RawMessage(after), mask.Masker{})
	for _, c := range changes {
		fmt.Fprintf(&b, "%s: %s\n", c.Part, c)
	}
	golden(t, "changes.txt", b.String())
	if strings.Contains(b.String(), "hunter") {
		t.Error("a secret is shown")
	}
	if ChangesOf(json.RawMessage(before), json.RawMessage(before), mask.Masker{}) != nil || ChangesOf(nil, json.RawMessage(`[]`), mask.Masker{}) != nil {
		t.Error("there are changes where there is nothing to compare")
	}
}

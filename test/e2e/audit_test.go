package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/access"
)

// auditLine is what is read of a line of the API server's audit log.
type auditLine struct {
	Verb string `json:"verb"`
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	ObjectRef struct {
		Group       string `json:"apiGroup"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
	} `json:"objectRef"`
	Status struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
}

// usage is what the daemons of the tests did on the API server, as verbs on resources: what they were let do, and what not.
type usage struct{ used, refused map[string]bool }

// readUsage reads the audit log. Reviews of one's own permissions are everybody's, and left out.
func readUsage(log io.Reader) (usage, error) {
	u := usage{used: map[string]bool{}, refused: map[string]bool{}}
	reader := bufio.NewReaderSize(log, 64<<10)
	for {
		text, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return u, nil // what has no newline yet is still being written
		}
		if err != nil {
			return u, err
		}
		if !bytes.Contains(text, []byte(`:`+accountName+`"`)) {
			continue
		}
		var line auditLine
		if err := json.Unmarshal(text, &line); err != nil {
			return u, fmt.Errorf("decode the audit log: %w", err)
		}
		who, o := line.User.Username, line.ObjectRef
		if !strings.HasPrefix(who, "system:serviceaccount:") || !strings.HasSuffix(who, ":"+accountName) || o.Resource == "" || o.Group == "authorization.k8s.io" {
			continue
		}
		key := verbOn(line.Verb, o.Group, strings.TrimSuffix(o.Resource+"/"+o.Subresource, "/"))
		if line.Status.Code == 403 || line.Status.Code == 401 {
			u.refused[key] = true
			continue
		}
		u.used[key] = true
	}
}

func verbOn(verb, group, resource string) string {
	return verb + " " + access.Rule{Group: group, Resource: resource}.Object()
}

// provenElsewhere are the verbs that the daemons of these tests do not use, with where it is tested that rollbackd needs them.
func provenElsewhere() map[string]string {
	const helm = "the tests of rollback with HelmReleases; the stack has no such kind"
	return map[string]string{
		"get helmreleases.helm.toolkit.fluxcd.io":   helm,
		"patch helmreleases.helm.toolkit.fluxcd.io": helm,
		"get configmaps":              "TestInspectFindsWhatTheTargetLacks, which reads without a daemon",
		"create events.events.k8s.io": "TestNoticesBecomeEventsOfTheWorkload, whose sink has an account of its own",
		"list scaledobjects.keda.sh":  "the tests of rollback with ScaledObjects; where rollbackd may not list them it goes on without",
		"get secrets":                 "the tests of rollback with Secrets; the daemons of these tests do not check them",
	}
}

// compare returns what was used beside the table, which is never right, and what of the table nothing used.
func (u usage) compare(table []access.Rule, proven map[string]string) (beside, unused []string) {
	allowed := map[string]bool{}
	for _, r := range table {
		for _, verb := range r.Verbs {
			allowed[verbOn(verb, r.Group, r.Resource)] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(u.used)) {
		if !allowed[key] {
			beside = append(beside, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(allowed)) {
		if !u.used[key] && proven[key] == "" {
			unused = append(unused, key)
		}
	}
	return beside, unused
}

// checkUsage compares what the suite's daemons did with the table of permissions. whole says that all tests ran, so that each verb must
// have been used.
func (w *world) checkUsage(whole bool) error {
	log, err := os.Open(w.stack.AuditLog)
	if err != nil {
		return err
	}
	defer log.Close()
	u, err := readUsage(log)
	if err != nil {
		return err
	}
	beside, unused := u.compare(access.Table(), provenElsewhere())
	fmt.Fprintf(os.Stderr, "e2e: the daemons used %d verbs, were refused %v, and used none of %v\n", len(u.used), slices.Sorted(maps.Keys(u.refused)), unused)
	switch {
	case len(beside) > 0:
		return fmt.Errorf("the daemons used what the table of internal/access does not have: %v", beside)
	case whole && len(unused) > 0:
		return fmt.Errorf("the table of internal/access has what no test needs: %v; take it out, or write the test", unused)
	}
	return nil
}

// TestUsageIsComparedWithTheTable: what is used beside the table, and what is not used, is named; what was refused is not used.
func TestUsageIsComparedWithTheTable(t *testing.T) {
	line := func(user, verb, group, resource, sub string, code int) string {
		return fmt.Sprintf(`{"verb":%q,"user":{"username":%q},"objectRef":{"apiGroup":%q,"resource":%q,"subresource":%q},"responseStatus":{"code":%d}}`+"\n",
			verb, user, group, resource, sub, code)
	}
	it := daemonUser("shop")
	u, err := readUsage(strings.NewReader(line(it, "get", "apps", "deployments", "", 200) + line(it, "get", "", "pods", "log", 200) +
		line(it, "delete", "batch", "jobs", "", 404) + line(it, "list", "apps", "statefulsets", "", 403) +
		line(it, "create", "authorization.k8s.io", "selfsubjectaccessreviews", "", 201) +
		line("admin", "delete", "", "pods", "", 200) + line("system:serviceaccount:shop:other", "delete", "", "secrets", "", 200) + `{"half":`))
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"get deployments.apps": true, "get pods/log": true, "delete jobs.batch": true}, u.used)
	require.Equal(t, map[string]bool{"list statefulsets.apps": true}, u.refused)
	beside, unused := u.compare(access.Grant{}.With(access.Base, access.PodLogs, access.Secrets).Rules(), map[string]string{"get secrets": "elsewhere"})
	require.Equal(t, []string{"delete jobs.batch"}, beside)
	require.Equal(t, []string{"list deployments.apps", "list pods", "list replicasets.apps", "patch deployments.apps", "watch deployments.apps", "watch pods", "watch replicasets.apps"}, unused)
	for key := range provenElsewhere() {
		require.Contains(t, allVerbs(), key, "provenElsewhere names what the table does not have")
	}
}

func allVerbs() (out []string) {
	for _, r := range access.Table() {
		for _, verb := range r.Verbs {
			out = append(out, verbOn(verb, r.Group, r.Resource))
		}
	}
	return out
}

package event

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// published is the subject that fits the examples of the CDEvents specification.
const exampleSubject = "deployments.test123.shop.checkout"

// TestCDEventsExamples reads the specification's own examples of every service and environment event, written out from
// its releases 0.4 and 0.5: a deployment and an upgrade are announcements, the others are none of ours.
func TestCDEventsExamples(t *testing.T) {
	for _, release := range []string{"0.4", "0.5"} {
		examples, err := filepath.Glob(filepath.Join("testdata", "cdevents", release, "*.json"))
		require.NoError(t, err)
		require.Len(t, examples, 8)
		for _, file := range examples {
			t.Run(release+"/"+filepath.Base(file), func(t *testing.T) {
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				e, err := Decode(exampleSubject, text)
				switch filepath.Base(file) {
				case "service_deployed.json", "service_upgraded.json":
					require.NoError(t, err)
					require.Equal(t, Event{
						ID:        "/event/source/123 271069a8-fc18-44f1-b38f-9d70a1695819",
						Timestamp: time.Date(2023, 3, 20, 14, 27, 5, 315384000, time.UTC), Environment: "test123", Namespace: "shop",
						Workload: "checkout", Kind: KindDeployment, Strategy: StrategyRolling, Status: StatusSuccess,
						Version: "sha256:0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427", Raw: text,
					}, e)
				default:
					require.Equal(t, CodeNotADeployment, rejection(t, err).Code)
				}
			})
		}
	}
}

func rejection(t *testing.T, err error) *Rejection {
	t.Helper()
	var r *Rejection
	require.ErrorAs(t, err, &r)
	requireSafe(t, err)
	return r
}

// cdevent is a CDEvent of version 0.5 about a deployment; pairs of edits are applied to its text.
func cdevent(edits ...string) string {
	return strings.NewReplacer(edits...).Replace(`{"context":{"specversion":"0.5.1","id":"run-7","source":"https://ci.example/shop","type":"dev.cdevents.service.deployed.0.3.0",` +
		`"timestamp":"2026-11-22T10:00:00Z"},"subject":{"id":"service/checkout","content":{"environment":{"id":"production"},` +
		`"artifactId":"pkg:oci/checkout@sha256%3Aabc?repository_url=ghcr.io%2Fshop&tag=v1.2.3"}},"customData":{"ticket":7}}`)
}

// custom gives the CDEvent fields of our own.
func custom(fields string) string { return cdevent(`{"ticket":7}`, `{"rollbackd":`+fields+`}`) }

func TestCDEvents(t *testing.T) {
	for name, tc := range map[string]struct {
		document string
		change   func(*Event)
	}{
		"as it is":                    {document: cdevent()},
		"an upgrade":                  {document: cdevent("service.deployed", "service.upgraded")},
		"the first version of a type": {document: cdevent("deployed.0.3.0", "deployed.0.1.0", `"specversion":"0.5.1"`, `"version":"0.3.0"`)},
		"a type of a draft":           {document: cdevent("deployed.0.3.0", "deployed.0.4.0-draft")},
		"a type without a version":    {document: cdevent("deployed.0.3.0", "deployed")},
		"an environment that is a URI": {
			document: cdevent(`"id":"production"`, `"id":"https://clusters.example/eu-1"`),
		},
		"an environment that is a path":  {document: cdevent(`"id":"production"`, `"id":"tenant1/12345"`)},
		"an environment in other case":   {document: cdevent(`"id":"production"`, `"id":"Production"`)},
		"custom data that is no object":  {document: cdevent(`{"ticket":7}`, `"dGlja2V0"`)},
		"custom data that is null":       {document: cdevent(`{"ticket":7}`, `null`)},
		"a digest":                       {document: cdevent("&tag=v1.2.3", ""), change: func(e *Event) { e.Version = "sha256:abc" }},
		"the version in the custom data": {document: custom(`{"version":"v2"}`), change: func(e *Event) { e.Version = "v2" }},
		"the version there alone":        {document: strings.Replace(custom(`{"version":"v2"}`), "pkg:oci", "oci", 1), change: func(e *Event) { e.Version = "v2" }},
		"a blue-green deployment": {document: custom(`{"strategy":"blue-green","service":"app","selectorKey":"version","from":"blue","to":"green"}`), change: func(e *Event) {
			e.Strategy, e.Service, e.SelectorKey, e.From, e.To = StrategyBlueGreen, "app", "version", "blue", "green"
		}},
		"a schema change, of a workload of its subject": {document: custom(`{"namespace":"shop","schemaChange":true,"commit":"abc"}`), change: func(e *Event) { e.SchemaChange, e.Commit = true, "abc" }},
		"an id of the custom data is not the event's":   {document: custom(`{"id":"mine"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			want := Event{
				ID: "https://ci.example/shop run-7", Timestamp: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
				Environment: "production", Namespace: "shop", Workload: "checkout", Kind: KindDeployment, Strategy: StrategyRolling,
				Status: StatusSuccess, Version: "v1.2.3", Raw: []byte(tc.document),
			}
			if tc.change != nil {
				tc.change(&want)
			}
			e, err := Decode(checkout, []byte(tc.document))
			require.NoError(t, err)
			require.Equal(t, want, e)

			var native Event
			require.NoError(t, json.Unmarshal(Native(checkout, e.Raw), &native))
			native.Raw = e.Raw
			require.Equal(t, e, native, "those who read our own fields only see the same")
		})
	}
}

func TestCDEventsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		document string
		code     Code
		field    string
	}{
		"another environment":            {cdevent(`"id":"production"`, `"id":"staging"`), CodeUnauthorised, "subject.content.environment.id"},
		"another namespace":              {custom(`{"namespace":"other"}`), CodeUnauthorised, "namespace"},
		"another environment of ours":    {custom(`{"environment":"staging"}`), CodeUnauthorised, "environment"},
		"no artifact":                    {cdevent(`"artifactId"`, `"artifact"`), CodeMissing, "subject.content.artifactId"},
		"an artifact without a version":  {cdevent(`@sha256%3Aabc`, ``, `&tag=v1.2.3`, ``), CodeInvalid, "subject.content.artifactId"},
		"an artifact with bad encoding":  {cdevent(`tag=v1.2.3`, `tag=%zz`), CodeInvalid, "subject.content.artifactId"},
		"a version that is not UTF-8":    {cdevent(`tag=v1.2.3`, `tag=%ff`), CodeInvalid, "subject.content.artifactId"},
		"a version that is invisible":    {cdevent(`tag=v1.2.3`, `tag=%E2%80%8B`), CodeInvalid, "version"},
		"no version of the spec":         {cdevent(`"specversion":"0.5.1",`, ``), CodeMissing, "context.version"},
		"no id":                          {cdevent(`"id":"run-7",`, ``), CodeMissing, "context.id"},
		"an id that is a number":         {cdevent(`"run-7"`, `7`), CodeType, "context.id"},
		"no time":                        {cdevent(`"timestamp"`, `"time"`), CodeMissing, "context.timestamp"},
		"no content":                     {cdevent(`"content":{`, `"contents":{`), CodeMissing, "subject.content.artifactId"},
		"content that is a list":         {cdevent(`"content":{`, `"content":[],"x":{`), CodeType, "subject.content"},
		"an environment without fields":  {cdevent(`"environment":{"id":"production"}`, `"environment":"production"`), CodeType, "subject.content.environment"},
		"two contexts":                   {cdevent(`{"context"`, `{"context":{"type":"dev.cdevents.x"},"context"`), CodeDuplicate, "context"},
		"two types":                      {cdevent(`"source"`, `"type":"dev.cdevents.service.removed.0.3.0","source"`), CodeDuplicate, "context.type"},
		"two environments":               {cdevent(`"environment"`, `"environment":{},"environment"`), CodeDuplicate, "subject.content.environment"},
		"two versions of ours":           {custom(`{"version":"v2","version":"v3"}`), CodeDuplicate, "customData.rollbackd.version"},
		"our fields as a text":           {custom(`"v2"`), CodeType, "customData.rollbackd"},
		"a service that is rolled back":  {cdevent("service.deployed", "service.rolledback"), CodeNotADeployment, "context.type"},
		"a service that is none of ours": {cdevent("service.deployed", "service.deployedx"), CodeNotADeployment, "context.type"},
		"a build":                        {cdevent("service.deployed", "build.finished"), CodeNotADeployment, "context.type"},
		"a custom event":                 {cdevent("dev.cdevents.service", "dev.cdeventsx.shop.service"), CodeNotADeployment, "context.type"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(checkout, []byte(tc.document))
			r := rejection(t, err)
			require.Equal(t, tc.code, r.Code, "%v", r)
			require.Equal(t, tc.field, r.Field)
			require.NotEmpty(t, r.Fix)
		})
	}
}

func TestArtifactVersion(t *testing.T) {
	digest := strings.Repeat("0b", 32)
	for artifact, want := range map[string]string{
		"pkg:oci/myapp@sha256%3A" + digest:                                   "sha256:" + digest,
		"pkg:oci/myapp@sha256:" + digest:                                     "sha256:" + digest,
		"PKG:oci/myapp@sha256%3A" + digest + "?tag=v1.2%2B3&arch=amd64":      "v1.2+3",
		"pkg:oci/myapp@sha256%3A" + digest + "?repository_url=ghcr.io/x#a/b": "sha256:" + digest,
		"pkg:oci/myapp@sha256%3A" + digest + "?tag=":                         "sha256:" + digest,
		"pkg:docker/customer/dockerimage@v1?repository_url=gcr.io":           "v1",
		"pkg:golang/mygit.com/myorg/myapp@234fd47e07d1004f0aed9c":            "234fd47e07d1004f0aed9c",
		"pkg:npm/%40angular/animation@12.3.1":                                "12.3.1",
		"pkg:generic/orders@1.0.0":                                           "1.0.0",
		digest:                                                               "sha256:" + digest,
		"sha256:" + digest:                                                   "sha256:" + digest,
		"v1.2.3":                                                             "v1.2.3",
		"registry.example:5000/shop/checkout:v1":                             "v1",
		"registry.example:5000/shop/checkout@sha256:" + digest:               "sha256:" + digest,
		"pkg:npm/@angular/animation":                                         "",
		"pkg:oci/myapp":                                                      "",
		"pkg:oci/myapp@":                                                     "",
		"pkg:oci/myapp@%":                                                    "",
		"registry.example:5000/shop/checkout":                                "",
		"shop/":                                                              "",
		"":                                                                   "",
	} {
		got, ok := artifactVersion(artifact)
		require.Equal(t, want != "", ok, artifact)
		if ok {
			require.Equal(t, want, got, artifact)
		}
	}
}

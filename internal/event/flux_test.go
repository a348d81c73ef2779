package event

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const sha = "731f7eaddfb6af01cb2173e18f0f75b0ba780ef1"

// fluxEvent is what kustomize-controller tells of what it applied, as notification-controller publishes it; pairs of edits are
// applied to its text.
func fluxEvent(edits ...string) string {
	return strings.NewReplacer(edits...).Replace(`{"involvedObject":{"kind":"Kustomization","namespace":"flux-system","name":"shop","uid":"7d0cdc51","apiVersion":` +
		`"kustomize.toolkit.fluxcd.io/v1","resourceVersion":"42"},"severity":"info","timestamp":"2026-11-22T10:00:00Z","message":"Deployment/shop/checkout configured",` +
		`"reason":"Progressing","metadata":{"revision":"main@sha1:` + sha + `"},"reportingController":"kustomize-controller"}`)
}

func TestDecodeFlux(t *testing.T) {
	want := Flux{Kind: FluxKustomization, Namespace: "flux-system", Name: "shop", At: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		Revision: "main@sha1:" + sha, Commit: sha}
	helm := []string{`"kind":"Kustomization"`, `"kind":"HelmRelease"`, "kustomize.toolkit", "helm.toolkit", "main@sha1:" + sha, "6.6.1+0cc9a8446c95"}
	for name, tc := range map[string]struct {
		edits  []string
		change func(*Flux)
	}{
		"what was applied":                  {},
		"every reconciliation":              {edits: []string{"Progressing", "ReconciliationSucceeded"}},
		"a first reconciliation, of old":    {edits: []string{"Progressing", "info"}},
		"metadata as the controller has it": {edits: []string{`"revision"`, `"kustomize.toolkit.fluxcd.io/revision"`}},
		"a revision as it was written once": {edits: []string{"main@sha1:", "main/"}, change: func(f *Flux) { f.Revision = "main/" + sha }},
		"an artifact that was made of Git":  {edits: []string{"main@sha1:" + sha + `"`, `latest@sha256:ab","originRevision":"main@sha1:` + sha + `"`}, change: func(f *Flux) { f.Revision = "latest@sha256:ab" }},
		"no metadata":                       {edits: []string{`"metadata"`, `"meta"`}, change: func(f *Flux) { f.Revision, f.Commit = "", "" }},
		"an upgrade by Helm":                {edits: append(helm, "Progressing", "UpgradeSucceeded"), change: func(f *Flux) { f.Kind, f.Revision, f.Commit = FluxHelmRelease, "6.6.1+0cc9a8446c95", "" }},
		"an installation by Helm":           {edits: append(helm, "Progressing", "InstallSucceeded"), change: func(f *Flux) { f.Kind, f.Revision, f.Commit = FluxHelmRelease, "6.6.1+0cc9a8446c95", "" }},
		"an object without an API version":  {edits: []string{`,"apiVersion":"kustomize.toolkit.fluxcd.io/v1"`, ""}},
		"a message that is no text":         {edits: []string{`"Deployment/shop/checkout configured"`, `{"a":[1]}`}},
	} {
		t.Run(name, func(t *testing.T) {
			want := want
			if tc.change != nil {
				tc.change(&want)
			}
			got, err := DecodeFlux([]byte(fluxEvent(tc.edits...)))
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
	require.Equal(t, map[string]string{"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}, want.Labels())
	require.Equal(t, "Flux Kustomization flux-system/shop", want.String())
}

func TestFluxEventsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		edits []string
		code  Code
		field string
	}{
		"a failure":                         {[]string{`"severity":"info"`, `"severity":"error"`, "Progressing", "HealthCheckFailed"}, CodeNotADeployment, "reason"},
		"something that waits":              {[]string{"Progressing", "DependencyNotReady"}, CodeNotADeployment, "reason"},
		"a new artifact":                    {[]string{"Kustomization", "GitRepository", "kustomize.toolkit", "source.toolkit", "Progressing", "NewArtifact"}, CodeNotADeployment, "reason"},
		"a Kustomization of another group":  {[]string{"kustomize.toolkit.fluxcd.io/v1", "example.com/v1"}, CodeNotADeployment, "reason"},
		"a HelmRelease that progresses":     {[]string{`"kind":"Kustomization"`, `"kind":"HelmRelease"`, "kustomize.toolkit", "helm.toolkit"}, CodeNotADeployment, "reason"},
		"no object":                         {[]string{"involvedObject", "object"}, CodeMissing, "involvedObject"},
		"an object that is a text":          {[]string{`"involvedObject":{`, `"involvedObject":"x","y":{`}, CodeType, "involvedObject"},
		"two objects":                       {[]string{`"severity"`, `"involvedObject":{},"severity"`}, CodeDuplicate, "involvedObject"},
		"two names":                         {[]string{`"uid"`, `"name":"other","uid"`}, CodeDuplicate, "involvedObject.name"},
		"no name":                           {[]string{`"name":"shop"`, `"name":""`}, CodeMissing, "involvedObject.name"},
		"a name that no label could have":   {[]string{`"name":"shop"`, `"name":"` + strings.Repeat("x", 64) + `"`}, CodeInvalid, "involvedObject.name"},
		"a name that would select all":      {[]string{`"name":"shop"`, `"name":"shop,!x"`}, CodeInvalid, "involvedObject.name"},
		"a namespace that is none":          {[]string{"flux-system", "*"}, CodeInvalid, "involvedObject.namespace"},
		"no time":                           {[]string{`"timestamp"`, `"time"`}, CodeMissing, "timestamp"},
		"a revision that cannot be printed": {[]string{"main@sha1", `main\u202e`}, CodeInvalid, "metadata.revision"},
		"a native event":                    {[]string{fluxEvent(), with()}, CodeMissing, "involvedObject"},
		"no JSON":                           {[]string{`{"involvedObject"`, `"involvedObject"`}, CodeMalformed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeFlux([]byte(fluxEvent(tc.edits...)))
			r := rejection(t, err)
			require.Equal(t, tc.code, r.Code, "%v", r)
			require.Equal(t, tc.field, r.Field)
			require.NotEmpty(t, r.Fix)
		})
	}
}

func FuzzDecodeFlux(f *testing.F) {
	f.Add([]byte(fluxEvent()))
	f.Add([]byte(fluxEvent("Kustomization", "HelmRelease", "kustomize.toolkit", "helm.toolkit", "Progressing", "UpgradeSucceeded")))
	f.Add([]byte(fluxEvent(`"revision"`, `"kustomize.toolkit.fluxcd.io/revision"`)))
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := DecodeFlux(payload)
		if err != nil {
			requireSafe(t, err)
			return
		}
		require.True(t, isLabel(e.Namespace) && isSubdomain(e.Name))
		require.LessOrEqual(t, len(e.Revision), MaxText)
		require.False(t, e.At.IsZero())
		require.Len(t, e.Labels(), 2)
	})
}

func TestCDEventSubject(t *testing.T) {
	for _, document := range []string{cdevent(), cloudevent(cdevent())} {
		subject, err := CDEventSubject([]byte(document))
		require.NoError(t, err)
		require.Equal(t, "service/checkout", subject)
	}
	for document, code := range map[string]Code{
		with(): CodeUnsupported, cloudevent(bare): CodeUnsupported, "[": CodeMalformed, cdevent(`"service/checkout"`, "7"): CodeType,
		cdevent("service.deployed", "build.finished"): CodeNotADeployment,
	} {
		_, err := CDEventSubject([]byte(document))
		require.Equal(t, code, rejection(t, err).Code, document)
	}
}

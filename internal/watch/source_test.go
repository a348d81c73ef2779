package watch

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// labelledOf lists the world's only workload, for those who ask by the labels of the Kustomization flux-system/shop.
type labelledOf struct {
	*world
	asked *[]string
}

func (l labelledOf) Labelled(ctx context.Context, kind rollback.Kind, namespace string, labels map[string]string) (found []rollback.Snapshot, err error) {
	err = l.call(ctx, "labelled", func() error {
		*l.asked = append(*l.asked, namespace+" "+kind.String())
		if namespace == "shop" && kind == rollback.KindDeployment && labels["kustomize.toolkit.fluxcd.io/name"] == "shop" &&
			labels["kustomize.toolkit.fluxcd.io/namespace"] == "flux-system" {
			found = append(found, l.live)
		}
		return nil
	})
	return found, err
}

func fluxSource() Source {
	return Source{
		Name: "flux", Format: SourceFlux, Environment: "production", Namespaces: []string{"pay", "shop"},
		Kinds: []rollback.Kind{rollback.KindDeployment, rollback.KindStatefulSet},
	}
}

// fluxSays is what Flux tells, dated now; pairs of edits are applied to its text.
func fluxSays(edits ...string) Published {
	text := `{"involvedObject":{"kind":"Kustomization","namespace":"flux-system","name":"shop","apiVersion":"kustomize.toolkit.fluxcd.io/v1"},` +
		`"severity":"info","timestamp":"` + time.Now().UTC().Format(time.RFC3339) + `","message":"Deployment/shop/checkout configured","reason":"Progressing",` +
		`"metadata":{"revision":"main@sha1:731f7eaddfb6af01cb2173e18f0f75b0ba780ef1"},"reportingController":"kustomize-controller"}`
	return Published{Subject: "flux.production", Data: []byte(strings.NewReplacer(edits...).Replace(text)), Seq: 9}
}

// fluxed runs a process that can be asked for what Flux brings.
func (w *world) fluxed() (p *process, asked *[]string) {
	asked = new([]string)
	return w.run(func(o *Options) { o.Labelled = labelledOf{w, asked} }), asked
}

// TestFluxBeginsAWatchOfWhatItChanged: the bad release is rolled back. The event says who brought it, and what Flux said.
func TestFluxBeginsAWatchOfWhatItChanged(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p, asked := w.fluxed()
		message := fluxSays()
		require.NoError(t, p.AcceptFrom(t.Context(), fluxSource(), message))
		require.Equal(t, []string{"pay Deployment", "pay StatefulSet", "shop Deployment", "shop StatefulSet"}, *asked)
		got := w.await(p, Watching)
		require.Equal(t, "flux-uid-2", got.Event.ID)
		require.Equal(t, "v2", got.Event.Version)
		require.Equal(t, "731f7eaddfb6af01cb2173e18f0f75b0ba780ef1", got.Event.Commit)
		require.Equal(t, "Flux Kustomization flux-system/shop", got.Event.Operator)
		require.False(t, got.Unannounced)
		var document struct {
			AnnouncedBy struct{ Event json.RawMessage }
		}
		require.NoError(t, json.Unmarshal(got.Document, &document))
		require.JSONEq(t, string(message.Data), string(document.AnnouncedBy.Event))

		for range 3 { // Flux repeats itself, and says more of the same
			require.NoError(t, p.AcceptFrom(t.Context(), fluxSource(), message))
			require.NoError(t, p.AcceptFrom(t.Context(), fluxSource(), fluxSays("Progressing", "ReconciliationSucceeded", "731f", "842e")))
			settle(time.Second)
		}
		w.await(p, RolledBack)
		require.NoError(t, p.AcceptFrom(t.Context(), fluxSource(), fluxSays()))
		require.Len(t, p.Watches(), 1, "neither a repetition nor the rollback is a deployment")
		require.Len(t, w.patched(), 1)
	})
}

// TestFluxThatChangedNothing: most reconciliations change no containers, and their events begin nothing.
func TestFluxThatChangedNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		edits []string
		world func(*world)
		want  event.Code
	}{
		"another Kustomization":   {edits: []string{`"name":"shop"`, `"name":"infra"`}},
		"a first installation":    {world: func(w *world) { w.live.Revisions = w.live.Revisions[:1] }},
		"a release from long ago": {world: func(w *world) { w.live.Revisions[0].CreatedAt = time.Now().Add(-48 * time.Hour) }},
		"a rollout that ended long ago": {world: func(w *world) {
			w.live.Status.Conditions = []rollback.Condition{{Type: "Progressing", LastUpdateTime: time.Now().Add(-48 * time.Hour)}}
		}},
		"something that was not applied":    {edits: []string{"Progressing", "DependencyNotReady"}, want: event.CodeNotADeployment},
		"an event from long ago":            {edits: []string{"2000-01-01", "1999-12-01"}, want: event.CodeStale},
		"an event from the future":          {edits: []string{"2000-01-01", "2000-02-01"}, want: event.CodeFuture},
		"an event that is none":             {edits: []string{"involvedObject", "object"}, want: event.CodeMissing},
		"a version that has no name":        {world: func(w *world) { w.nameless() }},
		"a workload that is gone meanwhile": {world: func(w *world) { w.failing(gone) }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				if tc.world != nil {
					tc.world(w)
				}
				p, _ := w.fluxed()
				require.Equal(t, tc.want, code(t, p.AcceptFrom(t.Context(), fluxSource(), fluxSays(tc.edits...))))
				require.Empty(t, p.Watches())
			})
		})
	}
}

// nameless has the live template name no version.
func (w *world) nameless() {
	w.live.Template = json.RawMessage(`{"spec":{"containers":[{"image":"shop/checkout","name":"app"}]}}`)
	w.live.Revisions[0].Template = w.live.Template
}

func gone(call string, _ bool) error {
	if call == "cluster.read" {
		return rollback.ErrNotFound
	}
	return nil
}

// TestFluxBeforeTheClusterShows: an API server that is away, and controllers that are slow, are asked again. After ten minutes a
// workload whose controller does nothing is passed over.
func TestFluxBeforeTheClusterShows(t *testing.T) {
	for _, failing := range []string{"labelled", "cluster.read", "store.create", "names.claim"} {
		t.Run(failing, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p, _ := w.fluxed()
				w.failing(func(call string, _ bool) error {
					if call == failing {
						return errDown
					}
					return nil
				})
				message := fluxSays()
				require.ErrorIs(t, p.AcceptFrom(t.Context(), fluxSource(), message), errDown, "that nothing is known is not that there is nothing")
				w.failing(nil)
				require.NoError(t, p.AcceptFrom(t.Context(), fluxSource(), message))
				require.Len(t, p.Watches(), 1)
			})
		})
	}
	inBubble(t, func(t *testing.T, w *world) {
		p, _ := w.fluxed()
		w.live.Generation++
		message := fluxSays()
		require.ErrorIs(t, p.AcceptFrom(t.Context(), fluxSource(), message), errNotYet)
		time.Sleep(fluxPatience)
		require.NoError(t, p.AcceptFrom(t.Context(), fluxSource(), message))
		require.Empty(t, p.Watches())
		w.live.ObservedGeneration = w.live.Generation
		w.deployNext("v3", "3")
		require.NoError(t, p.AcceptFrom(t.Context(), fluxSource(), fluxSays()))
		require.Len(t, p.Watches(), 1)
	})
}

// TestSourcesAreTrustedForTheirNamespaces: a source says what is deployed in the namespaces that it lists, and nowhere else.
func TestSourcesAreTrustedForTheirNamespaces(t *testing.T) {
	native := Source{Name: "other", Format: SourceNative, Environment: "production", Namespaces: []string{"shop", "pay"}}
	cd := native
	cd.Format = SourceCDEvents
	one, fixed := cd, cd
	one.Namespaces = []string{"shop"}
	fixed.Namespace, fixed.Workload = "shop", "checkout"
	plain := func(edits ...string) string { return string(published(time.Now(), edits...).Data) }
	wrap := func(document string) string {
		return `{"specversion":"1.0","id":"1","source":"s","type":"t","data":` + document + `}`
	}
	cdevent := func(subject string, edits ...string) string {
		return strings.NewReplacer(edits...).Replace(`{"context":{"specversion":"0.5.1","id":"1","source":"s","type":"dev.cdevents.service.deployed.0.3.0","timestamp":"` +
			time.Now().UTC().Format(time.RFC3339) + `"},"subject":{"id":"` + subject + `","content":{"environment":{"id":"production"},"artifactId":"pkg:oci/x@v2"}}}`)
	}
	for name, tc := range map[string]struct {
		from     Source
		document func() string
		want     event.Code
	}{
		"our own event":                        {from: native, document: func() string { return plain() }},
		"our own event in a CloudEvent":        {from: native, document: func() string { return wrap(plain()) }},
		"another namespace":                    {from: native, document: func() string { return plain(`"shop"`, `"kube-system"`) }, want: event.CodeUnauthorised},
		"another environment":                  {from: native, document: func() string { return plain(`production`, `staging`) }, want: event.CodeUnauthorised},
		"no JSON":                              {from: native, document: func() string { return "x" }, want: event.CodeMalformed},
		"a CDEvent with both names":            {from: cd, document: func() string { return cdevent("shop/checkout") }},
		"a CDEvent with another namespace":     {from: cd, document: func() string { return cdevent("kube-system/checkout") }, want: event.CodeUnauthorised},
		"a CDEvent with one name of two":       {from: cd, document: func() string { return cdevent("checkout") }, want: event.CodeUnauthorised},
		"a CDEvent, of one namespace":          {from: one, document: func() string { return cdevent("service/checkout") }},
		"a CDEvent in a CloudEvent":            {from: one, document: func() string { return wrap(cdevent("checkout")) }},
		"a CDEvent of whatever name":           {from: fixed, document: func() string { return cdevent("https://x") }},
		"a CDEvent without a name":             {from: one, document: func() string { return cdevent("service/") }, want: event.CodeInvalid},
		"a CDEvent with a strange name":        {from: one, document: func() string { return cdevent("a b*>") }, want: event.CodeInvalid},
		"a CDEvent of another environment":     {from: one, document: func() string { return cdevent("checkout", `"id":"production"`, `"id":"staging"`) }, want: event.CodeUnauthorised},
		"a CDEvent of another type":            {from: cd, document: func() string { return cdevent("x", "service.deployed", "build.finished") }, want: event.CodeNotADeployment},
		"our own event where there are others": {from: cd, document: func() string { return plain() }, want: event.CodeUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run()
				m := Published{Subject: "ci.deployed", Data: []byte(tc.document()), Seq: 3}
				require.Equal(t, tc.want, code(t, p.AcceptFrom(t.Context(), tc.from, m)))
				if tc.want != "" {
					require.Empty(t, p.Watches())
					return
				}
				require.NoError(t, p.AcceptFrom(t.Context(), tc.from, m), "again")
				require.Len(t, p.Watches(), 1)
				got := w.await(p, RolledBack)
				require.Equal(t, "deployments.production.shop.checkout", got.Subject)
				require.Equal(t, m.Data, []byte(got.Document))
			})
		})
	}
}

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// awaitEvents waits until so many events had that result.
func (d *daemon) awaitEvents(result, code string, n int) {
	d.t.Helper()
	line := fmt.Sprintf("rollbackd_events_total{code=%q,result=%q} %d\n", code, result, n)
	eventually(d.t, time.Minute, func() (bool, string) {
		_, metrics, err := d.get("/metrics")
		return err == nil && strings.Contains(metrics, line), "the metrics do not show " + line
	})
}

// tell publishes as Flux does, which does not wait for an answer.
func tell(t *testing.T, d *daemon, subject, document string) {
	t.Helper()
	nc := connect(t, d)
	require.NoError(t, nc.Publish(subject, []byte(document)))
	require.NoError(t, nc.Flush())
	require.NoError(t, nc.LastError())
}

// fluxApplied is what kustomize-controller tells of the Kustomization whose labels markForFlux gives, as notification-controller
// publishes it.
func fluxApplied(message, reason string) string {
	return fmt.Sprintf(`{"involvedObject":{"kind":"Kustomization","namespace":"flux-system","name":"apps","uid":"7d0cdc51-ddcf-4743-b223-83ca5c699632",`+
		`"apiVersion":"kustomize.toolkit.fluxcd.io/v1","resourceVersion":"42"},"severity":"info","timestamp":%q,"message":%q,"reason":%q,`+
		`"metadata":{"revision":"main@sha1:731f7eaddfb6af01cb2173e18f0f75b0ba780ef1"},"reportingController":"kustomize-controller","reportingInstance":"kustomize-controller-1"}`,
		time.Now().UTC().Format(time.RFC3339), message, reason)
}

// TestWhatFluxAppliesIsRolledBack: Flux brings two Deployments and changes one. Its events, of which there are several, begin one watch,
// and the bad release is taken back. Nothing is lost of what Flux says while the daemon is away.
func TestWhatFluxAppliesIsRolledBack(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(c *settings) {
		c.GitOps, c.Speaks = "hold", "[flux, ci]"
		c.Sources = fmt.Sprintf("- {name: flux, subject: flux.production, format: flux, environment: production, namespaces: [%s]}\n"+
			"- {name: ci, subject: ci.deployed, format: cdevents, environment: production, namespaces: [%[1]s, %[1]s-other]}", c.Namespace)
	})
	cart := createNamed(t, w, "cart", 60, sampleapp.Behaviour{})
	s := newService(t, w)
	cart.markForFlux()
	s.markForFlux()
	tell(t, d, "flux.production", fluxApplied("ConfigMap/shop/settings configured", "Progressing"))
	d.awaitEvents("accepted", "", 1)
	require.Empty(t, d.watches(), "a reconciliation that changes no containers is no deployment")

	d.stop()
	d.start(w)
	d.awaitReady()
	deployed := time.Now()
	s.deploy("v2", sampleapp.FailingThird())
	tell(t, d, "flux.production", fluxApplied("Deployment/"+s.Namespace+"/checkout configured", "Progressing"))
	tell(t, d, "flux.production", fluxApplied("Health check passed in 2s", "Progressing"))
	tell(t, d, "flux.production", fluxApplied("Reconciliation failed", "DependencyNotReady"))
	var id string
	eventually(t, time.Minute, func() (bool, string) { // an event that comes before the controller has acted is looked at again
		for _, v := range d.watches() {
			id = v.EventID
		}
		return id != "", "what Flux applied is not watched"
	})
	require.True(t, strings.HasPrefix(id, "flux-"), id)
	v := d.awaitState(id, 90*time.Second, watch.RolledBack)
	t.Logf("watched %s after the deployment, rolled back after %s", v.AcceptedAt.Sub(deployed).Round(100*time.Millisecond), v.LandedAt.Sub(deployed).Round(100*time.Millisecond))
	tell(t, d, "flux.production", fluxApplied("Deployment/"+s.Namespace+"/checkout configured", "ReconciliationSucceeded"))
	d.awaitEvents("ignored", "not-a-deployment", 1)
	d.awaitEvents("accepted", "", 3)

	require.Len(t, d.watches(), 1, "several events tell of one release")
	require.False(t, v.Unannounced)
	s.requireLive("v1")
	cart.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
	require.Empty(t, cart.rollbacks())
	requireTimelineSays(t, d, v, "Flux Kustomization flux-system/apps", "731f7eaddfb6af01cb2173e18f0f75b0ba780ef1")

	ci := connect(t, d)
	rejected, err := ci.SubscribeSync("rollbackd.rejected.source.ci")
	require.NoError(t, err)
	require.NoError(t, ci.Flush())
	tell(t, d, "ci.deployed", cdeventOf("kube-system/coredns"))
	msg, err := rejected.NextMsg(30 * time.Second)
	require.NoError(t, err, "no rejection was published")
	var n event.Notice
	require.NoError(t, json.Unmarshal(msg.Data, &n))
	require.Equal(t, event.CodeUnauthorised, n.Code)
	require.Equal(t, "namespace", n.Field)
	require.Equal(t, "ci", n.Source)
	require.Contains(t, n.Reason, `"kube-system" is not one for which the source ci is trusted`)
}

// cdeventOf is a CDEvent about v2 of a service.
func cdeventOf(subject string) string {
	return fmt.Sprintf(`{"context":{"specversion":"0.5.1","id":"271069a8","source":"https://ci.example/shop","type":"dev.cdevents.service.deployed.0.3.0","timestamp":%q},`+
		`"subject":{"id":%q,"content":{"environment":{"id":"production"},"artifactId":"pkg:oci/checkout?tag=v2"}}}`, time.Now().UTC().Format(time.RFC3339Nano), subject)
}

// TestCDEventInTheBinaryModeIsRolledBack: the attributes of the CloudEvent are headers. The record keeps them.
func TestCDEventInTheBinaryModeIsRolledBack(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := newService(t, w)
	s.deploy("v2", sampleapp.FailingThird())
	js, err := jetstream.New(connect(t, d))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience*10*time.Second)
	defer cancel()
	message := &nats.Msg{
		Subject: s.announcement(d, "", "v2").Target().Subject(), Data: []byte(cdeventOf("service/checkout")),
		Header: nats.Header{"ce-specversion": {"1.0"}, "ce-id": {"271069a8"}, "ce-source": {"https://ci.example/shop"}, "ce-type": {"dev.cdevents.service.deployed.0.3.0"},
			"ce-team": {"caf%C3%A9"}, "Content-Type": {"application/cdevents+json"}},
	}
	for range 2 {
		_, err = js.PublishMsg(ctx, message)
		require.NoError(t, err)
	}
	v := d.awaitState("https://ci.example/shop 271069a8", 90*time.Second, watch.RolledBack)
	require.Len(t, d.watches(), 1, "the same event again is no other")
	require.Equal(t, "v2", v.Version)
	s.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
	requireTimelineOf(t, d, v, "Error rate spike detected")
	journal, err := os.ReadFile(filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "journal.jsonl"))
	require.NoError(t, err)
	require.Contains(t, string(journal), `"team":"café"`)
}

// TestStatefulSetThatFluxUpgraded: a HelmRelease brings a StatefulSet, whose versions are ControllerRevisions. Neither is the rollback a
// deployment, when Flux tells of the same once more.
func TestStatefulSetThatFluxUpgraded(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(c *settings) {
		c.GitOps, c.Speaks = "ignore", "[flux]"
		c.Sources = fmt.Sprintf("- {name: flux, subject: flux.production, format: flux, environment: production, namespaces: [%s], target: {kinds: [StatefulSet, DaemonSet]}}", c.Namespace)
	})
	s := newSet(t, w, event.KindStatefulSet)
	_, err := s.Client.AppsV1().StatefulSets(s.Namespace).Patch(t.Context(), s.Name, types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"helm.toolkit.fluxcd.io/name":"web","helm.toolkit.fluxcd.io/namespace":"flux-system"}}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	s.awaitBaseline()
	upgraded := func() {
		t.Helper()
		tell(t, d, "flux.production", fmt.Sprintf(`{"involvedObject":{"kind":"HelmRelease","namespace":"flux-system","name":"web","apiVersion":"helm.toolkit.fluxcd.io/v2"},`+
			`"severity":"info","timestamp":%q,"message":"Helm upgrade succeeded for release shop/web.v2","reason":"UpgradeSucceeded",`+
			`"metadata":{"revision":"6.6.1+0cc9a8446c95","app-version":"6.6.1"},"reportingController":"helm-controller"}`, time.Now().UTC().Format(time.RFC3339)))
	}
	upgraded()
	d.awaitEvents("accepted", "", 1)
	require.Empty(t, d.watches(), "it was installed, and nothing else ran before")

	s.change("v2", sampleapp.FailingThird())
	upgraded()
	var id string
	eventually(t, 60*time.Second, func() (bool, string) {
		for _, v := range d.watches() {
			id = v.EventID
		}
		return id != "", "what Flux upgraded is not watched"
	})
	v := d.awaitState(id, 150*time.Second, watch.RolledBack)
	require.Equal(t, "StatefulSet", v.Kind)
	require.Equal(t, "v1", v.Target)
	require.Equal(t, "v1", s.live())
	upgraded()
	d.awaitEvents("accepted", "", 3)
	require.Len(t, d.watches(), 1, "the rollback is no deployment")
	require.Len(t, s.patches(), 1)
}

package rollback

import (
	"encoding/json"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

const application = `{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"checkout-app","namespace":"argocd","uid":"app","resourceVersion":"1"},
"spec":{"syncPolicy":{"automated":{"selfHeal":true}}},"status":{"resources":[{"group":"apps","version":"v1","kind":"Deployment","namespace":"shop","name":"checkout"}]}}`

const release = `{"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"HelmRelease","metadata":{"name":"checkout","namespace":"shop","uid":"hr","resourceVersion":"1"},
"spec":{"driftDetection":{"mode":"enabled"}}}`

var (
	argoOwner = Owner{Kind: OwnerArgoCD, Name: "checkout-app", Reverts: RevertsUnknown}
	helmOwner = Owner{Kind: OwnerFluxHelmRelease, Namespace: "shop", Name: "checkout", Reverts: RevertsUnknown}
)

// keeperCluster has one tool's object, which was edited.
func keeperCluster(t *testing.T, text string, edits ...string) (*Cluster, *dynamicfake.FakeDynamicClient) {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(strings.NewReplacer(edits...).Replace(text)), &object.Object); err != nil {
		t.Fatal(err)
	}
	lists := map[schema.GroupVersionResource]string{}
	for _, o := range []Owner{argoOwner, helmOwner} {
		kind, _ := o.keeper()
		lists[kind.resource] = map[OwnerKind]string{OwnerArgoCD: "ApplicationList", OwnerFluxHelmRelease: "HelmReleaseList"}[o.Kind]
	}
	client := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, object)
	return NewCluster(client, Options{}), client
}

func keptPlan() Plan { return Plan{Workload: Workload{Namespace: "shop", Name: "checkout"}} }

func TestKeeper(t *testing.T) {
	tests := []struct {
		name   string
		owner  Owner
		object string
		edits  []string
		want   string // reverts, or unread
		by     string
	}{
		{"automated sync", argoOwner, application, nil, "yes: its automated sync is on", ""},
		{"automated sync switched off", argoOwner, application, []string{`"selfHeal":true`, `"enabled":false`}, "no: its automated sync is off", ""},
		{"sync by hand", argoOwner, application, []string{`"automated":{"selfHeal":true}`, `"syncOptions":[]`}, "no: its automated sync is off", ""},
		{"automated sync that an earlier rollback holds", argoOwner, application, []string{`"selfHeal":true`, `"enabled":false`, `"uid":"app"`, `"uid":"app","annotations":{"rollbackd.io/held-for":"k.0"}`},
			"yes: an earlier rollback holds it", ""},
		{"an Application of an ApplicationSet", argoOwner, application, []string{`"uid":"app"`, `"uid":"app","ownerReferences":[{"kind":"ApplicationSet","name":"all"}]`},
			"yes: its automated sync is on", "ApplicationSet all"},
		{"an Application whose git has the field", argoOwner, application, []string{`"selfHeal":true`, `"enabled":true`, `"uid":"app"`,
			`"uid":"app","labels":{"kustomize.toolkit.fluxcd.io/name":"apps","kustomize.toolkit.fluxcd.io/namespace":"flux-system"}`},
			"yes: its automated sync is on", "Flux Kustomization flux-system/apps"},
		{"no such Application", argoOwner, application, []string{`"name":"checkout-app"`, `"name":"other"`}, "unread: the cluster has no Argo CD Application checkout-app in namespace argocd", ""},
		{"an Application that a workload claims in vain", argoOwner, application, []string{`"namespace":"shop"`, `"namespace":"elsewhere"`},
			"unread: Argo CD Application checkout-app does not know Deployment shop/checkout", ""},
		{"an owner without a name", Owner{Kind: OwnerArgoCD}, application, nil, "unread: the object does not name it", ""},
		{"drift detection", helmOwner, release, nil, "yes: its drift detection is enabled", ""},
		{"drift detection that only warns", helmOwner, release, []string{`"enabled"`, `"warn"`}, "no: its drift detection does not correct anything", ""},
		{"no drift detection", helmOwner, release, []string{`"driftDetection":{"mode":"enabled"}`, ``}, "no: its drift detection does not correct anything", ""},
		{"a suspended HelmRelease", helmOwner, release, []string{`"spec":{`, `"spec":{"suspend":true,`}, "no: it is suspended", ""},
		{"a HelmRelease for another namespace", helmOwner, release, []string{`"spec":{`, `"spec":{"targetNamespace":"bank",`},
			"unread: Flux HelmRelease shop/checkout does not know Deployment shop/checkout", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := keeperCluster(t, tt.object, tt.edits...)
			k, err := c.Keeper(t.Context(), keptPlan(), tt.owner)
			got := string(k.Reverts) + ": " + k.Why
			if k.Unread != "" {
				got = "unread: " + k.Unread
			}
			if err != nil || got != tt.want || k.ManagedBy != tt.by {
				t.Errorf("Keeper() = %s, managed by %q, %v; want %s, managed by %q", got, k.ManagedBy, err, tt.want, tt.by)
			}
		})
	}
}

func liveField(t *testing.T, c *Cluster, h Hold) (value *bool, heldFor string) {
	t.Helper()
	object, err := c.getKeeper(t.Context(), h.Owner)
	if err != nil {
		t.Fatal(err)
	}
	return boolAt(object, h.Field), object.GetAnnotations()[HoldAnnotation]
}

// A hold is placed, placed again, and undone to what was there before; undoing it once more does nothing.
func TestPlaceHoldAndLetGo(t *testing.T) {
	yes := true
	tests := []struct {
		name          string
		owner         Owner
		object        string
		edits         []string
		was           *bool
		heldBy, after string
	}{
		{"automated sync that is on by default", argoOwner, application, nil, nil, "false", "absent"},
		{"automated sync that is on explicitly", argoOwner, application, []string{`"selfHeal":true`, `"enabled":true`}, &yes, "false", "true"},
		{"a HelmRelease", helmOwner, release, nil, nil, "true", "absent"},
	}
	show := func(b *bool) string {
		switch {
		case b == nil:
			return "absent"
		case *b:
			return "true"
		}
		return "false"
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := keeperCluster(t, tt.object, tt.edits...)
			k, err := c.Keeper(t.Context(), keptPlan(), tt.owner)
			if err != nil {
				t.Fatal(err)
			}
			h, why := Minding{Keepers: map[Owner]Keeper{tt.owner: k}}.hold(keptPlan(), Snapshot{}, tt.owner, tt.owner)
			if why != "" || show(h.Was) != show(tt.was) {
				t.Fatalf("hold() = %+v, %q", h, why)
			}
			for range 2 {
				if held, err := c.PlaceHold(t.Context(), h, "k.1"); err != nil || held.Refused != "" {
					t.Fatalf("PlaceHold() = %+v, %v", held, err)
				}
				if value, heldFor := liveField(t, c, h); show(value) != tt.heldBy || heldFor != "k.1" {
					t.Fatalf("held: %s for %q", show(value), heldFor)
				}
			}
			if said, err := c.LetGo(t.Context(), keptPlan(), h, "another"); err != nil || !strings.Contains(said, "somebody else") {
				t.Errorf("LetGo() for another intent = %q, %v", said, err)
			}
			if said, err := c.LetGo(t.Context(), keptPlan(), h, "k.1"); err != nil || said != h.String() {
				t.Errorf("LetGo() = %q, %v", said, err)
			}
			if value, heldFor := liveField(t, c, h); show(value) != tt.after || heldFor != "" {
				t.Errorf("let go: %s for %q", show(value), heldFor)
			}
			if said, err := c.LetGo(t.Context(), keptPlan(), h, "k.1"); err != nil || !strings.Contains(said, "somebody else") {
				t.Errorf("LetGo() once more = %q, %v", said, err)
			}
		})
	}
}

func argoHold() Hold {
	return Hold{Owner: argoOwner, Field: []string{"spec", "syncPolicy", "automated", "enabled"}, UID: "app"}
}

// Whoever turned automated sync on again in the meantime is not overruled.
func TestLetGoLeavesWhatSomebodyHasSet(t *testing.T) {
	c, _ := keeperCluster(t, application, `"selfHeal":true`, `"enabled":true`, `"uid":"app"`, `"uid":"app","annotations":{"rollbackd.io/held-for":"k.1"}`)
	if _, err := c.LetGo(t.Context(), keptPlan(), argoHold(), "k.1"); err != nil {
		t.Fatal(err)
	}
	if value, heldFor := liveField(t, c, argoHold()); value == nil || !*value || heldFor != "" {
		t.Errorf("let go: %v for %q", value, heldFor)
	}
}

func TestPlaceHoldIsRefused(t *testing.T) {
	forbidden := func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Group: "argoproj.io", Resource: "applications"}, "checkout-app", nil)
	}
	t.Run("where it may not be patched", func(t *testing.T) {
		c, client := keeperCluster(t, application)
		client.PrependReactor("patch", "*", forbidden)
		held, err := c.PlaceHold(t.Context(), argoHold(), "k.1")
		if err != nil || !strings.Contains(held.Refused, "forbidden") {
			t.Errorf("PlaceHold() = %+v, %v", held, err)
		}
	})
	t.Run("where it is gone", func(t *testing.T) {
		c, _ := keeperCluster(t, application, `"name":"checkout-app"`, `"name":"other"`)
		held, err := c.PlaceHold(t.Context(), argoHold(), "k.1")
		if err != nil || !strings.Contains(held.Refused, "not found") {
			t.Errorf("PlaceHold() = %+v, %v", held, err)
		}
	})
	t.Run("where the API server drops the field that it does not know", func(t *testing.T) {
		c, client := keeperCluster(t, application)
		client.PrependReactor("patch", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
			object := &unstructured.Unstructured{}
			return true, object, json.Unmarshal([]byte(application), &object.Object)
		})
		held, err := c.PlaceHold(t.Context(), argoHold(), "k.1")
		if err != nil || !strings.Contains(held.Refused, "does not know") {
			t.Errorf("PlaceHold() = %+v, %v", held, err)
		}
	})
}

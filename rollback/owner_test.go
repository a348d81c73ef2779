package rollback

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// traces reads what a Deployment's metadata, as YAML's JSON, tells of its writers.
func traces(t *testing.T, metadata string) Traces {
	t.Helper()
	var meta metav1.ObjectMeta
	if err := json.Unmarshal([]byte(metadata), &meta); err != nil {
		t.Fatal(err)
	}
	return newTraces(meta)
}

// written is the managedFields entry of a manager that owns the template.
func written(manager, operation, time string) string {
	return fmt.Sprintf(`{"manager":%q,"operation":%q,"time":%q,"fieldsV1":{"f:spec":{"f:template":{"f:spec":{}}}}}`, manager, operation, time)
}

const (
	argoMark  = `{"annotations":{"argocd.argoproj.io/tracking-id":"checkout-app:apps/Deployment:shop/checkout"}}`
	kustMark  = `{"labels":{"kustomize.toolkit.fluxcd.io/name":"apps","kustomize.toolkit.fluxcd.io/namespace":"flux-system"}}`
	fluxHelm  = `{"labels":{"helm.toolkit.fluxcd.io/name":"checkout","helm.toolkit.fluxcd.io/namespace":"shop","app.kubernetes.io/managed-by":"Helm"},"annotations":{"meta.helm.sh/release-name":"checkout","meta.helm.sh/release-namespace":"shop"}}`
	helmMark  = `{"labels":{"app.kubernetes.io/managed-by":"Helm"},"annotations":{"meta.helm.sh/release-name":"checkout","meta.helm.sh/release-namespace":"shop"}}`
	applyMark = `{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"}}`
	operated  = `{"ownerReferences":[{"apiVersion":"shop.example/v1","kind":"Checkout","name":"main","uid":"u","controller":true}]}`
)

func TestOwners(t *testing.T) {
	tests := []struct {
		name, metadata string
		want           []string
	}{
		{"nobody else", `{"labels":{"app":"checkout"},"managedFields":[` + written("deployer", "Update", "2026-11-22T08:00:00Z") + `]}`, nil},
		{"Argo CD by its annotation", argoMark, []string{"argo-cd: Argo CD Application checkout-app, unknown"}},
		{"an Application of another namespace", strings.Replace(argoMark, "checkout-app:", "teams_checkout-app:", 1), []string{"argo-cd: Argo CD Application teams/checkout-app, unknown"}},
		{"Argo CD by the instance label, written by itself",
			`{"labels":{"app.kubernetes.io/instance":"checkout-app"},"managedFields":[` + written("argocd-controller", "Apply", "2026-11-22T08:00:00Z") + `]}`,
			[]string{"argo-cd: Argo CD Application checkout-app, unknown"}},
		{"the instance label alone, which Helm charts have too", `{"labels":{"app.kubernetes.io/instance":"checkout-app"}}`, nil},
		{"Argo CD's copy of kubectl's annotation", `{"annotations":{"argocd.argoproj.io/tracking-id":"a:apps/Deployment:shop/checkout","kubectl.kubernetes.io/last-applied-configuration":"{}"}}`,
			[]string{"argo-cd: Argo CD Application a, unknown"}},
		{"a Flux Kustomization", kustMark, []string{"flux-kustomization: Flux Kustomization flux-system/apps, yes"}},
		{"a Flux Kustomization that is to leave the object alone", strings.Replace(kustMark, `{"labels"`, `{"annotations":{"kustomize.toolkit.fluxcd.io/reconcile":"disabled"},"labels"`, 1),
			[]string{"flux-kustomization: Flux Kustomization flux-system/apps, no"}},
		{"a Flux Kustomization that an earlier rollback holds", strings.Replace(kustMark, `{"labels"`, `{"annotations":{"kustomize.toolkit.fluxcd.io/reconcile":"disabled","rollbackd.io/held-for":"k.0"},"labels"`, 1),
			[]string{"flux-kustomization: Flux Kustomization flux-system/apps, yes"}},
		{"a Flux HelmRelease, not Helm beside it", fluxHelm, []string{"flux-helm-release: Flux HelmRelease shop/checkout, unknown"}},
		{"Helm", helmMark, []string{"helm: Helm release shop/checkout, no"}},
		{"what Helm rendered and something else applied", `{"labels":{"app.kubernetes.io/managed-by":"Helm"}}`, []string{"helm: a Helm release that is not named, no"}},
		{"kubectl apply by its annotation", applyMark, []string{"kubectl-apply: kubectl apply, no"}},
		{"kubectl apply by its manager", `{"managedFields":[` + written("kubectl-client-side-apply", "Update", "2026-11-22T08:00:00Z") + `]}`, []string{"kubectl-apply: kubectl apply, no"}},
		{"kubectl apply --server-side", `{"managedFields":[` + written("kubectl", "Apply", "2026-11-22T08:00:00Z") + `]}`, []string{"kubectl-apply: kubectl apply, no"}},
		{"kubectl set image, which is no apply", `{"managedFields":[` + written("kubectl-set", "Update", "2026-11-22T08:00:00Z") + `]}`, nil},
		{"an operator", operated, []string{"operator: Checkout.shop.example main, yes"}},
		{"an owner that does not control", strings.Replace(operated, `,"controller":true`, "", 1), nil},
		{"an autoscaler, named only", `{"managedFields":[{"manager":"kube-controller-manager","operation":"Update","subresource":"scale","fieldsV1":{"f:spec":{"f:replicas":{}}}}]}`,
			[]string{"horizontal-pod-autoscaler: a HorizontalPodAutoscaler, never"}},
		{"a hostile name", `{"labels":{"kustomize.toolkit.fluxcd.io/name":"a\u202e\n$(reboot)"}}`, []string{"flux-kustomization: Flux Kustomization a__$(reboot), yes"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, o := range traces(t, tt.metadata).Owners() {
				got = append(got, fmt.Sprintf("%s: %s, %s", o.Kind, o, o.Reverts))
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Owners() = %q, want %q", got, tt.want)
			}
		})
	}
}

// Who put a version back is who owns the template since the latest time; rollbackd itself and those who own other fields
// are passed over.
func TestLastWriter(t *testing.T) {
	s := Snapshot{Traces: traces(t, `{"managedFields":[`+strings.Join([]string{
		written("kustomize-controller", "Apply", "2026-11-22T09:00:00Z"), written("deployer", "Update", "2026-11-22T08:00:00Z"),
		written(FieldManager, "Update", "2026-11-22T10:00:00Z"),
		`{"manager":"kube-controller-manager","operation":"Update","time":"2026-11-22T11:00:00Z","subresource":"status","fieldsV1":{"f:status":{}}}`,
	}, ",")+`]}`)}
	want := Writer{Manager: "kustomize-controller", Operation: "Apply", At: at(60)}
	if got := s.LastWriter(); got == nil || *got != want {
		t.Errorf("LastWriter() = %+v, want %+v", got, want)
	}
	if got := (Snapshot{}).LastWriter(); got != nil {
		t.Errorf("LastWriter() of a cached snapshot = %+v", got)
	}
}

// minded is a plan from v3 to v2 of a workload with this metadata.
func minded(t *testing.T, metadata string, m Minding) (Plan, *Refusal) {
	t.Helper()
	pin, s := pinned()
	s.Traces = traces(t, metadata)
	p, refusal := MakePlan(pin, s, false)
	if refusal != nil {
		t.Fatal(refusal)
	}
	return p.Mind(s, m)
}

// keepers answers for every owner that is asked about.
func keepers(t *testing.T, metadata string, k Keeper) map[Owner]Keeper {
	t.Helper()
	out := map[Owner]Keeper{}
	for _, o := range (Plan{}).Kept(Snapshot{Traces: traces(t, metadata)}) {
		out[o] = k
	}
	return out
}

// TestAdvice holds what people are told, word for word.
func TestAdvice(t *testing.T) {
	automated := Keeper{UID: "u", Reverts: RevertsYes, Why: "its automated sync is on"}
	hostile := `{"annotations":{"argocd.argoproj.io/tracking-id":"--server=evil;$(reboot) '\n:apps/Deployment:shop/checkout"}}`
	tests := []struct {
		golden, metadata string
		mode             GitOps
		keeper           Keeper
		commit           string
	}{
		{"refuse_argo", argoMark, GitOpsRefuse, automated, "abc123"},
		{"refuse_argo_unread", strings.Replace(argoMark, "checkout-app:", "teams_checkout-app:", 1), GitOpsRefuse, Keeper{Unread: "the API server forbids to read it"}, "abc123"},
		{"refuse_argo_hostile", hostile, GitOpsRefuse, Keeper{Unread: "no name"}, "--exec=reboot"},
		{"ahead_argo_by_hand", argoMark, "", Keeper{UID: "u", Reverts: RevertsNo, Why: "its automated sync is off"}, "abc123"},
		{"refuse_kustomization", kustMark, "", Keeper{}, "abc123"},
		{"refuse_helmrelease", fluxHelm, GitOpsRefuse, Keeper{Unread: "the API server forbids to read it"}, "abc123"},
		{"ahead_helmrelease", fluxHelm, GitOpsRefuse, Keeper{UID: "u", Reverts: RevertsNo, Why: "its drift detection does not correct anything"}, "abc123"},
		{"refuse_operator", operated, GitOpsRefuse, Keeper{}, "abc123"},
		{"ahead_helm", helmMark, GitOpsRefuse, Keeper{}, "abc123"},
		{"ahead_kubectl", applyMark, GitOpsRefuse, Keeper{}, ""},
		{"hold_argo", argoMark, GitOpsHold, automated, "abc123"},
		{"hold_argo_applicationset", argoMark, GitOpsHold, Keeper{UID: "u", Reverts: RevertsYes, ManagedBy: "ApplicationSet all"}, "abc123"},
		{"hold_argo_missing", argoMark, GitOpsHold, Keeper{Unread: "the cluster has no Argo CD Application checkout-app in namespace argocd"}, "abc123"},
		{"hold_kustomization", kustMark, GitOpsHold, Keeper{}, "abc123"},
		{"hold_helmrelease", fluxHelm, GitOpsHold, Keeper{UID: "u", Reverts: RevertsYes, Why: "its drift detection is enabled"}, "abc123"},
		{"hold_operator", operated, GitOpsHold, Keeper{}, "abc123"},
		{"ignore_kustomization", kustMark, GitOpsIgnore, Keeper{}, "abc123"},
	}
	for _, tt := range tests {
		t.Run(tt.golden, func(t *testing.T) {
			p, refusal := minded(t, tt.metadata, Minding{Mode: tt.mode, Commit: tt.commit, Keepers: keepers(t, tt.metadata, tt.keeper)})
			var b strings.Builder
			steps := p.Advice
			if refusal != nil {
				fmt.Fprintf(&b, "refused: %s: %s\n", refusal.Code, refusal.Reason)
				steps = refusal.Advice
			} else {
				fmt.Fprintf(&b, "goes ahead: %s\n", p.Summary)
			}
			for _, step := range steps {
				fmt.Fprintf(&b, "- %s\n", step)
			}
			checkGolden(t, "advice-"+strings.ReplaceAll(tt.golden, "_", "-"), b.String())
		})
	}
}

// The hold of a Kustomization is in the very patch of the rollback, so that there is no moment between the two.
func TestHoldIsInTheSamePatch(t *testing.T) {
	p, refusal := minded(t, kustMark, Minding{Mode: GitOpsHold})
	if refusal != nil {
		t.Fatal(refusal)
	}
	for _, has := range []bool{true, false} {
		p.HasAnnotations = has
		body, err := p.Patch("k.1")
		if err != nil {
			t.Fatal(err)
		}
		if text := string(body); !strings.Contains(text, `reconcile`) || !strings.Contains(text, `"disabled"`) || !strings.Contains(text, `k.1`) ||
			!strings.Contains(text, `"replace","path":"/spec/template"`) {
			t.Errorf("the patch holds nothing: %s", body)
		}
	}
}

// A switch patches the Service, so that its owners count and not those of the workload.
func TestOwnersOfASwitchAreThoseOfTheService(t *testing.T) {
	p := Plan{Workload: Workload{Namespace: "shop", Name: "checkout-green"}, Switch: &PlannedSwitch{Switch: Switch{Service: "checkout", SelectorKey: "colour", From: "blue's", To: "green"}}}
	s := Snapshot{Traces: traces(t, kustMark), Switch: &SwitchState{Traces: traces(t, operated)}}
	_, refusal := p.Mind(s, Minding{})
	if refusal == nil || len(refusal.Owners) != 1 || refusal.Owners[0].Kind != OwnerOperator || !strings.Contains(refusal.Reason, "Service shop/checkout") {
		t.Errorf("refusal = %+v", refusal)
	}
	if got, want := (adviser{plan: p}).byHand(), `kubectl -n shop patch service/checkout -p '{"spec":{"selector":{"colour":"blue'\''s"}}}'`; got != want {
		t.Errorf("byHand() = %s, want %s", got, want)
	}
}

// The annotation of a hold goes as it came, to what it was before; that of another rollback, or somebody's own, stays.
func TestLetGoOfAnAnnotation(t *testing.T) {
	for _, tt := range []struct {
		name, reconcile, heldFor, was string
		said                          string
		left                          map[string]string
	}{
		{"absent before", "disabled", "k.1", "", "annotation", map[string]string{"a": "b"}},
		{"enabled before", "disabled", "k.1", "enabled", "annotation", map[string]string{"a": "b", fluxReconcile: "enabled"}},
		{"taken over by a later rollback", "disabled", "k.2", "", "somebody else", map[string]string{"a": "b", fluxReconcile: "disabled", HoldAnnotation: "k.2"}},
		{"ended by a person", "enabled", "k.1", "", "somebody else", map[string]string{"a": "b", fluxReconcile: "enabled", HoldAnnotation: "k.1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := live(rs(3, "v3", 120), rs(2, "v2", 60))
			s.Annotations = map[string]string{"a": "b", fluxReconcile: tt.reconcile, HoldAnnotation: tt.heldFor}
			srv, c := newServer(t, &s)
			h := Hold{Owner: Owner{Kind: OwnerFluxKustomization}, Annotation: fluxReconcile, Value: "disabled", WasAnnotation: tt.was}
			said, err := c.LetGo(t.Context(), keptPlan(), h, "k.1")
			if err != nil || !strings.HasPrefix(said, tt.said) {
				t.Errorf("LetGo() = %q, %v", said, err)
			}
			var left deployment
			if err := json.Unmarshal(srv.object, &left); err != nil || !reflect.DeepEqual(left.Metadata.Annotations, tt.left) {
				t.Errorf("left %v, %v", left.Metadata.Annotations, err)
			}
		})
	}
}

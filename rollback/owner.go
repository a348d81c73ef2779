package rollback

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
)

// OwnerKind is a kind of tool that writes workloads.
type OwnerKind string

// The owners that are told apart.
const (
	OwnerArgoCD            OwnerKind = "argo-cd"
	OwnerFluxKustomization OwnerKind = "flux-kustomization"
	OwnerFluxHelmRelease   OwnerKind = "flux-helm-release"
	OwnerHelm              OwnerKind = "helm"
	OwnerKubectlApply      OwnerKind = "kubectl-apply"
	// OwnerOperator is any controller that an ownerReference names.
	OwnerOperator OwnerKind = "operator"
	// OwnerAutoscaler writes the number of replicas only, which a rollback never touches.
	OwnerAutoscaler OwnerKind = "horizontal-pod-autoscaler"
)

// Reverts says whether an owner puts back what it wrote after somebody else has changed it.
type Reverts string

// The answers.
const (
	RevertsYes Reverts = "yes"
	// RevertsNo: not by itself; the next time that somebody uses the tool brings its version back.
	RevertsNo Reverts = "no"
	// RevertsUnknown: it may; nothing that can be read tells.
	RevertsUnknown Reverts = "unknown"
	// RevertsNever: it writes nothing that a rollback changes.
	RevertsNever Reverts = "never"
)

// Owner is somebody else who writes the object that a rollback patches.
type Owner struct {
	Kind OwnerKind `json:"kind"`
	// Namespace and Name are those of the tool's own object: the Application, Kustomization, HelmRelease, release or
	// controller. They are empty where the object does not tell. What they hold is fit to be shown, but not more.
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	// Resource is the kind and group of an operator's object, such as Rollout.argoproj.io.
	Resource string  `json:"resource,omitempty"`
	Reverts  Reverts `json:"reverts"`
	// Why says on what grounds Reverts is what it is, where that needs saying.
	Why string `json:"why,omitempty"`
}

// The marks that tools leave.
const (
	argoTracking    = "argocd.argoproj.io/tracking-id"
	argoInstance    = "argocd.argoproj.io/instance"
	appInstance     = "app.kubernetes.io/instance"
	kustomizeGroup  = "kustomize.toolkit.fluxcd.io"
	helmGroup       = "helm.toolkit.fluxcd.io"
	fluxReconcile   = kustomizeGroup + "/reconcile"
	fluxSSA         = kustomizeGroup + "/ssa"
	helmManagedBy   = "app.kubernetes.io/managed-by"
	helmRelease     = "meta.helm.sh/release-name"
	helmReleaseIn   = "meta.helm.sh/release-namespace"
	kubectlApplied  = "kubectl.kubernetes.io/last-applied-configuration"
	kubectlManager  = "kubectl"
	kubectlOlder    = "kubectl-client-side-apply"
	scaleController = "kube-controller-manager"
)

// Owners returns who else writes an object, the mightiest first. A tool that works for another is not named beside it.
func (t Traces) Owners() []Owner {
	var owners []Owner
	for _, find := range []func() *Owner{t.operator, t.argoCD, t.kustomization, t.helmRelease} {
		if o := find(); o != nil {
			owners = append(owners, *o)
		}
	}
	// Argo CD and Flux apply what Helm rendered, and Argo CD writes kubectl's annotation.
	if len(owners) == 0 {
		if o := t.helm(); o != nil {
			owners = append(owners, *o)
		} else if t.kubectlApply() {
			owners = append(owners, Owner{Kind: OwnerKubectlApply, Reverts: RevertsNo})
		}
	}
	if t.autoscaled() {
		owners = append(owners, Owner{Kind: OwnerAutoscaler, Reverts: RevertsNever})
	}
	return owners
}

func (t Traces) operator() *Owner {
	if t.Controller == nil {
		return nil
	}
	group, _ := schema.ParseGroupVersion(t.Controller.APIVersion) // of one that does not parse the kind is enough
	resource := cleanName(t.Controller.Kind)
	if group.Group != "" {
		resource += "." + cleanName(group.Group)
	}
	return &Owner{Kind: OwnerOperator, Name: cleanName(t.Controller.Name), Resource: resource, Reverts: RevertsYes}
}

func (t Traces) argoCD() *Owner {
	o := &Owner{Kind: OwnerArgoCD, Reverts: RevertsUnknown}
	switch {
	case t.Annotations[argoTracking] != "":
		app, _, _ := strings.Cut(t.Annotations[argoTracking], ":")
		// An Application outside of Argo CD's own namespace is named namespace_name; neither part can hold an underscore.
		if namespace, name, ok := strings.Cut(app, "_"); ok {
			o.Namespace, app = cleanName(namespace), name
		}
		o.Name = cleanName(app)
	case t.Labels[argoInstance] != "":
		o.Name = cleanName(t.Labels[argoInstance])
	case t.writtenBy(func(w Writer) bool { return strings.HasPrefix(w.Manager, "argocd") }):
		o.Name = cleanName(t.Labels[appInstance])
	default:
		return nil
	}
	return o
}

func (t Traces) kustomization() *Owner {
	name := t.Labels[kustomizeGroup+"/name"]
	if name == "" {
		return nil
	}
	o := &Owner{Kind: OwnerFluxKustomization, Name: cleanName(name), Namespace: cleanName(t.Labels[kustomizeGroup+"/namespace"]), Reverts: RevertsYes}
	for _, mark := range []string{fluxReconcile + "=disabled", fluxSSA + "=ignore"} {
		key, value, _ := strings.Cut(mark, "=")
		if key == fluxReconcile && t.Annotations[HoldAnnotation] != "" {
			continue // an earlier rollback holds it, and will let it go
		}
		if strings.EqualFold(t.Annotations[key], value) || strings.EqualFold(t.Labels[key], value) {
			o.Reverts, o.Why = RevertsNo, key+" tells it to leave the object alone"
		}
	}
	return o
}

func (t Traces) helmRelease() *Owner {
	name := t.Labels[helmGroup+"/name"]
	if name == "" {
		return nil
	}
	return &Owner{
		Kind: OwnerFluxHelmRelease, Name: cleanName(name), Namespace: cleanName(t.Labels[helmGroup+"/namespace"]),
		Reverts: RevertsUnknown, Why: "whether it detects drift cannot be told from the object",
	}
}

func (t Traces) helm() *Owner {
	if t.Annotations[helmRelease] == "" && t.Labels[helmManagedBy] != "Helm" {
		return nil
	}
	return &Owner{
		Kind: OwnerHelm, Name: cleanName(t.Annotations[helmRelease]), Namespace: cleanName(t.Annotations[helmReleaseIn]), Reverts: RevertsNo,
	}
}

func (t Traces) kubectlApply() bool {
	return t.Annotations[kubectlApplied] != "" || t.writtenBy(func(w Writer) bool {
		return w.Manager == kubectlOlder || w.Manager == kubectlManager && w.Operation == string(metav1.ManagedFieldsOperationApply)
	})
}

// autoscaled goes by the scale subresource, through which an autoscaler writes and a person with kubectl too.
func (t Traces) autoscaled() bool {
	return t.writtenBy(func(w Writer) bool {
		return w.ownsReplicas && w.Subresource == "scale" && w.Manager == scaleController
	})
}

func (t Traces) writtenBy(is func(Writer) bool) bool {
	for _, w := range t.Writers {
		if is(w) {
			return true
		}
	}
	return false
}

// String names an owner for people.
func (o Owner) String() string {
	tool := map[OwnerKind]string{
		OwnerArgoCD: "Argo CD Application", OwnerFluxKustomization: "Flux Kustomization", OwnerFluxHelmRelease: "Flux HelmRelease",
		OwnerHelm: "Helm release", OwnerKubectlApply: "kubectl apply", OwnerOperator: o.Resource, OwnerAutoscaler: "a HorizontalPodAutoscaler",
	}[o.Kind]
	switch {
	case o.Kind == OwnerKubectlApply || o.Kind == OwnerAutoscaler:
		return tool
	case o.Name == "":
		return "a " + tool + " that is not named"
	case o.Namespace == "":
		return tool + " " + o.Name
	}
	return tool + " " + o.Namespace + "/" + o.Name
}

// named reports whether the owner's own object has a name that Kubernetes could have, so that it may be asked for and
// stand in a command.
func (o Owner) named() bool {
	return len(validation.IsDNS1123Subdomain(o.Name)) == 0 && (o.Namespace == "" || len(validation.IsDNS1123Label(o.Namespace)) == 0)
}

// mayRevert reports whether a rollback could be undone behind rollbackd's back.
func (o Owner) mayRevert() bool { return o.Reverts == RevertsYes || o.Reverts == RevertsUnknown }

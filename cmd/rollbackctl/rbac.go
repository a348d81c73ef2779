package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollbackd/rollbackd/internal/access"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/event"
)

// granter prints the Roles that a daemon needs.
type granter struct {
	around            surroundings
	config            string
	namespaces        []string
	all, readOnly     bool
	features, without []string
	account           access.Account
	argoCD            string
}

func newRBAC(around surroundings) *cobra.Command {
	g := &granter{around: around}
	cmd := &cobra.Command{
		Use:   "rbac",
		Short: "Print the Roles that rollbackd needs, and no more",
		Long: "Rbac prints a ServiceAccount for rollbackd, and in each namespace a Role with the least that it needs there and a RoleBinding.\n\n" +
			"With a configuration these are the permissions of the features that it uses, in the namespaces that it names. Without one they are\n" +
			"those of the usual features. docs/permissions.md has the table of them all. No server is asked.",
		Example: "  rollbackctl rbac -c rollbackd.yaml | kubectl apply -f -\n" +
			"  rollbackctl rbac --namespace shop --namespace pay --feature statefulSets --without blueGreen",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return g.run() },
	}
	flags := cmd.Flags()
	flags.StringVarP(&g.config, "config", "c", "", "the daemon's configuration")
	flags.StringArrayVar(&g.namespaces, "namespace", nil, "a namespace that is watched (may be repeated; default those that the configuration names)")
	flags.BoolVar(&g.all, "all-namespaces", false, "watch every namespace: a ClusterRole instead of Roles")
	flags.StringArrayVar(&g.features, "feature", nil, "grant a further feature's permissions (may be repeated): "+strings.Join(featureNames(), ", "))
	flags.StringArrayVar(&g.without, "without", nil, "leave a feature's permissions out (may be repeated); docs/permissions.md says what goes away")
	flags.BoolVar(&g.readOnly, "read-only", false, "grant nothing that changes a workload, as kubernetes.readOnly in the configuration does")
	flags.StringVar(&g.account.Name, "account", "rollbackd", "name of the ServiceAccount, of the Roles and of their bindings")
	flags.StringVar(&g.account.Namespace, "account-namespace", "rollbackd", "namespace in which the daemon runs")
	flags.StringVar(&g.argoCD, "argocd-namespace", "", "namespace of Argo CD's Applications (default that of the configuration, or argocd)")
	return cmd
}

func featureNames() []string {
	var out []string
	for _, about := range access.Features() {
		out = append(out, string(about.Feature))
	}
	return out
}

func (g *granter) run() error {
	grant, err := g.grant()
	if err != nil {
		return err
	}
	text, err := grant.Manifests(g.account)
	if err != nil {
		return err
	}
	_, err = g.around.out.Write(text)
	return err
}

// grant is what the flags and the configuration ask for.
func (g *granter) grant() (access.Grant, error) {
	grant := usualGrant()
	if g.config != "" {
		cfg, err := config.Load(g.config)
		if err != nil {
			return grant, err
		}
		grant = cfg.Access()
	}
	more, err := parseFeatures("feature", g.features)
	if err != nil {
		return grant, err
	}
	less, err := parseFeatures("without", g.without)
	if err != nil {
		return grant, err
	}
	grant = grant.With(more...).Without(less...)
	grant.ReadOnly = grant.ReadOnly || g.readOnly
	if grant.Own == "" {
		grant.Own = g.account.Namespace
	}
	if g.argoCD != "" {
		grant.ArgoCD = g.argoCD
	}
	return g.within(grant)
}

// within settles which namespaces are watched. All of them are never chosen by themselves.
func (g *granter) within(grant access.Grant) (access.Grant, error) {
	for _, name := range slices.Concat(g.namespaces, []string{g.account.Namespace, g.account.Name, grant.ArgoCD}) {
		if !event.IsName(name) {
			return grant, fmt.Errorf("%q is not a name of Kubernetes; use lower-case letters, digits and dashes", name)
		}
	}
	switch {
	case g.all && len(g.namespaces) > 0:
		return grant, errors.New("--all-namespaces and --namespace exclude each other")
	case g.all:
		grant.All, grant.Namespaces = true, nil
	case len(g.namespaces) > 0:
		grant.All, grant.Namespaces = false, g.namespaces
	case grant.All:
		return grant, fmt.Errorf("a policy of %s names no namespace; set kubernetes.namespaces in it, give --namespace for each one that is watched, "+
			"or --all-namespaces for a ClusterRole", g.config)
	case len(grant.Namespaces) == 0:
		return grant, errors.New("give --namespace for each namespace that is watched, or --config FILE; rollbackctl rbac --help shows an example")
	}
	return grant, nil
}

// usualGrant is for a configuration that says nothing special.
func usualGrant() access.Grant {
	var usual []access.Feature
	for _, about := range access.Features() {
		if about.Usual {
			usual = append(usual, about.Feature)
		}
	}
	return access.Grant{ArgoCD: config.Default().Kubernetes.ArgoCDNamespace}.With(usual...)
}

func parseFeatures(flag string, names []string) ([]access.Feature, error) {
	var out []access.Feature
	for _, name := range names {
		f, err := access.ParseFeature(name)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", flag, err)
		}
		out = append(out, f)
	}
	return out, nil
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/internal/access"
	"github.com/rollbackd/rollbackd/internal/config"
)

// permissionDoctor looks whether the daemon has, or would have, what its configuration needs on Kubernetes.
type permissionDoctor struct {
	around                                     surroundings
	wanted                                     bool
	config, as, kubeconfig, kubeContext, asked string
	timeout                                    time.Duration
	output                                     output
}

func (d *permissionDoctor) register(flags *pflag.FlagSet) {
	flags.BoolVar(&d.wanted, "permissions", false, "look at the permissions on Kubernetes instead of at a workload")
	flags.StringVar(&d.as, "as", "", "with --permissions: ask as this user, such as system:serviceaccount:rollbackd:rollbackd")
	flags.StringVar(&d.kubeconfig, "kubeconfig", "", "with --permissions: kubeconfig to ask with (default that of the configuration, or kubectl's)")
	flags.StringVar(&d.kubeContext, "context", "", "with --permissions: context of the kubeconfig")
	flags.StringVar(&d.asked, "daemon", "", "with --permissions: address of the daemon, to be told what it has found, such as http://localhost:9654")
}

// run asks the daemon, or else the API server.
func (d *permissionDoctor) run(ctx context.Context) error {
	if d.config == "" {
		return errors.New("--config FILE is needed: it says what the daemon is to do")
	}
	cfg, err := config.Load(d.config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	report, who, err := d.ask(ctx, cfg)
	if err != nil {
		return err
	}
	if d.output == outputJSON {
		err = writeJSON(d.around.out, report)
	} else {
		printPermissions(d.around.out, report, who)
	}
	if n := len(report.Missing); err == nil && n > 0 {
		return refusal{fmt.Errorf("%s of %d missing", count(n, "permission"), report.Needed)}
	}
	return err
}

func (d *permissionDoctor) ask(ctx context.Context, cfg *config.Config) (access.Report, string, error) {
	if d.asked != "" {
		report, err := askDaemon(ctx, d.asked)
		return report, "the daemon at " + d.asked, err
	}
	if d.kubeconfig != "" {
		cfg.Kubernetes.Kubeconfig, cfg.Kubernetes.Context = d.kubeconfig, ""
	}
	if d.kubeContext != "" {
		cfg.Kubernetes.Context = d.kubeContext
	}
	rc, err := cfg.Kubernetes.Client()
	if err != nil {
		return access.Report{}, "", err
	}
	rc.UserAgent = "rollbackctl"
	who := "the kubeconfig's own user, which need not be the daemon's: give --as"
	if d.as != "" {
		rc.Impersonate, who = rest.ImpersonationConfig{UserName: d.as}, d.as
	}
	ask, err := access.NewAsker(rc)
	if err != nil {
		return access.Report{}, "", err
	}
	needs := d.grant(cfg).Needs()
	missing, err := access.Missing(ctx, ask, needs)
	if err != nil {
		return access.Report{}, "", err
	}
	report := access.Report{CheckedAt: time.Now().UTC(), Needed: len(needs), Missing: []access.Lack{}}
	for _, n := range missing {
		report.Missing = append(report.Missing, n.Lack())
	}
	return report, who, nil
}

// grant is what the configuration needs. Where it does not name the namespace of the Lease, that is the account's own.
func (d *permissionDoctor) grant(cfg *config.Config) access.Grant {
	grant := cfg.Access()
	if account, ok := strings.CutPrefix(d.as, "system:serviceaccount:"); ok && grant.Own == "" {
		grant.Own, _, _ = strings.Cut(account, ":")
	}
	return grant
}

// mostReport bounds what is read of a daemon's answer, in bytes.
const mostReport = 16 << 20

func askDaemon(ctx context.Context, address string) (access.Report, error) {
	var report access.Report
	page, err := url.JoinPath(address, "api/v1/permissions")
	if err != nil {
		return report, fmt.Errorf("--daemon: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return report, fmt.Errorf("--daemon: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return report, fmt.Errorf("ask the daemon: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return report, fmt.Errorf("the daemon answers %s with %s; is it rollbackd, and has it started?", page, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, mostReport)).Decode(&report); err != nil {
		return report, fmt.Errorf("read the daemon's answer: %w", err)
	}
	if report.CheckedAt.IsZero() {
		return report, errors.New("the daemon has not looked at its permissions yet, or the API server does not answer it; ask again in a moment")
	}
	return report, nil
}

func printPermissions(w io.Writer, report access.Report, who string) {
	fmt.Fprintf(w, "permissions on Kubernetes, as of %s\n", plain(who))
	for _, l := range report.Missing {
		where := "in all namespaces"
		if l.Namespace != "" {
			where = "in namespace " + l.Namespace
		}
		fmt.Fprintf(w, "  problem  %s %s %s is missing (%s): %s\n           → %s\n", plain(l.Verb), plain(l.Resource), plain(where), plain(string(l.Feature)),
			plain(l.Without), plain(l.Mend))
	}
	fmt.Fprintf(w, "  %-8s %d of %d are there\n", "ok", report.Needed-len(report.Missing), report.Needed)
}

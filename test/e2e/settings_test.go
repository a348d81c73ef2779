package e2e

import (
	"time"

	"github.com/rollbackd/rollbackd/internal/access"
)

// settings are what a test may change about its daemon. Windows are shortened: the rule holds for 5 s where a real
// one would for 5 minutes.
type settings struct {
	Instance    string
	Environment string
	Namespace   string
	Mode        string
	Prometheus  string
	// Others are further namespaces that are watched and announced in.
	Others []string
	// Kubeconfig is that of the test's own ServiceAccount, which has the Roles of the table and no more; Features are what besides the
	// configuration decides on them.
	Kubeconfig, Features string
	// Lacking takes from the Roles; nil takes nothing.
	Lacking    func([]access.Role) []access.Role
	NATS, HTTP string
	Dir        string
	// External is the address of a NATS server to use; empty means the daemon's own. Credentials is the file to show it.
	External, Credentials string
	// NATSKeys are further keys of nats beside External, as YAML.
	NATSKeys string
	// Sources are the subjects on which others tell of deployments, as YAML; Speaks are those on whose the deployer may publish.
	Sources, Speaks string
	// Requests and Errors select the series of the error rate; Policies are further policies, as YAML.
	Requests, Errors, Policies string
	// Diagnosis is what is gathered of a bad release, as YAML; empty for the default.
	Diagnosis string
	// LeaderElection is how replicas elect a leader, as YAML; empty for a daemon that runs alone.
	LeaderElection string
	// Unannounced is what the policy says about deployments that nobody announces, as YAML.
	Unannounced string
	// Signals are further signals, as YAML.
	Signals string
	// Migration is what takes the database back, as YAML; empty if nothing does.
	Migration string
	// Canary is how canaries are watched, as YAML; empty for the default.
	Canary string
	// Guards is what the policy's guards are, as YAML; empty for the default.
	Guards string
	// GitOps is what the policy says of other owners; empty for the default.
	GitOps string
	// Budgets are those of the top level, as YAML; empty for the default.
	Budgets string
	// Notify says who is told what, as YAML; empty for the daemon's own log.
	Notify string
	// Admin lets requests read the configuration again; HTTPKeys are further keys of http, as YAML.
	Admin    bool
	HTTPKeys string
	// PrometheusKeys are further keys of prometheus, as YAML.
	PrometheusKeys string
	// VersionLabels are the labels that carry a version, as YAML; empty for the usual ones.
	VersionLabels string
	// Drills is where drills are allowed, as YAML; empty for nowhere.
	Drills string
	// For is how long a breach must be held, Active the end of the first stage; the watch ends 6 s after it, or a little later. A bad
	// release is acted on long before that, so Active costs such a test nothing, and is long enough for a machine that is busy.
	For, Active, OnCall, End, SettleFor time.Duration
	// MinBreach is how long a release must be bad to be acted on before For is over, and Deadline for how long it is tried to act, and then to
	// see whether that helped.
	MinBreach, Deadline time.Duration
}

// configuration is the file that the daemons are given.
const configuration = `
instance: {{.Instance}}
environments: [{{.Environment}}]
nats:
{{- if .External}}
  url: {{.External}}
{{- if .Credentials}}
  credentialsFile: {{.Credentials}}
{{- end}}
{{- if .NATSKeys}}
  {{.NATSKeys}}
{{- end}}
{{- else}}
  embedded:
    dataDir: {{.Dir}}/nats
    listen: {{.NATS}}
    users:
    - name: deployer
      passwordFile: {{.Dir}}/password
      publish:
      - {environment: {{.Environment}}, namespace: {{.Namespace}}}
{{- range .Others}}
      - {environment: {{$.Environment}}, namespace: {{.}}}
{{- end}}
{{- if .Speaks}}
      sources: {{.Speaks}}
{{- end}}
    - name: ana
      passwordFile: {{.Dir}}/password
      publish: # which drills are announced by
      - {environment: {{.Environment}}, namespace: {{.Namespace}}}
      control:
      - {environment: {{.Environment}}, namespace: {{.Namespace}}}
{{- end}}
kubernetes:
  {kubeconfig: {{.Kubeconfig}}, namespaces: [{{.Namespace}}{{range .Others}}, {{.}}{{end}}], features: [{{.Features}}], argoCDNamespace: {{.Namespace}}{{if .VersionLabels}}, versionLabels: {{.VersionLabels}}{{end}}}
prometheus: {url: "{{.Prometheus}}", scrapeInterval: 1s, timeout: 3s{{if .PrometheusKeys}}, {{.PrometheusKeys}}{{end}}}
http: {listen: {{.HTTP}}{{if .Admin}}, admin: true{{end}}{{if .HTTPKeys}}, {{.HTTPKeys}}{{end}}}
files: {root: {{.Dir}}}
log: {level: debug, format: json}
{{- if .LeaderElection}}
leaderElection: {{.LeaderElection}}
{{- end}}
{{- if .Sources}}
sources:
{{.Sources}}
{{- end}}
{{- if .Notify}}
notify: {{.Notify}}
{{- end}}
{{- if .Diagnosis}}
diagnosis: {{.Diagnosis}}
{{- end}}
{{- if .Budgets}}
budgets: {{.Budgets}}
{{- end}}
{{- if .Drills}}
drills: {{.Drills}}
{{- end}}
policies:
- name: http
  mode: {{.Mode}}
  stages:
    active: {until: {{.Active}}, interval: 1s}
    onCall: {until: {{.OnCall}}, interval: 1s}
    enhanced: {until: {{.End}}, interval: 8s} # by the last tick the watch ends: it is long enough to have samples on a busy machine
  baseline: {window: 20s}
  knownGood: {minServing: 5s}
  settleFor: {{.SettleFor}}
  verify: {for: 3s, deadline: {{.Deadline}}}
  minBreach: {{.MinBreach}}
{{- if .Unannounced}}
  {{.Unannounced}}
{{- end}}
{{- if .Guards}}
  guards: {{.Guards}}
{{- end}}
{{- if .Canary}}
  canary: {{.Canary}}
{{- end}}
{{- if .Migration}}
  migration: {{.Migration}}
{{- end}}
{{- if .GitOps}}
  gitops: {{.GitOps}}
{{- end}}
  signals:
  - name: error-rate
    requests: {{.Requests}}
    errors: {{.Errors}}
    window: 4s
    for: {{.For}}
    minRequests: 50
  - name: latency
    kind: latency
    histogram: http_request_duration_seconds_bucket{namespace=~"{{.Namespace}}{{range .Others}}|{{.}}{{end}}"}
    slo: 500ms
    window: 4s
    for: {{.For}}
    minRequests: 50
{{.Signals}}
{{.Policies}}`

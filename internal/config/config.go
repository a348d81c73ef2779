// Package config reads rollbackd's configuration: strict YAML, with defaults filled in and everything checked before
// anything is started, so that a mistake is an error with its line and not a surprise at night.
package config

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"

	"github.com/rollbackd/rollbackd/internal/filewatch"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// Config is the whole configuration of a daemon. Its reference, docs/configuration.md, is written from the comments
// of its fields by make docs.
type Config struct {
	// Instance names this daemon among those that share a NATS: lower-case letters, digits and dashes. Required.
	Instance string `yaml:"instance"`
	// Environments are those whose deployments this daemon watches. Required.
	Environments []string   `yaml:"environments"`
	NATS         NATS       `yaml:"nats"`
	Kubernetes   Kubernetes `yaml:"kubernetes"`
	Prometheus   Prometheus `yaml:"prometheus"`
	HTTP         HTTP       `yaml:"http"`
	Files        Files      `yaml:"files"`
	Log          Log        `yaml:"log"`
	Notify       Notify     `yaml:"notify"`
	Diagnosis    Diagnosis  `yaml:"diagnosis"`
	Budgets      Budgets    `yaml:"budgets"`
	// Drills are rehearsals of a rollback (rollbackctl drill).
	Drills      Drills      `yaml:"drills"`
	Postmortems Postmortems `yaml:"postmortems"`
	// Freeze are the times in which nothing should be deployed. A deployment that is made all the same is flagged, unless its
	// event says hotfix; it is watched as any other.
	Freeze []FreezeWindow `yaml:"freeze"`
	// LeaderElection is off unless it is enabled: one replica runs alone.
	LeaderElection LeaderElection `yaml:"leaderElection"`
	// Sources are subjects on which others tell of deployments, such as Flux.
	Sources []Source `yaml:"sources"`
	Reload  Reload   `yaml:"reload"`
	// Policies are tried in order; the first whose match covers a workload is its policy. Required.
	Policies []Policy `yaml:"policies"`

	// file is where it was read from.
	file     string
	compiled []watch.Policy
	freezes  []watch.Freeze
	// root is the syntax tree, by which warnings find their lines.
	root *yaml.Node
}

// NATS says which server is used: one of your own, or, without a URL, the one inside the daemon.
type NATS struct {
	// URL is the address of a server of your own, such as nats://nats:4222.
	URL string `yaml:"url"`
	// CredentialsFile holds the daemon's credentials for it: a JWT and its seed, as nsc makes it. This file and those below are read anew at each
	// connect, and a change of them has the daemon connect anew. At most one of credentialsFile, seedFile, tokenFile and user may be given.
	CredentialsFile string `yaml:"credentialsFile"`
	// SeedFile holds the seed of the daemon's nkey, as nk makes it.
	SeedFile string `yaml:"seedFile"`
	// TokenFile holds a token; surrounding white space is dropped.
	TokenFile string `yaml:"tokenFile"`
	// User is what the daemon logs in as, with a password.
	User string `yaml:"user"`
	// PasswordFile holds the password of user; surrounding white space is dropped.
	PasswordFile string `yaml:"passwordFile"`
	// TLS is how the connection with a server of your own is encrypted. A server that asks for TLS gets it without any of this.
	TLS NATSTLS `yaml:"tls"`
	// Replicas is how many servers of a cluster of your own keep each stream and bucket that rollbackd makes: 1, 3 or 5. Those that are there already keep
	// theirs. It needs url. Default 1.
	Replicas uint64   `yaml:"replicas"`
	Embedded Embedded `yaml:"embedded"`
}

// Embedded configures the NATS server inside the daemon.
type Embedded struct {
	// DataDir is where accepted events, watches and journals are kept, relative to the working
	// folder. Default "data".
	DataDir string `yaml:"dataDir"`
	// Listen is the address that publishers connect to. Default "127.0.0.1:4222".
	Listen string `yaml:"listen"`
	// Users may publish events; nobody else can connect.
	Users []User `yaml:"users"`
}

// User is one publisher.
type User struct {
	// Name is what the publisher connects as. Required.
	Name string `yaml:"name"`
	// PasswordFile holds the password; surrounding white space is dropped. Required.
	PasswordFile string `yaml:"passwordFile"`
	// Publish says for which deployments the user may publish events.
	Publish []Scope `yaml:"publish"`
	// Control says on which workloads' rollbacks the user may decide: approve, deny, abort, hold and rollback. They may read the incidents of these
	// namespaces, too. It is for people,
	// whose name the record then shows; deploy tools need it not.
	Control []Scope `yaml:"control"`
	// Sources are the names of those sources on whose subjects the user may publish.
	Sources []string `yaml:"sources"`
}

// Scope is one namespace of one environment.
type Scope struct {
	// Environment is one of environments. Required.
	Environment string `yaml:"environment"`
	// Namespace is one namespace, not a pattern. Required.
	Namespace string `yaml:"namespace"`
}

// Kubernetes says which cluster is watched.
type Kubernetes struct {
	// Kubeconfig is the path of a kubeconfig file. Empty means the cluster that the daemon runs in, or else what
	// kubectl would use.
	Kubeconfig string `yaml:"kubeconfig"`
	// Context is the kubeconfig's context; empty means its current one.
	Context string `yaml:"context"`
	// Timeout bounds one call. Default 10s.
	Timeout model.Duration `yaml:"timeout"`
	// CheckSecrets looks before a rollback whether the Secrets that the known-good version needs are still there, as it is
	// always looked whether its ConfigMaps are. It takes the permission to get Secrets. Default false.
	CheckSecrets bool `yaml:"checkSecrets"`
	// ArgoCDNamespace is where Argo CD keeps those Applications that do not say otherwise. Default argocd.
	ArgoCDNamespace string `yaml:"argoCDNamespace"`
	// VersionLabels are the labels of a pod template that may carry its version, the one that names it best first. The tag and the digest
	// of its images name it too. Default [app.kubernetes.io/version, version].
	VersionLabels []string `yaml:"versionLabels"`
	// Namespaces are those in which rollbackd has its permissions. Empty means those that the policies name; where one of these names
	// none, that is all namespaces, which takes a ClusterRole.
	Namespaces []string `yaml:"namespaces"`
	// Features are those that nothing else in this file tells, and that take permissions of their own (docs/permissions.md). They switch
	// nothing on or off: rollbackctl rbac grants their permissions, and the daemon says which of them it lacks. Default [blueGreen, canary].
	Features []KubernetesFeature `yaml:"features"`
	// ReadOnly has rollbackd do with permissions that change no workload, Service or object of another tool: rollbackctl rbac then grants none that do, the daemon
	// misses none, and it refuses rollbacks by hand. Every policy must be in mode observe. Default false.
	ReadOnly bool `yaml:"readOnly"`
}

// Prometheus says whom to ask.
type Prometheus struct {
	// URL is the base URL of the HTTP API. Required.
	URL string `yaml:"url"`
	// ExternalURL is the address at which people open Prometheus in a browser; records of incidents link to it. Default url.
	ExternalURL string `yaml:"externalURL"`
	// Timeout bounds one query. Default 10s.
	Timeout model.Duration `yaml:"timeout"`
	// ScrapeInterval is how often the signals' series are scraped, unless a signal says otherwise. Default 15s.
	ScrapeInterval model.Duration `yaml:"scrapeInterval"`
	// HTTPClient is Prometheus' own client configuration: authentication, TLS, proxy, headers.
	HTTPClient *promconfig.HTTPClientConfig `yaml:"httpClient"`
}

// HTTP configures the daemon's own endpoints.
type HTTP struct {
	// Listen is their address. Default "127.0.0.1:9654".
	Listen string `yaml:"listen"`
	// ExternalURL is the address by which people reach them, such as https://rollbackd.example.com or, behind a proxy,
	// https://tools.example.com/rollbackd. Notices link to it; without it they have no links.
	ExternalURL string `yaml:"externalURL"`
	// WebConfig is a web configuration file as Prometheus and its exporters have it: TLS, client certificates, users with passwords. It and the
	// certificates that it names are read anew for each connection and request. Without it anybody who reaches the address may read.
	WebConfig string `yaml:"webConfig"`
	// Probes is an address at which /-/healthy and /-/ready, and nothing else, are answered too: without TLS, and to whoever asks. A kubelet has neither a
	// certificate nor a password for what webConfig asks. Default none.
	Probes string `yaml:"probes"`
	// TokenFile holds a token that every request must show as "Authorization: Bearer …", except those for /-/healthy and /-/ready; it is read anew for
	// each. It cannot be had together with basic_auth_users in webConfig.
	TokenFile string `yaml:"tokenFile"`
	// Admin lets requests read the configuration again (POST /-/reload) and set the level of the log (PUT /-/loglevel). Whoever may ask the endpoints may
	// do so then; use it with webConfig or tokenFile. Default false.
	Admin bool `yaml:"admin"`
	// Pprof serves profiles of the daemon at /debug/pprof/. Default false.
	Pprof bool `yaml:"pprof"`
}

// Files configures where the records are written.
type Files struct {
	// Root is the folder under which artifacts/ and logs/ are made, relative to the working folder. Default ".".
	Root string `yaml:"root"`
}

// Log configures the daemon's log.
type Log struct {
	// Level is debug, info, warn or error. Default info.
	Level string `yaml:"level"`
	// Format is json, console, or auto (console on a terminal). Default auto.
	Format string `yaml:"format"`
}

// Load reads a configuration file. Relative paths in it are relative to the file's folder, but for files.root and
// nats.embedded.dataDir, which are relative to the working directory as the records' paths are.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.file = path
	c.NATS.resolve(path)
	c.HTTP.resolve(path)
	c.Kubernetes.Kubeconfig = relativeTo(path, c.Kubernetes.Kubeconfig)
	c.Notify.resolve(path)
	if c.Notify.Contacts != "" {
		if _, err := ReadContacts(c.Notify.Contacts); err != nil {
			return nil, fmt.Errorf("notify.contacts: %w", err)
		}
	}
	if c.Prometheus.HTTPClient != nil {
		c.Prometheus.HTTPClient.SetDirectory(filepath.Dir(path))
	}
	return c, nil
}

func relativeTo(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

// Parse reads a configuration from YAML, fills in the defaults and checks it. The error names every mistake found,
// each with its line and field.
func Parse(data []byte) (*Config, error) {
	c := defaultConfig()
	root, err := decode(data, c)
	if err != nil {
		return nil, err
	}
	if err := c.finish(root); err != nil {
		return nil, err
	}
	return c, nil
}

// finish fills in what follows from other fields, checks everything and compiles the policies.
func (c *Config) finish(root *yaml.Node) error {
	c.root = root
	check := &checker{root: root}
	for i := range c.Policies {
		given := func(path ...any) bool { return check.given(append([]any{"policies", i}, path...)) }
		c.Policies[i].complete(given)
		c.Policies[i].Budgets.inherit(c.Budgets, given)
	}
	if err := c.applyPresets(check); err != nil {
		return err
	}
	c.check(check)
	c.checkBudgets(check)
	c.compileFreezes(check)
	if err := check.err(); err != nil {
		return err
	}
	for _, p := range c.Policies {
		c.compiled = append(c.compiled, p.compile(c.Prometheus.ScrapeInterval))
		c.compiled[len(c.compiled)-1].PageDrills = c.Drills.Page
	}
	return nil
}

// WatchPolicies returns the policies in the form that watches keep.
func (c *Config) WatchPolicies() []watch.Policy { return c.compiled }

func defaultConfig() *Config {
	return &Config{
		NATS:        NATS{Replicas: 1, Embedded: Embedded{DataDir: "data", Listen: "127.0.0.1:4222"}},
		Kubernetes:  defaultKubernetes(),
		Prometheus:  Prometheus{Timeout: model.Duration(10 * time.Second), ScrapeInterval: model.Duration(15 * time.Second)},
		HTTP:        HTTP{Listen: "127.0.0.1:9654"},
		Files:       Files{Root: "."},
		Log:         Log{Level: "info", Format: "auto"},
		Notify:      defaultNotify(),
		Budgets:     defaultBudgets(),
		Postmortems: defaultPostmortems(),

		Diagnosis:      defaultDiagnosis(),
		Reload:         Reload{Every: model.Duration(filewatch.Every)},
		LeaderElection: defaultLeaderElection(),
	}
}

// fill gives a field a value that depends on other fields where it was left out.
func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

package config

import (
	"reflect"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// This file says what of a configuration can be replaced while a daemon runs.

// Reload says how a changed configuration is noticed.
type Reload struct {
	// Every is how often it is looked whether what is in the configuration file has changed; 0s means never. Then a signal or a request has it read
	// again. Default 5s.
	Every model.Duration `yaml:"every"`
}

func (r Reload) check(k *checker) {
	if r.Every != 0 && r.Every < model.Duration(time.Second) {
		k.say([]any{"reload", "every"}, "%s is less than a second; use 1s or more, or 0s to look never", r.Every)
	}
}

// File is the path that the configuration was read from; empty if it was read from no file.
func (c *Config) File() string { return c.file }

// Over returns the configuration that holds once this one was read while another is running: this one, but for what takes effect only after a restart. Of that
// it returns the fields which differ, such as nats.url.
func (c *Config) Over(running *Config) (holds *Config, waiting []string) {
	merged := *c
	for _, part := range fixed(&merged, running, c) {
		waiting = append(waiting, differing(part.name, reflect.ValueOf(part.from), reflect.ValueOf(part.different))...)
		reflect.ValueOf(part.to).Elem().Set(reflect.ValueOf(part.from))
	}
	return &merged, waiting
}

// RestartKeys are the keys whose changes take effect with a restart, dots between the parts of a key.
func RestartKeys() []string {
	var names []string
	for _, part := range fixed(new(Config), new(Config), new(Config)) {
		names = append(names, part.name)
	}
	return names
}

// part is a part of the configuration that holds until a restart: where it is put, the one in use, and the one that was read.
type part struct {
	name      string
	to, from  any
	different any
}

// TakenUpKeys are those within RestartKeys whose changes take effect with a reload all the same.
func TakenUpKeys() []string {
	return []string{"kubernetes.namespaces", "kubernetes.features", "kubernetes.readOnly", "nats.embedded.users"}
}

func fixed(merged, running, c *Config) []part {
	kubernetes := running.Kubernetes // but for where it looks and what it is let do, which nothing is made of
	kubernetes.Namespaces, kubernetes.Features, kubernetes.ReadOnly = c.Kubernetes.Namespaces, c.Kubernetes.Features, c.Kubernetes.ReadOnly
	nats := running.NATS // but for who may connect to the server inside the daemon
	nats.Embedded.Users = c.NATS.Embedded.Users
	return []part{
		{"instance", &merged.Instance, running.Instance, c.Instance},
		{"environments", &merged.Environments, running.Environments, c.Environments},
		{"nats", &merged.NATS, nats, c.NATS},
		{"kubernetes", &merged.Kubernetes, kubernetes, c.Kubernetes},
		{"http", &merged.HTTP, running.HTTP, c.HTTP},
		{"files", &merged.Files, running.Files, c.Files},
		{"log.format", &merged.Log.Format, running.Log.Format, c.Log.Format},
		{"diagnosis", &merged.Diagnosis, running.Diagnosis, c.Diagnosis},
		{"leaderElection", &merged.LeaderElection, running.LeaderElection, c.LeaderElection},
		{"sources", &merged.Sources, running.Sources, c.Sources},
		{"reload", &merged.Reload, running.Reload, c.Reload},
	}
}

// differing names the fields in which two values of one type differ, by their keys. Lists and maps are compared as a whole.
func differing(name string, a, b reflect.Value) (out []string) {
	if a.Kind() != reflect.Struct {
		if !reflect.DeepEqual(a.Interface(), b.Interface()) && (a.Kind() != reflect.Slice || a.Len()+b.Len() > 0) {
			return []string{name}
		}
		return nil
	}
	for i := range a.NumField() {
		key, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("yaml"), ",")
		if a.Type().Field(i).IsExported() && key != "" {
			out = append(out, differing(name+"."+key, a.Field(i), b.Field(i))...)
		}
	}
	return out
}

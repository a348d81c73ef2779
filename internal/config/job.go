package config

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/internal/job"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// JobSpec is the spec of a Kubernetes Job (batch/v1), as it would stand under spec in a manifest.
type JobSpec map[string]any

// template is the spec as JSON, which is how everything else wants it.
func (s JobSpec) template() (json.RawMessage, error) {
	if s == nil {
		return nil, nil
	}
	return json.Marshal(map[string]any(s))
}

// Migration is how the database is taken back.
type Migration struct {
	// Job is the spec of a Kubernetes Job that does it, run in the workload's namespace. In the values of env, in args, and in labels
	// and annotations of its pods {namespace}, {workload}, {version} and {target} stand for those of the release and for the
	// version that is gone back to. Required.
	Job JobSpec `yaml:"job"`
	// When says whether the Job is run before the old version is put back, or after, once its rollout is complete. Default before.
	When watch.When `yaml:"when"`
	// Timeout is how long the Job may take, in whole seconds. One that takes longer has failed. Default 10m.
	Timeout model.Duration `yaml:"timeout"`
	// RestoreURL is where people find how to restore the database from a backup; it is shown where the Job failed. Default none.
	RestoreURL string `yaml:"restoreURL"`
}

// UnmarshalYAML implements the decoder's interface; fields that are left out get their defaults.
func (m *Migration) UnmarshalYAML(unmarshal func(any) error) error {
	*m = Migration{When: watch.Before, Timeout: minutes(10)}
	type plain Migration
	return unmarshal((*plain)(m))
}

func (m *Migration) compile() *watch.Migration {
	if m == nil {
		return nil
	}
	template, _ := m.Job.template() // it was checked
	return &watch.Migration{Job: template, When: m.When, Timeout: time.Duration(m.Timeout), RestoreURL: m.RestoreURL}
}

// mostMigration is the longest that a watch waits for a Job.
const mostMigration = model.Duration(24 * time.Hour)

func (m *Migration) check(k *checker, field func(...any) []any) {
	if m == nil {
		return
	}
	if m.When != watch.Before && m.When != watch.After {
		k.say(field("migration", "when"), "%q is neither before nor after; say whether the Job is run before the old version is put back or after", m.When)
	}
	if m.Timeout < model.Duration(time.Second) || m.Timeout > mostMigration || time.Duration(m.Timeout)%time.Second != 0 {
		k.say(field("migration", "timeout"), "%s is not a whole number of seconds from 1s to %s; use 10m or so", m.Timeout, mostMigration)
	}
	if u, err := url.Parse(m.RestoreURL); m.RestoreURL != "" && (err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http") {
		k.say(field("migration", "restoreURL"), "is not the address of a page; write it as https://wiki.example/restore, without a password")
	}
	if m.Job == nil {
		k.say(field("migration", "job"), "is missing; give the spec of a Kubernetes Job that takes the database back")
		return
	}
	k.job(field("migration", "job"), m.Job, time.Duration(m.Timeout))
}

// job checks the template of a Job that may run for so long.
func (c *checker) job(at []any, spec JobSpec, longest time.Duration) {
	template, err := spec.template()
	if err != nil {
		c.say(at, "cannot be written as JSON, which Kubernetes reads: %v", err)
		return
	}
	for _, problem := range job.Check(template, int64(longest.Seconds())) {
		c.say(at, "%v", problem)
	}
}

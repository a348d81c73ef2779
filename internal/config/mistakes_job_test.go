package config

import "strings"

// jobMistakes are those of Jobs made from a template.
func jobMistakes() []mistaken {
	const at, pod = "policies[0].", "{template: {spec: {restartPolicy: Never, containers: [{name: main, image: tool}]}}}"
	smoke := func(lines string) []string { return signalOf("    kind: smoke\n    " + lines + "\n") }
	edited := func(edits ...string) string { return strings.NewReplacer(edits...).Replace(pod) }
	return []mistaken{
		{inSignal("job: " + pod), []string{"line 8: " + at + "signals[0].job: has no effect on a signal of kind error-rate; remove it"}},
		{smoke("job: " + pod + "\n    http: [{url: \"http://shop\"}]"), []string{"line 9: " + at + "signals[0].job: cannot be had together with http; make two signals of them"}},
		{smoke("job: " + pod + "\n    attempts: 2"), []string{"line 10: " + at + "signals[0].attempts: has no effect on a Job; set backoffLimit in it, or remove this"}},
		{smoke("job: " + edited("Never", "Always")), []string{"line 9: " + at + "signals[0].job: has restartPolicy: Always, with which a Job does not end; use Never"}},
		{smoke("job: " + edited("image: tool", `image: tool, args: ["{target}"]`)), []string{"line 9: " + at + "signals[0].job: holds {target}, and a smoke test goes back to no version; use {version}"}},
		{inPolicy("migration: {when: later, job: " + pod + "}"), []string{"line 6: " + at + `migration.when: "later" is neither before nor after; say whether the Job is run before the old version is put back or after`}},
		{inPolicy("migration: {timeout: 500ms, job: " + pod + "}"), []string{
			"line 6: " + at + "migration.timeout: 500ms is not a whole number of seconds from 1s to 1d; use 10m or so",
		}},
		{inPolicy("migration: {when: after}"), []string{"line 6: " + at + "migration.job: is missing; give the spec of a Kubernetes Job that takes the database back"}},
		{inPolicy(`migration: {restoreURL: "https://ana:secret@wiki", job: ` + pod + "}"), []string{"line 6: " + at + "migration.restoreURL: is not the address of a page; write it as https://wiki.example/restore, without a password"}},
		{inPolicy("migration: {job: " + edited("{template", "{activeDeadlineSeconds: 601, template") + "}"), []string{"line 6: " + at + "migration.job: has activeDeadlineSeconds: 601; use 1 to 600, which is how long it is waited for"}},
		{inPolicy("migration: {job: {tmpl: 1}}"), []string{"line 6: " + at + `migration.job: is no JobSpec of batch/v1: unknown field "tmpl"`}},
	}
}

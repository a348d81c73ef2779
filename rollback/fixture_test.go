package rollback

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// start is the morning on which all specifications of this package begin.
var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// at is a time of that morning, in minutes.
func at(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }

// podSpec writes a pod template as the API server would; edits are applied to its text.
func podSpec(version string, edits ...string) json.RawMessage {
	text := fmt.Sprintf(`{"metadata":{"annotations":{"note":"a <b> & c"},"labels":{"app":"checkout"}},"spec":{"containers":[`+
		`{"name":"app","image":"registry:5000/shop/checkout:%s","env":[{"name":"MODE","value":"x"}],"resources":{}}],`+
		`"terminationGracePeriodSeconds":30,"volumes":[{"name":"conf","configMap":{"name":"conf-1"}}]}}`, version)
	return json.RawMessage(strings.NewReplacer(edits...).Replace(text))
}

// restarted is what kubectl rollout restart makes of a template.
func restarted(version, when string) json.RawMessage {
	return podSpec(version, `{"note":"a <b> & c"}`, `{"note":"a <b> & c","kubectl.kubernetes.io/restartedAt":"`+when+`"}`)
}

// rs is a ReplicaSet of the version, created at the minute, with a live pod since then.
func rs(number int, version string, minute int) Revision {
	return rsOf(number, version, minute, podSpec(version))
}

func rsOf(number int, version string, minute int, template json.RawMessage) Revision {
	name := fmt.Sprintf("checkout-%d%s", minute, strings.ReplaceAll(version, ".", ""))
	return Revision{
		ReplicaSet: name, UID: "uid-" + name, Hash: "hash-" + name, Number: fmt.Sprint(number),
		Template: template, Version: version, CreatedAt: at(minute), FirstPodAt: at(minute), Replicas: 2, Ready: 2,
		PodPrefix: podPrefix(name),
	}
}

// revived is a ReplicaSet that was put back; its pods are gone, as they are when the release has replaced them.
func revived(number int, version string, minute int) Revision {
	r := rs(number, version, minute)
	r.Revived, r.FirstPodAt = true, time.Time{}
	return r
}

// live is a workload that runs the first of the revisions, settled and complete.
func live(revisions ...Revision) Snapshot {
	s := Snapshot{
		Workload: Workload{Namespace: "shop", Name: "checkout"}, UID: "uid-checkout",
		Generation: 7, ObservedGeneration: 7, Revision: revisions[0].Number,
		Annotations: map[string]string{revisionAnnotation: revisions[0].Number},
		Template:    revisions[0].Template, Replicas: 2, Revisions: revisions,
		Status: Status{ObservedGeneration: 7, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2},
	}
	s.Live = s.findLive()
	return s
}

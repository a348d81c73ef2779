package rollback

import (
	"encoding/json"
	"fmt"
	"time"
)

// The specifications of switches all begin with the same scene: Service shop/checkout sends its traffic to green, which
// runs v2, since minute 120; before that it went to blue, which has been running v1 since minute 0.

const colourKey = "shop.example/color"

func minute(n int) time.Time {
	return time.Date(2026, 11, 22, 8, n, 0, 0, time.UTC)
}

func toGreen() Switch {
	return Switch{Service: "checkout", SelectorKey: colourKey, From: "blue", To: "green"}
}

// colourSpec is the pod template of a colour.
func colourSpec(colour, version string) json.RawMessage {
	return fmt.Appendf(nil, `{"metadata":{"labels":{"app":"checkout","%s":"%s"}},"spec":{"containers":[`+
		`{"name":"app","image":"registry:5000/shop/checkout:%s","resources":{}}]}}`, colourKey, colour, version)
}

// colourOf is the Deployment of a colour, with the one version that it has ever run.
func colourOf(colour, version string, since int) Snapshot {
	name := "checkout-" + colour
	r := Revision{
		ReplicaSet: name + "-" + version, UID: "uid-" + name + "-" + version, Hash: "hash-" + name + "-" + version, Number: "1",
		Template: colourSpec(colour, version), Version: version, CreatedAt: minute(since), FirstPodAt: minute(since),
		PodPrefix: name + "-" + version + "-", Replicas: 5, Ready: 5,
	}
	s := Snapshot{
		Workload: Workload{Namespace: "shop", Name: name}, UID: "uid-" + name, Generation: 3, ObservedGeneration: 3, Revision: "1",
		Template: r.Template, Replicas: 5, Revisions: []Revision{r},
		Status: Status{Replicas: 5, UpdatedReplicas: 5, ReadyReplicas: 5, AvailableReplicas: 5,
			Conditions: []Condition{{Type: progressing, Status: "True", Reason: reasonRolledOut, LastUpdateTime: minute(110)}}},
	}
	s.Live = &s.Revisions[0]
	return s
}

// blueGreen is the scene.
func blueGreen() Snapshot {
	s := colourOf("green", "v2", 100)
	s.Switch = &SwitchState{
		Switch: toGreen(), ServiceUID: "uid-service", ResourceVersion: "41",
		Selector:   map[string]string{"app": "checkout", colourKey: "green"},
		SwitchedAt: minute(120), NewReady: 5, OldReady: 5, Old: []Snapshot{colourOf("blue", "v1", 0)},
	}
	return s
}

// pinBlueGreen pins the scene, which leads to a target.
func pinBlueGreen() Pin {
	return pinOf(blueGreen())
}

func pinOf(s Snapshot, past ...PastWatch) Pin {
	return NewPin(s, *s.Live, minute(120), past, 15*time.Minute)
}

// points changes what the Service's selector has under the key.
func points(value string) func(*Snapshot) {
	return func(s *Snapshot) { s.Switch.Selector[colourKey] = value }
}

// ready changes how many pods of the two colours are ready.
func ready(green, blue int32) func(*Snapshot) {
	return func(s *Snapshot) { s.Switch.NewReady, s.Switch.OldReady = green, blue }
}

// blueRuns changes what the old colour runs.
func blueRuns(template json.RawMessage) func(*Snapshot) {
	return func(s *Snapshot) {
		old := &s.Switch.Old[0]
		old.Template, old.Live.Template = template, template
	}
}

package rollback

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// deployment is what is read of a Deployment, StatefulSet or DaemonSet. The template stays raw, so that fields newer than this program survive.
type deployment struct {
	Kind     string            `json:"kind"`
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Replicas            *int32               `json:"replicas"`
		Paused              bool                 `json:"paused"`
		Selector            metav1.LabelSelector `json:"selector"`
		Template            json.RawMessage      `json:"template"`
		PodManagementPolicy string               `json:"podManagementPolicy"`
		UpdateStrategy      struct {
			Type          string `json:"type"`
			RollingUpdate struct {
				Partition int32 `json:"partition"`
			} `json:"rollingUpdate"`
		} `json:"updateStrategy"`
	} `json:"spec"`
	Status Status `json:"status"`
}

func (d deployment) workload() Workload {
	return Workload{Kind: KindNamed(d.Kind), Namespace: d.Metadata.Namespace, Name: d.Metadata.Name}
}

// replicaSet is what is read of a ReplicaSet.
type replicaSet struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Replicas *int32          `json:"replicas"`
		Template json.RawMessage `json:"template"`
	} `json:"spec"`
	Status struct {
		Replicas      int32 `json:"replicas"`
		ReadyReplicas int32 `json:"readyReplicas"`
	} `json:"status"`
}

// readInto decodes an object's JSON into one of the structs above.
func readInto(from apiObject, into any) error {
	raw, err := from.MarshalJSON()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("unable to read %s %s/%s: %w", from.GetKind(), from.GetNamespace(), from.GetName(), err)
	}
	return nil
}

package simulator

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// Follow keeps the simulator in step with the pods of the cluster once the informer runs.
func (s *Simulator) Follow(pods cache.SharedInformer) error {
	_, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { s.Observe(object.(*corev1.Pod)) },
		UpdateFunc: func(_, object any) { s.Observe(object.(*corev1.Pod)) },
		DeleteFunc: func(object any) {
			if unknown, missed := object.(cache.DeletedFinalStateUnknown); missed {
				object = unknown.Obj
			}
			s.Forget(object.(*corev1.Pod))
		},
	})
	if err != nil {
		return fmt.Errorf("watch the pods: %w", err)
	}
	return nil
}

package rollback

import (
	"testing"
	"time"
)

func waiting(reason string, restarts int, ended time.Time) map[string]any {
	return map[string]any{"restartCount": int64(restarts), "state": map[string]any{"waiting": map[string]any{"reason": reason}},
		"lastState": map[string]any{"terminated": map[string]any{"finishedAt": ended.Format(time.RFC3339)}}}
}

func running(restarts int, ended time.Time) map[string]any {
	c := waiting("", restarts, ended)
	c["state"] = map[string]any{"running": map[string]any{}}
	return c
}

func TestHealthCountsPodsAsTheKubeletTellsOfThem(t *testing.T) {
	now := at(130)
	ready := map[string]any{"type": "Ready", "status": "True"}
	for name, c := range map[string]struct {
		container map[string]any
		condition map[string]any
		init      bool
		want      PodCounts
	}{
		"ready":                       {running(0, time.Time{}), ready, false, PodCounts{Pods: 1, Ready: 1}},
		"starting":                    {waiting("ContainerCreating", 0, time.Time{}), nil, false, PodCounts{Pods: 1}},
		"backing off":                 {waiting("CrashLoopBackOff", 4, at(129)), nil, false, PodCounts{Pods: 1, Crashing: 1, Restarts: 4}},
		"between two crashes":         {running(4, now.Add(-40*time.Second)), nil, false, PodCounts{Pods: 1, Crashing: 1, Restarts: 4}},
		"ready between two crashes":   {running(4, now.Add(-20*time.Second)), ready, false, PodCounts{Pods: 1, Crashing: 1, Restarts: 4}},
		"ready after crashes":         {running(4, now.Add(-40*time.Second)), ready, false, PodCounts{Pods: 1, Ready: 1}},
		"restarted once":              {running(1, now.Add(-5*time.Second)), ready, false, PodCounts{Pods: 1, Ready: 1}},
		"no image":                    {waiting("ImagePullBackOff", 0, time.Time{}), nil, false, PodCounts{Pods: 1, Unpullable: 1}},
		"no image, at the first try":  {waiting("ErrImagePull", 0, time.Time{}), nil, false, PodCounts{Pods: 1, Unpullable: 1}},
		"its init container crashes":  {waiting("CrashLoopBackOff", 3, at(129)), nil, true, PodCounts{Pods: 1, Crashing: 1, Restarts: 3}},
		"no node":                     {nil, map[string]any{"type": "PodScheduled", "status": "False"}, false, PodCounts{Pods: 1, Unplaced: 1}},
		"nothing is known of its pod": {nil, nil, false, PodCounts{Pods: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			pin, s := pinned()
			pod := podOf("p", pin.Release, 121)
			status := map[string]any{"phase": "Running", "podIP": "10.0.0.1"}
			if c.container != nil {
				field := "containerStatuses"
				if c.init {
					field = "initContainerStatuses"
				}
				status[field] = []any{c.container}
			}
			if c.condition != nil {
				status["conditions"] = []any{c.condition}
			}
			pod.Object["status"] = status
			kept, err := packPod(pod)
			if err != nil {
				t.Fatal(err)
			}
			packed := kept.(apiObject)
			if again, err := packPod(packed); err != nil || again != kept {
				t.Errorf("packed twice it is %v, %v", again, err)
			}
			if was, is := readPod(pod), readPod(packed); was != is {
				t.Errorf("packed it is read as %+v, else as %+v", is, was)
			}
			s.Pods = podStates([]apiObject{packed, podOf("stray", s.Revisions[1], 20)})
			if h := HealthOf(pin, s, now); h.Release != c.want || h.Old.Pods != 1 || h.Overdue {
				t.Errorf("the health is %+v, want %+v and a pod of the old version", h, c.want)
			}
		})
	}
}

func TestHealthKnowsTheProgressDeadline(t *testing.T) {
	pin, s := pinned()
	s.Status.Conditions = []Condition{{Type: progressing, Reason: reasonTimedOut, Status: "False"}}
	if !HealthOf(pin, s, at(130)).Overdue {
		t.Error("the rollout is not overdue")
	}
}

// The Deployment controller stops the clock of the progress deadline while a rollout is paused, and says so.
func TestAPausedRolloutIsNotOverdue(t *testing.T) {
	s := live(rs(3, "v3", 120), rs(2, "v2", 60))
	pin := NewPin(s, *s.Live, at(120), nil, 0)
	s.Paused, s.Status.UpdatedReplicas = true, 1
	s.Status.Conditions = []Condition{{Type: "Progressing", Status: "Unknown", Reason: "DeploymentPaused"}}
	if h := HealthOf(pin, s, at(200)); h.Overdue {
		t.Error("it counts as overdue")
	}
	if _, done, err := RolloutStatus(s); done || err != nil {
		t.Errorf("its rollout is done: %v, %v", done, err)
	}
}

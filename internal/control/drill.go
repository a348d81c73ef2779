package control

import "time"

// MayDrill asks whether a drill of a workload may begin; it changes nothing.
const MayDrill Verb = "drill"

// Drill is what the daemon knows of a workload of which a drill may begin.
type Drill struct {
	// UID is that of the workload in the daemon's cluster: whoever finds another one is at another cluster.
	UID string `json:"uid"`
	// Policy is the name of the policy by which the drill will be judged.
	Policy string `json:"policy"`
	// Now is the daemon's time at the answer, which the times of its records go by.
	Now time.Time `json:"now"`
}

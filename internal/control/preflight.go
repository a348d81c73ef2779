package control

import "fmt"

// MayDeploy asks what speaks against deploying a workload now, and what would become of the release; it changes nothing.
const MayDeploy Verb = "preflight"

// Patient reports whether what a verb asks for may take a while, and must not take the place of those who act.
func (v Verb) Patient() bool { return v.Reads() || v == MayDeploy }

// Deploying is what the event of the release will say, as far as preflight goes by it; it is a part of Request.
type Deploying struct {
	// Policy is the one that the event will name, Hotfix what it will say of that.
	Policy string `json:"policy,omitempty"`
	Hotfix bool   `json:"hotfix,omitempty"`
}

// maxPolicy is how long the name of a policy may be, in bytes.
const maxPolicy = 256

func (d Deploying) check() error {
	if len(d.Policy) > maxPolicy || !printable(d.Policy) {
		return fmt.Errorf(`field "policy" is longer than %d bytes or has characters that cannot be printed; give the name of a policy of the configuration`, maxPolicy)
	}
	return nil
}

// Result is what a check came to.
type Result string

// The results.
const (
	// ResultOK: nothing speaks against deploying.
	ResultOK Result = "ok"
	// ResultWarn: the release can be deployed, but less is done for it than usual, or a person should look first.
	ResultWarn Result = "warn"
	// ResultStop: it should not be deployed now.
	ResultStop Result = "stop"
)

// Check is one thing that was looked at before a deployment.
type Check struct {
	// Check names what was looked at, in one word.
	Check  string `json:"check"`
	Result Result `json:"result"`
	// Message says what was found, and Fix what to do about it; Fix is empty where nothing is to be done.
	Message string `json:"message"`
	Fix     string `json:"fix"`
}

// Preflight is what was found before a deployment.
type Preflight struct {
	// Workload is NAMESPACE/NAME.
	Workload    string `json:"workload"`
	Environment string `json:"environment"`
	// OK says that nothing stops the deployment.
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
}

// Count returns how many checks came to a result.
func (p Preflight) Count(r Result) (n int) {
	for _, c := range p.Checks {
		if c.Result == r {
			n++
		}
	}
	return n
}

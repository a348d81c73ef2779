package incident

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rollbackd/rollbackd/rollback"
)

// blueGreen is a journal retold as that of a switch of app-service from app-blue to app-green.
func blueGreen(t *testing.T, name string) []Entry {
	t.Helper()
	entries := readJournal(t, name)
	raw, err := json.Marshal(Event{
		Version: "v1.2.3", Strategy: "blue-green", Service: "app-service", SelectorKey: "version", From: "blue", To: "green",
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		switch {
		case e.Accepted != nil:
			accepted := *e.Accepted
			accepted.Event, accepted.Subject = raw, "deployments.production.shop.app-green"
			entries[i].Accepted = &accepted
		case e.Pinned != nil:
			pin := *e.Pinned
			pin.Replicas = 5
			pin.Switch = &rollback.PinnedSwitch{OldWorkload: rollback.Workload{Namespace: "shop", Name: "app-blue"}}
			entries[i].Pinned = &pin
		}
	}
	return entries
}

// withoutPin leaves out what the cluster showed: the advice must do without.
func withoutPin(entries []Entry) []Entry {
	var out []Entry
	for _, e := range entries {
		if e.Pinned == nil {
			out = append(out, e)
		}
	}
	return out
}

const switchBackByHand = "`kubectl -n shop patch service/app-service -p '{\"spec\":{\"selector\":{\"version\":\"blue\"}}}'`"

// What rollbackd refused must not be the first thing that it tells the person on call to do.
func TestAdviceFitsTheRefusalOfASwitch(t *testing.T) {
	regressed := cutBefore(blueGreen(t, "testdata/observe.jsonl"), KindRefusal)
	for code, want := range map[rollback.RefusalCode]string{
		rollback.RefuseObserve: "\n1. If the service is still bad, switch the traffic back: " + switchBackByHand,
		rollback.RefuseTargetNotReady: "\n1. First scale the old colour up and wait until it is ready: `kubectl -n shop scale deployment/app-blue --replicas=5`, " +
			"`kubectl -n shop rollout status deployment/app-blue`\n2. Then, if the service is still bad, switch the traffic back: " + switchBackByHand,
		rollback.RefuseNoTarget: "\n1. First compare both versions by hand, because rollbackd does not know the old one to be good: " +
			"`kubectl -n shop get pods -l 'version=blue'` and `kubectl -n shop get pods -l 'version=green'`\n2. If the service is still bad, and the old version is ready",
		rollback.RefuseServiceGone:  "\n1. The Service is gone, or was made again. See what there is: `kubectl -n shop get service/app-service -o wide`\n",
		rollback.RefuseTargetIsLive: "\n1. See what is live now: `kubectl -n shop get service/app-service -o wide`\n",
	} {
		if left := section(Timeline(ended(regressed, code)), "What is left to do"); !strings.Contains(left, want) {
			t.Errorf("%s: %s", code, left)
		}
	}
	gone := section(Timeline(ended(regressed, rollback.RefuseServiceGone)), "What is left to do")
	if strings.Contains(gone, "patch") {
		t.Errorf("a Service that is gone cannot be patched: %s", gone)
	}
	unknown := section(Timeline(ended(withoutPin(regressed), rollback.RefuseTargetNotReady)), "What is left to do")
	if !strings.Contains(unknown, "wait until it is ready: `kubectl -n shop get pods -l 'version=blue'`") {
		t.Errorf("an old colour that was not pinned: %s", unknown)
	}
}

// After a switch back the old version runs in the old colour's Deployment.
func TestOldVersionOfASwitchIsTheOldColour(t *testing.T) {
	for _, name := range []string{"testdata/not_restored.jsonl", "testdata/unverified.jsonl"} {
		for want, entries := range map[string][]Entry{
			"See that the old version is running: `kubectl -n shop rollout status deployment/app-blue`": blueGreen(t, name),
			"See that the old version is running: `kubectl -n shop get pods -l 'version=blue'`":         withoutPin(blueGreen(t, name)),
		} {
			left := section(Timeline(entries), "What is left to do")
			if !strings.Contains(left, want) || strings.Contains(left, "app-green") {
				t.Errorf("%s: %s", name, left)
			}
		}
	}
}

package incident

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rollbackd/rollbackd/rollback"
)

func TestAdviceOnACanary(t *testing.T) {
	regressed := cutBefore(readJournal(t, "testdata/observe.jsonl"), KindRefusal)
	for i, e := range regressed {
		if e.Accepted != nil {
			accepted := *e.Accepted
			accepted.Event = json.RawMessage(`{"version":"v2","strategy":"canary","canary":"checkout-$(canary)","step":5}`)
			regressed[i].Accepted = &accepted
		}
	}
	regressed = append(regressed, Entry{At: regressed[len(regressed)-1].At, Kind: KindStep, Step: &Step{Percent: 25, Look: 2}})
	for code, want := range map[rollback.RefusalCode][]string{
		rollback.RefuseObserve:        {"1. If the service is still bad, take the canary away: `kubectl -n shop scale 'deployment/checkout-$(canary)' --replicas=0`", "get 'deployment/checkout-$(canary)' deployment/checkout -o wide`"},
		rollback.RefuseTargetNotReady: {"1. First scale the stable workload up and wait until it is ready: `kubectl -n shop scale deployment/checkout --replicas=REPLICAS`"},
		rollback.RefuseScaled:         {"1. First see what decides how many pods the canary has", "2. If the service is still bad, take the canary away"},
	} {
		got := Timeline(ended(regressed, code))
		for _, words := range want {
			if left := section(got, "What is left to do"); !strings.Contains(left, words) {
				t.Errorf("%s: no %q in %s", code, words, left)
			}
		}
		if journal := section(got, "Journal"); !strings.Contains(journal, "Step of the canary to 25 %: it is judged anew, for the 2nd time") {
			t.Errorf("the step is not told: %s", journal)
		}
	}
	if s := Fold(regressed); s.Event.Step != 25 {
		t.Errorf("the step is %d", s.Event.Step)
	}
}

func TestOrdinal(t *testing.T) {
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 111: "111th"} {
		if got := ordinal(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

package analyzer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

// The pods of a StatefulSet keep their names from one version to the next. What was counted under a name before the new
// pod was made is the old version's, whatever the series look like.
func TestSampleTellsTheVersionsOfAStatefulSetApartByTime(t *testing.T) {
	made := second(31)
	for _, c := range []struct {
		name   string
		series []*model.SampleStream
		want   uint64
	}{
		{"the new pod has another address, and its counter starts anew", []*model.SampleStream{
			counter("http_requests_total", "shop", "web-0", "200", 0, 9000, 9100, 9200),
			at("10.0.0.9:8080", counter("http_requests_total", "shop", "web-0", "200", 45, 7, 9)),
		}, 9},
		{"it has the same address, and its counter falls", []*model.SampleStream{
			counter("http_requests_total", "shop", "web-0", "200", 0, 9000, 9100, 9200, 7, 9),
		}, 9},
		{"somebody else keeps the counter, and it goes on", []*model.SampleStream{
			counter("http_requests_total", "shop", "web-0", "200", 0, 9000, 9100, 9200, 9207, 9209),
		}, 9},
		{"nothing came of the new pod yet", []*model.SampleStream{
			counter("http_requests_total", "shop", "web-0", "200", 0, 9000, 9100, 9200),
		}, 0},
		{"of a pod of the old version nothing counts", []*model.SampleStream{
			counter("http_requests_total", "shop", "web-1", "200", 0, 9000, 9100, 9200, 9300, 9400),
		}, 0},
	} {
		srv := &server{t: t, series: c.series}
		release := Members{Pods: map[string]bool{"web-0": true}}.From("web-0", made)
		sub := Subject{Key: "a", Namespace: "shop", Workload: "web", Fresh: true, Release: release,
			Control: Members{Pods: map[string]bool{"web-1": true}}, Spans: []Span{{second(0), second(60)}}}
		if got := sample(t, srv.sampler(), httpErrors(), sub)["a"][0]; got.Total().N != c.want {
			t.Errorf("%s: %d requests, want %d", c.name, got.Total().N, c.want)
		}
		// Cut into ticks it is the same.
		var sum uint64
		sub.Spans = []Span{{second(0), second(15)}, {second(15), second(30)}, {second(30), second(45)}, {second(45), second(60)}}
		for _, m := range sample(t, srv.sampler(), httpErrors(), sub)["a"] {
			sum += m.Total().N
		}
		if sum != c.want {
			t.Errorf("%s, in ticks: %d requests, want %d", c.name, sum, c.want)
		}
	}
}

// at is a series of another scrape target.
func at(instance string, s *model.SampleStream) *model.SampleStream {
	s.Metric["instance"] = model.LabelValue(instance)
	return s
}

func TestAStatefulSetsPodsAreNamedByOrdinals(t *testing.T) {
	m := Members{Ordinals: "web-"}
	sig := Signal{Labels: Labels{Namespace: "namespace", Pod: "pod"}}
	for pod, want := range map[string]bool{"web-0": true, "web-12": true, "web-": false, "web-x": false, "web-api-0": false, "my-web-0": false} {
		if m.has(sig, found{pod: pod}) != want {
			t.Errorf("%s: %t", pod, !want)
		}
	}
	text, err := Query(httpErrors(), Subject{Namespace: "shop", Workload: "web", Release: m}, Span{second(0), second(60)})
	if err != nil || !strings.Contains(text, `pod=~"web-[0-9]+"`) {
		t.Errorf("the query is %s, %v", text, err)
	}
}

// An expression gives one number, in which nothing can be cut off.
func TestANumberOverPodsSaysNothingOfAStatefulSet(t *testing.T) {
	sig := Signal{Name: "orders", Kind: KindBusiness, Query: `sum(rate(orders_total[5m]))`, Scrape: 15 * time.Second,
		Labels: Labels{Namespace: "namespace", Pod: "pod"}}
	sub := Subject{Key: "a", Namespace: "shop", Workload: "web", Spans: []Span{{second(0), second(60)}},
		Release: Members{Pods: map[string]bool{"web-0": true}}.From("web-0", second(31))}
	got := sample(t, (&server{t: t}).sampler(), sig, sub)["a"][0]
	if !strings.Contains(got.Error, "cannot tell the versions of a StatefulSet apart") {
		t.Errorf("measured %+v", got)
	}
}

// The pods of DaemonSet node-agent look like those of a Deployment node, and are no peer of it.
func TestADaemonSetIsNotItsOwnPeer(t *testing.T) {
	for name, want := range map[string]string{"node-agent": "node", "agent": "", "log-node-agent": "log-node"} {
		if got := (Suspicion{Workload: name, DaemonSet: true}).takenFor(); got != want {
			t.Errorf("%s is taken for %q, want %q", name, got, want)
		}
	}
	if got := (Suspicion{Workload: "node-agent"}).takenFor(); got != "" {
		t.Errorf("a Deployment is taken for %q", fmt.Sprint(got))
	}
}

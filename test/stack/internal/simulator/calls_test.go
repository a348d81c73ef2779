package simulator

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// routes name the pod of each Service.
type routes map[string]string

func (r routes) Pick(namespace, service string) (string, bool) {
	pod, found := r[namespace+"/"+service]
	return pod, found
}

// connected serves pods that can call each other.
func connected(t *testing.T, r routes) *Simulator {
	t.Helper()
	s := newSimulator()
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	s.Connect(r, strings.TrimPrefix(server.URL, "http://"))
	return s
}

func TestFailureOfACalleeIsTheCallersToo(t *testing.T) {
	s := connected(t, routes{"shared/pay": "pay-1"})
	callee := readyPod("b", "pay:v1")
	callee.Namespace, callee.Name, callee.Labels = "shared", "pay-1", map[string]string{"app": "pay"}
	s.Observe(callee)
	caller := readyPod("a", "app:v1")
	caller.Annotations[annotationCalls] = "shared/pay"
	s.Observe(caller)
	expect := func(code int, series string) {
		t.Helper()
		if got, _ := get(t, s, "/pods/shop/web-1/"); got != code {
			t.Errorf("the caller answered %d instead of %d", got, code)
		}
		if _, body := get(t, s, "/pods/shop/web-1/metrics"); !strings.Contains(body, series) {
			t.Errorf("the caller's metrics lack %s:\n%s", series, body)
		}
	}
	const labels = `app_calls_total{app="web",callee="shared/pay",caller="web",code=`
	expect(http.StatusOK, labels+`"200",namespace="shop",pod="web-1",version="v1"} 1`)

	callee = callee.DeepCopy()
	callee.Annotations[annotationErrorRatio] = "1"
	s.Observe(callee)
	expect(http.StatusBadGateway, labels+`"500",namespace="shop",pod="web-1",version="v1"} 1`)
	if _, body := get(t, s, "/pods/shared/pay-1/metrics"); !strings.Contains(body, `code="500"`) {
		t.Errorf("the callee did not count the call:\n%s", body)
	}
}

func TestServiceWithoutPodsCannotBeCalled(t *testing.T) {
	s := connected(t, routes{})
	pod := readyPod("a", "app:v1")
	pod.Annotations[annotationCalls] = "pay"
	s.Observe(pod)
	if code, _ := get(t, s, "/pods/shop/web-1/"); code != http.StatusBadGateway {
		t.Errorf("the caller answered %d", code)
	}
	if _, body := get(t, s, "/pods/shop/web-1/metrics"); !strings.Contains(body, `callee="pay",caller="web",code="none"`) {
		t.Errorf("the caller's metrics do not show the call:\n%s", body)
	}
}

func TestCallsInACircleEnd(t *testing.T) {
	s := connected(t, routes{"shop/web": "web-1"})
	pod := readyPod("a", "app:v1")
	pod.Annotations[annotationCalls] = "web"
	s.Observe(pod)
	if code, _ := get(t, s, "/pods/shop/web-1/"); code != http.StatusBadGateway {
		t.Errorf("a pod that calls itself answered %d", code)
	}
	if pods := s.Pods(""); pods[0].Requests != maxHops+1 {
		t.Errorf("one request became %d", pods[0].Requests)
	}
}

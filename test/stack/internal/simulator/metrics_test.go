package simulator

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestRequestsServedWithoutInboundSeries(t *testing.T) {
	s := connected(t, routes{})
	pod := readyPod("a", "app:v1-noinbound")
	pod.Annotations[annotationCalls] = "pay"
	s.Observe(pod)
	get(t, s, "/pods/shop/web-1/")
	code, body := get(t, s, "/pods/shop/web-1/metrics")
	if code != http.StatusOK || strings.Contains(body, "http_request") || !strings.Contains(body, "app_calls_total{") {
		t.Errorf("status %d, metrics:\n%s", code, body)
	}
	if pods := s.Pods(""); pods[0].Requests != 1 {
		t.Errorf("the pod served %d requests", pods[0].Requests)
	}
}

func TestNativeHistogramsComeBesidesClassicOnes(t *testing.T) {
	for image, native := range map[string]bool{"app:v1": false, "app:v1-native": true} {
		s := newSimulator()
		s.Observe(readyPod("a", image))
		get(t, s, "/pods/shop/web-1/")
		registry := prometheus.NewRegistry()
		registry.MustRegister(s.pod("shop", "web-1").metrics.Load().duration)
		families, err := registry.Gather()
		if err != nil || len(families) != 1 {
			t.Fatalf("%d histograms: %v", len(families), err)
		}
		h := families[0].GetMetric()[0].GetHistogram()
		if len(h.GetBucket()) < 10 || h.GetSampleCount() != 1 {
			t.Errorf("%s: the classic histogram is incomplete: %v", image, h)
		}
		if got := h.Schema != nil; got != native {
			t.Errorf("%s: native histogram: %t", image, got)
		}
	}
}

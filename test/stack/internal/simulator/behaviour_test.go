package simulator

import (
	"slices"
	"testing"
	"time"
)

func TestParseBehaviour(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		name, image string
		annotations map[string]string
		want        Behaviour
		wantError   bool
	}{
		{name: "plain tag", image: "shop/app:v1", want: Behaviour{Median: 20 * ms, P95: 40 * ms}},
		{name: "no tag", image: "registry:5000/shop/app", want: Behaviour{Median: 20 * ms, P95: 40 * ms}},
		{name: "errors", image: "app:v2-errors33", want: Behaviour{ErrorRatio: .33, Median: 20 * ms, P95: 40 * ms}},
		{name: "fraction of a percent", image: "app:v2-errors0.5", want: Behaviour{ErrorRatio: .005, Median: 20 * ms, P95: 40 * ms}},
		{name: "slow", image: "app:v2-slow800ms", want: Behaviour{Median: 800 * ms, P95: 1600 * ms}},
		{name: "slow with tail", image: "app:v2-slow800ms-p952s", want: Behaviour{Median: 800 * ms, P95: 2000 * ms}},
		{name: "tail only", image: "app:v2-p95300ms", want: Behaviour{Median: 20 * ms, P95: 300 * ms}},
		{name: "all with digest", image: "h:5/app:v2-errors10-slow1s-after30s-nometrics@sha256:abc",
			want: Behaviour{ErrorRatio: .1, Median: 1000 * ms, P95: 2000 * ms, Onset: 30 * time.Second, MetricsOff: true}},
		{name: "switches", image: "app:v2-onebad-noinbound-native",
			want: Behaviour{Median: 20 * ms, P95: 40 * ms, OneBad: true, NoInbound: true, NativeHistograms: true}},
		{name: "words for the cluster", image: "app:v2-crash-notready-pullfail", want: Behaviour{Median: 20 * ms, P95: 40 * ms}},
		{name: "version with dashes", image: "app:v1.2.3-rc1-slowpoke-errors", want: Behaviour{Median: 20 * ms, P95: 40 * ms}},
		{name: "too many errors", image: "app:v2-errors133", want: Behaviour{Median: 20 * ms, P95: 40 * ms}, wantError: true},
		{name: "not a duration", image: "app:v2-slow8", want: Behaviour{Median: 20 * ms, P95: 40 * ms}, wantError: true},
		{name: "annotations win", image: "app:v2-errors33-slow800ms",
			annotations: map[string]string{annotationErrorRatio: "0", annotationLatency: "5ms"},
			want:        Behaviour{Median: 5 * ms, P95: 10 * ms}},
		{name: "all annotations", image: "app:v2",
			annotations: map[string]string{annotationErrorRatio: "0.25", annotationLatency: "20ms", annotationLatencyP95: "80ms", annotationOnset: "30s", annotationMetrics: "off"},
			want:        Behaviour{ErrorRatio: .25, Median: 20 * ms, P95: 80 * ms, Onset: 30 * time.Second, MetricsOff: true}},
		{name: "the other annotations", image: "app:v2-native",
			annotations: map[string]string{annotationMetrics: "no-inbound", annotationScrape: "hang", annotationReset: "1", annotationOneBad: "on", annotationCalls: "shared/pay", annotationHistograms: "classic"},
			want:        Behaviour{Median: 20 * ms, P95: 40 * ms, NoInbound: true, Scrape: ScrapeHangs, Reset: "1", OneBad: true, Calls: "shared/pay"}},
		{name: "no such scrape failure", image: "app:v2", annotations: map[string]string{annotationScrape: "late"},
			want: Behaviour{Median: 20 * ms, P95: 40 * ms}, wantError: true},
		{name: "not the name of a service", image: "app:v2", annotations: map[string]string{annotationCalls: "a/b/c"},
			want: Behaviour{Median: 20 * ms, P95: 40 * ms}, wantError: true},
		{name: "a bad annotation spares the others", image: "app:v2",
			annotations: map[string]string{annotationErrorRatio: "NaN", annotationLatency: "50ms"},
			want:        Behaviour{Median: 50 * ms, P95: 100 * ms}, wantError: true},
		{name: "tail below the median", image: "app:v2",
			annotations: map[string]string{annotationLatency: "50ms", annotationLatencyP95: "10ms"},
			want:        Behaviour{Median: 50 * ms, P95: 50 * ms}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseBehaviour(test.image, test.annotations)
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if (err != nil) != test.wantError {
				t.Errorf("got error %v, want one: %t", err, test.wantError)
			}
		})
	}
}

func TestOnset(t *testing.T) {
	b := Behaviour{ErrorRatio: 1, Median: time.Second, P95: time.Second, Onset: time.Minute, MetricsOff: true}
	if got := b.at(59*time.Second, true); got.ErrorRatio != 0 || got.Median != defaultMedian || !got.MetricsOff {
		t.Errorf("before the onset the pod behaves as %+v", got)
	}
	if got := b.at(time.Minute, true); got != b {
		t.Errorf("from the onset on the pod behaves as %+v", got)
	}
}

func TestOneBadSparesTheOthers(t *testing.T) {
	b := Behaviour{ErrorRatio: 1, Median: time.Second, P95: time.Second, OneBad: true, MetricsOff: true, Scrape: ScrapeHangs, Calls: "pay"}
	if got := b.at(0, true); got != b {
		t.Errorf("the chosen pod behaves as %+v", got)
	}
	want := Behaviour{Median: defaultMedian, P95: defaultP95, OneBad: true, Calls: "pay"}
	if got := b.at(0, false); got != want {
		t.Errorf("another pod behaves as %+v, want %+v", got, want)
	}
}

func TestLatencyFollowsMedianAndP95(t *testing.T) {
	b := Behaviour{Median: 20 * time.Millisecond, P95: 80 * time.Millisecond}
	draws := make([]time.Duration, 20000)
	for i := range draws {
		draws[i] = b.latency()
	}
	slices.Sort(draws)
	within := func(name string, got, want time.Duration) {
		if got < want*9/10 || got > want*11/10 {
			t.Errorf("%s of the draws is %s, want about %s", name, got, want)
		}
	}
	within("the median", draws[len(draws)/2], b.Median)
	within("the P95", draws[len(draws)*95/100], b.P95)
}

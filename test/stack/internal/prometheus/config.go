package prometheus

import (
	"fmt"
	"time"
)

// configuration finds the pods through a file that the simulator rewrites whenever a pod comes or
// goes. Prometheus is told of the change by the kernel, so a new pod becomes a target within about
// a quarter of a second. The other ways are slower: Prometheus throttles a discovery that reports
// on every refresh (http_sd) to one update in five seconds, and Kubernetes discovery is throttled in
// the same way during a rollout, when every pod changes several times; it would also make the build
// twice as big, and load the API server for every further Prometheus.
func configuration(targets string, scrape time.Duration) string {
	return fmt.Sprintf(`global:
  scrape_interval: %s
  scrape_timeout: %s
scrape_configs:
- job_name: pods
  # The pods put namespace, pod, app and version on their series themselves.
  honor_labels: true
  # Pods that have native histograms keep the classic ones, so that the two can be compared. Others are not affected.
  scrape_native_histograms: true
  always_scrape_classic_histograms: true
  file_sd_configs:
  - files: [%q]
  relabel_configs:
  # All pods are served on one address; without this they would all be the same instance.
  - source_labels: [namespace, pod]
    separator: /
    target_label: instance
`, milliseconds(scrape), milliseconds(scrape), targets)
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }

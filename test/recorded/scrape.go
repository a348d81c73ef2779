package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/promclient"
	"github.com/rollbackd/rollbackd/test/recorded/recording"
)

// scraper is a Prometheus that scrapes the API server and the pods every second.
type scraper struct {
	cmd     *exec.Cmd
	url     string
	targets string
}

// configuration is that of the scraper. What nobody judges by is not kept: series of watches, and most bounds of the histogram.
func configuration(s localstack.Addresses, targets string) string {
	return fmt.Sprintf(`global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- job_name: catalogue
  file_sd_configs: [{files: [%q], refresh_interval: 5s}]
- job_name: kube-apiserver
  scheme: https
  authorization: {credentials: %q}
  tls_config: {ca_file: %q}
  static_configs: [{targets: [%q], labels: {namespace: kube-system, workload: kube-apiserver}}]
  metric_relabel_configs:
  - {source_labels: [__name__], regex: apiserver_request_total|apiserver_request_duration_seconds_bucket, action: keep}
  - {source_labels: [verb], regex: WATCH|CONNECT, action: drop}
  - {source_labels: [le], regex: '|0.005|0.025|0.05|0.1|0.2|\+Inf', action: keep}
`, targets, s.Token, s.CAFile, strings.TrimPrefix(s.APIServer, "https://"))
}

// scrape starts a scraper.
func scrape(dir string, s localstack.Addresses) (*scraper, error) {
	root, err := localstack.Root()
	if err != nil {
		return nil, err
	}
	programs, err := filepath.Glob(filepath.Join(root, ".stack", "bin", "prometheus-*"))
	if err != nil || len(programs) == 0 {
		return nil, errors.Join(errors.New("there is no Prometheus; build it with make stack-programs"), err)
	}
	r := &scraper{targets: filepath.Join(dir, "targets.json")}
	file := filepath.Join(dir, "prometheus.yaml")
	if err := os.WriteFile(file, []byte(configuration(s, r.targets)), 0o600); err != nil {
		return nil, err
	}
	r.cmd = exec.Command(programs[0], "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0")
	log, err := r.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	listening := regexp.MustCompile(`msg="Listening on".* address=(\S+)`)
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil && len(address) == 0 {
				address <- m[1]
			}
		}
	}()
	select {
	case a := <-address:
		r.url = "http://" + a
		return r, nil
	case <-time.After(time.Minute):
		return nil, errors.Join(errors.New("the started Prometheus does not listen"), r.stop())
	}
}

func (r *scraper) stop() error {
	_ = r.cmd.Process.Kill()
	_, err := r.cmd.Process.Wait()
	return err
}

// follow scrapes these pods from now on.
func (r *scraper) follow(pods []*pod) error {
	var groups []string
	for _, p := range pods {
		groups = append(groups, fmt.Sprintf(`{"targets":[%q],"labels":{"namespace":%q,"pod":%q}}`, p.address, namespace, p.name))
	}
	next := r.targets + ".new"
	if err := os.WriteFile(next, []byte("["+strings.Join(groups, ",")+"]"), 0o600); err != nil {
		return err
	}
	return os.Rename(next, r.targets)
}

// take reads everything that was scraped in a span that ends at a time.
func (r *scraper) take(ctx context.Context, span time.Duration, at time.Time) (recording.Recording, error) {
	var out recording.Recording
	client, err := promclient.New(r.url, http.DefaultClient)
	if err != nil {
		return out, err
	}
	query := fmt.Sprintf(`{__name__=~"http_requests_total|http_request_duration_seconds_(bucket)|apiserver_request_.*"}[%ds]`, int(span.Seconds()))
	warnings, err := client.Samples(ctx, query, at, func(s *model.SampleStream) {
		one := recording.Series{Labels: map[string]string{}}
		for name, value := range s.Metric {
			one.Labels[string(name)] = string(value)
		}
		for _, p := range s.Values {
			one.Samples = append(one.Samples, recording.Sample{T: int64(p.Timestamp), V: int64(p.Value)})
		}
		out.Series = append(out.Series, one)
	})
	if err == nil && len(warnings) > 0 {
		err = fmt.Errorf("an incomplete answer: %v", warnings)
	}
	return out, err
}

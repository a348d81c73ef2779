package config

import (
	"fmt"
	"path/filepath"
	"strings"

	promconfig "github.com/prometheus/common/config"

	"github.com/rollbackd/rollbackd/notifier"
)

// GrafanaSink draws each watched deployment as an annotation of Grafana, which is a region from the deployment to the end of its watch or incident.
type GrafanaSink struct {
	// URL is Grafana's base address, such as http://grafana:3000. Required.
	URL string `yaml:"url"`
	// TokenFile holds the token of a service account that may read, create and write annotations; surrounding white space is dropped. Required.
	TokenFile string `yaml:"tokenFile"`
	// DashboardUID ties the annotations to one dashboard. Without it, any dashboard may show them by their tags.
	DashboardUID string `yaml:"dashboardUID"`
	// PanelID ties them to one panel of that dashboard.
	PanelID uint64 `yaml:"panelID"`
	// Tags are added to those that each annotation has anyway.
	Tags []string `yaml:"tags"`
	// HTTPClient is Prometheus' own client configuration, for TLS and proxies. It may not authenticate, because the token does.
	HTTPClient *promconfig.HTTPClientConfig `yaml:"httpClient"`
}

// The most that an annotation may be configured to have.
const (
	mostPanelID = 1 << 31
	mostTag     = 80
	mostTags    = 5
)

func (s *GrafanaSink) check(k *checker, field func(...any) []any) {
	k.receiverURL(field("url"), s.URL, "http://grafana:3000")
	k.secretFile(field("tokenFile"), s.TokenFile, "the service account's token")
	switch {
	case s.PanelID >= mostPanelID:
		k.say(field("panelID"), "%d is not a panel's ID; Grafana shows it in the address of a panel that is viewed", s.PanelID)
	case s.PanelID > 0 && s.DashboardUID == "":
		k.say(field("panelID"), "is that of no dashboard; give dashboardUID too")
	}
	if len(s.Tags) > mostTags {
		k.say(field("tags"), "are more than %d, and Grafana bounds what all tags of an annotation may have", mostTags)
	}
	for i, t := range s.Tags {
		if t != strings.TrimSpace(t) || t == "" || len(t) > mostTag {
			k.say(field("tags", i), "%q is not a tag; use 1 to %d characters", t, mostTag)
		}
	}
	k.httpClient(field("httpClient"), s.HTTPClient)
	if h := s.HTTPClient; h != nil && (h.BasicAuth != nil || h.Authorization != nil || h.OAuth2 != nil) {
		k.say(field("httpClient"), "authenticates, as tokenFile does; keep one of them: tokenFile")
	}
}

func (s *GrafanaSink) resolve(file string) {
	s.TokenFile = relativeTo(file, s.TokenFile)
	if s.HTTPClient != nil {
		s.HTTPClient.SetDirectory(filepath.Dir(file))
	}
}

func (*GrafanaSink) manner() manner { return manner{} }

func (s *GrafanaSink) build(name string, _ SinkTools) (notifier.Sink, error) {
	client, err := sinkClient(s.HTTPClient)
	if err != nil {
		return nil, fmt.Errorf("grafana.httpClient: %w", err)
	}
	token, err := secretFile(s.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("grafana.tokenFile: %w", err)
	}
	return notifier.NewGrafana(notifier.GrafanaOptions{
		Name: name, URL: s.URL, Token: token, DashboardUID: s.DashboardUID, PanelID: int64(s.PanelID), Tags: s.Tags, Client: client,
	}), nil
}

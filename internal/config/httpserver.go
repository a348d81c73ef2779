package config

import (
	"fmt"
	"os"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v4"
)

// This file is about who may ask the daemon's own endpoints.

// WebConfigError says why the file of http.webConfig cannot be used; nil if it can, or if there is none.
func (h HTTP) WebConfigError() error {
	if h.WebConfig == "" {
		return nil
	}
	if err := web.Validate(h.WebConfig); err != nil {
		return fmt.Errorf("http.webConfig: %s: %w", h.WebConfig, err)
	}
	if h.TokenFile == "" {
		return nil
	}
	text, err := os.ReadFile(h.WebConfig)
	if err != nil {
		return fmt.Errorf("http.webConfig: %w", err)
	}
	var file struct {
		Users map[string]any `yaml:"basic_auth_users"`
	}
	if err := yaml.Load(text, &file); err != nil {
		return fmt.Errorf("http.webConfig: %s: %w", h.WebConfig, err)
	}
	if len(file.Users) > 0 {
		return fmt.Errorf("http.tokenFile: %s has basic_auth_users, and no request can show both; remove one of the two", h.WebConfig)
	}
	return nil
}

// Token returns what reads the token that every request must show, anew each time; nil if none is asked for.
func (h HTTP) Token() func() (string, error) {
	if h.TokenFile == "" {
		return nil
	}
	return func() (string, error) { return readSecret(h.TokenFile) }
}

// TokenError says why the file of http.tokenFile cannot be used; nil if it can, or if there is none.
func (h HTTP) TokenError() error {
	if h.TokenFile == "" {
		return nil
	}
	if _, err := readSecret(h.TokenFile); err != nil {
		return fmt.Errorf("http.tokenFile: %w", err)
	}
	return nil
}

func (h *HTTP) resolve(file string) {
	h.WebConfig, h.TokenFile = relativeTo(file, h.WebConfig), relativeTo(file, h.TokenFile)
}

package config

import (
	"net/http"
	"strings"

	promconfig "github.com/prometheus/common/config"
)

// This file holds what sinks of HTTP receivers have in common.

// sinkClient makes a client by Prometheus' configuration; nil where there is none.
func sinkClient(c *promconfig.HTTPClientConfig) (*http.Client, error) {
	if c == nil {
		return nil, nil
	}
	return promconfig.NewClientFromConfig(*c, "rollbackd")
}

// receiverURL checks the base address of a receiver.
func (c *checker) receiverURL(at []any, text, example string) {
	switch {
	case strings.Contains(text, "@"): // perhaps a password, so it is not shown
		c.say(at, "may not hold a user or a password; put secrets into a file that the configuration names")
	case !webAddress(text) || strings.ContainsAny(text, "?#"):
		c.say(at, "%q is not a base address; write it as %s", text, example)
	}
}

func (c *checker) httpClient(at []any, client *promconfig.HTTPClientConfig) {
	if client == nil {
		return
	}
	if err := client.Validate(); err != nil {
		c.say(at, "%v", err)
	}
}

// secretFile checks that the path of a file with a secret is given.
func (c *checker) secretFile(at []any, path, what string) {
	if path == "" {
		c.say(at, "is missing; name the file that holds %s", what)
	}
}

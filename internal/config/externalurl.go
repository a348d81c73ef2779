package config

import (
	"net/url"
	"strings"
)

func (h HTTP) check(k *checker) {
	u, err := url.Parse(h.ExternalURL)
	switch {
	case h.ExternalURL == "":
	case strings.Contains(h.ExternalURL, "@"): // perhaps a password, so it is not shown
		k.say([]any{"http", "externalURL"}, "may not hold a user or a password; it is shown to everybody")
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https":
		k.say([]any{"http", "externalURL"}, "%q is not an address that people can open; use http:// or https://, a host, and a path if need be, without a query", h.ExternalURL)
	}
}

// Link returns the address of a page for people, such as incidents/ID; empty where it is not known by what address they reach the daemon.
// Each part is escaped.
func (h HTTP) Link(parts ...string) string {
	if h.ExternalURL == "" {
		return ""
	}
	link := strings.TrimRight(h.ExternalURL, "/")
	for _, part := range parts {
		link += "/" + url.PathEscape(part)
	}
	return link
}

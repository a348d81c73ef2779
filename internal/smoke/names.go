package smoke

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Names are what the placeholders of a URL stand for.
type Names struct {
	Namespace, Workload, Version string
}

// dnsName is what may stand in a host.
const dnsName = `^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`

// Expand puts the names into a URL, escaped for the place where they stand: what an event holds cannot lead a request to another host
// or path.
func (n Names) Expand(address string) (string, error) {
	host, path, query, err := split(address)
	if err != nil {
		return "", err
	}
	for placeholder, value := range n.values() {
		if strings.Contains(host, placeholder) && !regexp.MustCompile(dnsName).MatchString(value) {
			return "", fmt.Errorf("%q cannot be a part of a host's name", cut(value, 80))
		}
		if strings.Contains(path, placeholder) && strings.Trim(value, ".") == "" {
			return "", fmt.Errorf("%q cannot be a part of a path", cut(value, 80))
		}
	}
	unchanged := func(name string) string { return name }
	return n.replace(host, unchanged) + n.replace(path, url.PathEscape) + n.replace(query, url.QueryEscape), nil
}

func (n Names) values() map[string]string {
	return map[string]string{"{namespace}": n.Namespace, "{workload}": n.Workload, "{version}": n.Version}
}

func (n Names) replace(text string, escape func(string) string) string {
	var pairs []string
	for placeholder, value := range n.values() {
		pairs = append(pairs, placeholder, escape(value))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// split cuts a URL into what comes before the path, the path, and the query with its question mark.
func split(address string) (host, path, query string, err error) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return "", "", "", fmt.Errorf("%q is not an address of a web server; write it as http://{workload}.{namespace}.svc/healthz", address)
	}
	if i := strings.IndexByte(rest, '?'); i >= 0 {
		rest, query = rest[:i], rest[i:]
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest, path = rest[:i], rest[i:]
	}
	return scheme + "://" + rest, path, query, nil
}

// CheckURL returns what is wrong with a URL that may hold placeholders.
func CheckURL(address string) error {
	host, _, _, err := split(address)
	switch {
	case err != nil:
		return err
	case strings.Contains(host, "{version}"):
		return fmt.Errorf("%q has {version} in the host, which need not be a host's name; put it into the path or the query", address)
	}
	full, err := Names{Namespace: "namespace", Workload: "workload", Version: "version"}.Expand(address)
	if err != nil {
		return err
	}
	parsed, err := url.Parse(full)
	switch {
	case err != nil || parsed.Host == "":
		return fmt.Errorf("%q is not an address of a web server; write it as http://{workload}.{namespace}.svc/healthz", address)
	case parsed.User != nil:
		return fmt.Errorf("%q holds a password, which would be recorded; ask for something that needs none", parsed.Redacted())
	case strings.ContainsAny(full, "{}"):
		return fmt.Errorf("%q has a placeholder that is not known; use {namespace}, {workload} and {version}", address)
	case strings.Contains(full, "#"):
		return fmt.Errorf("%q has a fragment, which no server sees; remove it", address)
	}
	return nil
}

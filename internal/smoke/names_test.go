package smoke

import (
	"strings"
	"testing"
)

func TestPlaceholdersAreEscapedForWhereTheyStand(t *testing.T) {
	const address = "http://{workload}.{namespace}.svc:8080/v/{version}/x?want={version}&w={workload}"
	for version, want := range map[string]string{
		"v1":                "http://checkout.shop.svc:8080/v/v1/x?want=v1&w=checkout",
		"a/../b?c=d&e#f %g": "http://checkout.shop.svc:8080/v/a%2F..%2Fb%3Fc=d&e%23f%20%25g/x?want=a%2F..%2Fb%3Fc%3Dd%26e%23f+%25g&w=checkout",
		"\r\nHost: evil":    "http://checkout.shop.svc:8080/v/%0D%0AHost:%20evil/x?want=%0D%0AHost%3A+evil&w=checkout",
		"{namespace}":       "http://checkout.shop.svc:8080/v/%7Bnamespace%7D/x?want=%7Bnamespace%7D&w=checkout",
	} {
		if got, err := (Names{Namespace: "shop", Workload: "checkout", Version: version}).Expand(address); err != nil || got != want {
			t.Errorf("version %q gives %s (%v), want %s", version, got, err, want)
		}
	}
	if got, err := (Names{Namespace: "shop", Workload: "checkout", Version: ".."}).Expand(address); err == nil {
		t.Errorf("the version leads to another path: %s", got)
	}
	for _, workload := range []string{"evil.example/", "user@evil.example", "", "-a", "a:80"} {
		if got, err := (Names{Namespace: "shop", Workload: workload}).Expand(address); err == nil {
			t.Errorf("workload %q is let into the host: %s", workload, got)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for address, says := range map[string]string{
		"http://{workload}.{namespace}.svc/{version}?v={version}": "",
		"https://shop.example":                 "",
		"shop.example/healthz":                 "is not an address of a web server",
		"file:///etc/passwd":                   "is not an address of a web server",
		"http:///path":                         "is not an address of a web server",
		"http://a:b@shop.example/":             "holds a password",
		"http://{version}.shop.example/":       "has {version} in the host",
		"http://shop.example/{revision}":       "has a placeholder that is not known",
		"http://shop.example/#top":             "has a fragment",
		"http://shop.example:{namespace}/path": "is not an address of a web server",
	} {
		err := CheckURL(address)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", address, err, says)
		}
	}
}

package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLinks(t *testing.T) {
	require.Empty(t, HTTP{}.Link("incidents", "i"), "without an address there is no link")
	for _, address := range []string{"https://tools.example.com/rollbackd", "https://tools.example.com/rollbackd/"} {
		require.Equal(t, "https://tools.example.com/rollbackd/incidents/a%2F..%3Fb", HTTP{ExternalURL: address}.Link("incidents", "a/..?b"))
	}
}

func wrongPages() []mistaken {
	const needs = " is not an address that people can open; use http:// or https://, a host, and a path if need be, without a query"
	return []mistaken{
		{inTop("http: {externalURL: rollbackd.example.com}"), []string{`line 4: http.externalURL: "rollbackd.example.com"` + needs}},
		{inTop(`http: {externalURL: "javascript:alert(1)"}`), []string{`line 4: http.externalURL: "javascript:alert(1)"` + needs}},
		{inTop("http: {externalURL: https://a/?b}"), []string{`line 4: http.externalURL: "https://a/?b"` + needs}},
		{inTop("http: {externalURL: https://ana:secret@a}"), []string{`line 4: http.externalURL: may not hold a user or a password; it is shown to everybody`}},
	}
}

package notifier

import "testing"

func TestWebLink(t *testing.T) {
	for in, want := range map[string]string{
		"https://rollbackd.example/incidents/a-1/": "https://rollbackd.example/incidents/a-1/",
		"http://127.0.0.1:9654/watches/x?tab=1&b":  "http://127.0.0.1:9654/watches/x?tab=1&b",
		"https://r.example/a b\u202e":              "https://r.example/a%20b%E2%80%AE",
		"https://r.example/?q=\u202e":              "",
		"https://r.example/?q=<!channel>":          "",
		"https://r.example/?q=a|b":                 "",
		"https://r.example/?q=\"onclick=":          "",
		"javascript:alert(1)":                      "",
		"//r.example/x":                            "",
		"/incidents/x":                             "",
		"https://":                                 "",
		"":                                         "",
	} {
		if got := webLink(in); got != want {
			t.Errorf("webLink(%q) = %q, want %q", in, got, want)
		}
	}
}

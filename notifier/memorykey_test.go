package notifier

import (
	"strings"
	"testing"
)

func TestMemoryKeys(t *testing.T) {
	for about, want := range map[string]string{
		"incident-20261122T100510Z-2":  "chat/incident-20261122T100510Z-2",
		"C024BE91L.production.shop.0a": "chat/C024BE91L.production.shop.0a",
		"a/b":                          "chat/=c14cddc033f64b9dea80ea675cf280a0",
		"ends.":                        "chat/=bd2c5e3f7682e76aec0978d4cd3e06d6",
		"":                             "chat/=e3b0c44298fc1c149afbf4c8996fb924",
		"..":                           "chat/=5ec1f7e700f37c3d0b2981d04855fc34",
	} {
		if got := memoryKey("chat", about); got != want {
			t.Errorf("memoryKey(%q) = %s, want %s", about, got, want)
		}
	}
	if got := memoryKey("chat", strings.Repeat("x", 1000)); len(got) > 64 {
		t.Errorf("a long name makes the key %s", got)
	}
}

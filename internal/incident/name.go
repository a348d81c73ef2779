package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	// maxName bounds a safe name in bytes; with what is put around it, it fits every file system.
	maxName = 100
	// nameHash is how many hexadecimal digits of a hash keep changed names apart.
	nameHash = 10
)

// SafeName makes a file name out of any string. Plain names stay as they are. Others get a hash of the original, so
// that names which differ stay different; plain names that look as if they had such a hash get one too.
func SafeName(s string) string {
	safe := strings.Map(func(r rune) rune {
		if r == '/' || !plain(r) {
			return '-'
		}
		return r
	}, s)
	safe = strings.TrimLeft(safe, ".")
	if safe == s && s != "" && len(s) <= maxName && !endsInHash(s) {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	suffix := "-" + hex.EncodeToString(sum[:])[:nameHash]
	if safe == "" {
		safe = "unnamed"
	}
	return safe[:min(len(safe), maxName-len(suffix))] + suffix
}

func endsInHash(s string) bool {
	cut := len(s) - nameHash
	if cut < 1 || s[cut-1] != '-' {
		return false
	}
	return strings.Trim(s[cut:], "0123456789abcdef") == ""
}

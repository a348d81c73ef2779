package notifier

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
)

var memorable = regexp.MustCompile(`^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*$`)

// memoryKey is the key under which a sink remembers something of an incident. Names that a Memory does not take are hashed.
func memoryKey(sink, about string) string {
	return memorablePart(sink) + "/" + memorablePart(about)
}

func memorablePart(s string) string {
	if len(s) <= 128 && memorable.MatchString(s) {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "=" + hex.EncodeToString(sum[:16])
}

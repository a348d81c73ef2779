package mask

import (
	"regexp"
	"strings"
)

// This file finds secrets that no name assigns: those that a command takes by a short flag, and those that a sentence tells.

// passed are commands with their passwords, of which the last group is the secret.
var passed = []struct {
	hint       string
	expression *regexp.Regexp
}{
	// -u user:password of curl and its like. Numbers are the user and the group of a process.
	{"-u", regexp.MustCompile(`(?:^|\s)-u[ =]*["']?[^\s:"'0-9][^\s:"']*:([^\s"']+)`)},
	{"user", regexp.MustCompile(`(?:^|\s)--(?:proxy-)?user[ =]+["']?[^\s:"'0-9][^\s:"']*:([^\s"']+)`)},
	{"sshpass", regexp.MustCompile(`\bsshpass\b(?:\s+-[A-Za-oq-z]\S*)*\s+-p\s*["']?([^\s"']+)`)},
	{"mysql", regexp.MustCompile(`\bmysql(?:dump|admin|show|import)?\b[^\n;|]*?\s-p["']?([^\s"']+)`)},
	{"redis-cli", regexp.MustCompile(`\bredis-cli\b[^\n;|]*?\s-a\s*["']?([^\s"']+)`)},
	{"ldap", regexp.MustCompile(`\bldap\w+\b[^\n;|]*?\s-w\s*["']?([^\s"']+)`)},
	{"docker", regexp.MustCompile(`\bdocker\s+login\b[^\n;|]*?\s-p\s*["']?([^\s"']+)`)},
	// Whoever has the address of a webhook may write to it.
	{"hooks.slack.com", regexp.MustCompile(`hooks\.slack\.com/(?:services|workflows|triggers)/([\w/-]+)`)},
	{"/webhooks/", regexp.MustCompile(`/api/webhooks/(\d+/[\w-]+)`)},
}

// told matches a sentence that tells a secret, with what follows the verb.
var told = regexp.MustCompile(`(?i)\b(?:pass(?:word|wd|phrase|code)|pwd|secret|token|(?:api|access|secret|private)[ _-]?key)[ \t]+(?:is|was|set to|changed to|reset to)[ \t]*:?[ \t]*["'` + "`" + `]?([^\s"'` + "`" + `]+)`)

// harmlessWord reports whether a sentence about a password that goes on with this word does not tell it.
func harmlessWord(word string) bool {
	switch strings.ToLower(strings.Trim(word, ".,;:!?()")) {
	case "", "a", "about", "accepted", "already", "also", "an", "as", "at", "bad", "being", "blank", "by", "changed", "correct", "denied", "deprecated", "different", "disabled", "either",
		"empty", "enabled", "encrypted", "expired", "expiring", "false", "for", "found", "from", "given", "good", "hidden", "in", "incorrect", "invalid", "it", "just", "known", "length", "less",
		"longer", "malformed", "mandatory", "missing", "more", "mounted", "needed", "never", "nil", "no", "none", "not", "now", "null", "of", "ok", "old", "on", "only", "optional", "older",
		"out", "outdated", "present", "provided", "read", "refused", "rejected", "required", "reset", "revoked", "rotated", "sent", "set", "shorter", "still", "stored", "that", "the", "this",
		"to", "too", "true", "undefined", "unknown", "unset", "unsupported", "used", "valid", "verified", "weak", "what", "with", "without", "wrong", "your":
		return true
	}
	return false
}

// spoken finds them.
func spoken(text string) []span {
	var found []span
	for _, p := range passed {
		if !strings.Contains(text, p.hint) {
			continue
		}
		for _, at := range p.expression.FindAllStringSubmatchIndex(text, -1) {
			found = append(found, span{at[2], at[3]})
		}
	}
	if !hinted(text) {
		return found
	}
	for _, at := range told.FindAllStringSubmatchIndex(text, -1) {
		if !harmlessWord(text[at[2]:at[3]]) {
			found = append(found, span{at[2], at[3]})
		}
	}
	return found
}

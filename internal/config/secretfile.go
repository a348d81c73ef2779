package config

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
)

// maxSecret is how many bytes a file with a secret may have.
const maxSecret = 64 << 10

// secretFile returns a function that reads a secret from a file: whenever it is asked, so that a secret which was replaced is used at once. It is tried
// here already, so that what is wrong is known before there is anything to tell. Errors name the file and never show what is in it.
func secretFile(path string) (func() (string, error), error) {
	read := func() (string, error) { return readSecret(path) }
	_, err := read()
	return read, err
}

func readSecret(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(data))
	switch {
	case len(data) > maxSecret:
		return "", fmt.Errorf("%s has more than %d bytes; it should hold the secret and nothing else", path, maxSecret)
	case secret == "":
		return "", fmt.Errorf("%s is empty; it should hold the secret", path)
	case strings.ContainsFunc(secret, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }):
		return "", fmt.Errorf("%s has more than one line, or is no text; it should hold the secret and nothing else", path)
	}
	return secret, nil
}

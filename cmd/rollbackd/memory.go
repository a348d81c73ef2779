package main

import (
	"os"
	"runtime/debug"
)

// garbage is how much may be allocated before memory is collected, in per cent of what is in use. A daemon with a thousand watches
// has plenty of time and should need little memory; Go's own default is 100.
const garbage = 50

// frugal has memory collected sooner, unless GOGC says otherwise.
func frugal() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
}

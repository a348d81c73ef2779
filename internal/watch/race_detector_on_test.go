//go:build race

package watch

// racesRun is how many races are run: with the race detector, which slows them sixfold and has nothing to find where only
// one goroutine runs, a few.
const racesRun = 40

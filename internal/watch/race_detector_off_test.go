//go:build !race

package watch

// racesRun is how many races are run.
const racesRun = 500

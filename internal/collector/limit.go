// Package collector has Go's garbage collector run in time: a daemon that watches a thousand deployments has plenty of it and should need
// little memory.
//
// Two numbers say when it runs. GOGC is how much may be allocated in proportion to what is in use. The soft limit is how much there may be
// in all before it runs sooner than that, and gives back to the system what is free. By GOGC alone a burst, such as that of a thousand
// deployments announced at once, is collected after it has taken half as much again as all that is in use then.
package collector

const (
	// percent is how much may be allocated before memory is collected, in per cent of what is in use; Go's own default is 100.
	percent = 50
	// room is how much memory may be had, in bytes, before it is collected sooner than that: with about 60 MiB of the program itself a
	// thousand watches stay below 200 MiB.
	room = 120 << 20
	// least is the part of what is in use that may always be allocated on top of it: to collect sooner still would take more time than
	// it saves memory.
	least = 0.25
)

// Use is what a process has of memory, in bytes.
type Use struct {
	// Live is what the newest collection found in use on the heap, Other what is not of the heap: stacks and the runtime's own.
	Live, Other uint64
}

// Limit returns the soft limit for a process that uses so much, in bytes. It is most at the most.
func Limit(u Use, most int64) int64 {
	need := float64(u.Other) + float64(u.Live)*(1+least)
	if need < room {
		need = room
	}
	if need > float64(most) {
		return most
	}
	return int64(need)
}

package chaos

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

// blow is what befalls a machine, and how that ends.
type blow struct {
	name string
	// takenOver says that the other replica is to lead then. One that is cut off from NATS alone still holds the lease.
	takenOver    bool
	strike, heal func(*replica)
}

func blows() []blow {
	return []blow{
		{"killed", true, func(r *replica) { r.kill() }, func(r *replica) { r.launch("") }},
		{"frozen", true, func(r *replica) { r.signal(syscall.SIGSTOP) }, func(r *replica) { r.signal(syscall.SIGCONT) }},
		{"cut off from NATS and the API server", true,
			func(r *replica) { r.nats.part(); r.api.part() }, func(r *replica) { r.nats.heal(); r.api.heal() }},
		{"cut off from NATS", false, func(r *replica) { r.nats.part() }, func(r *replica) { r.nats.heal() }},
	}
}

// strikes has each blow hit whichever replica leads, twice, in an order and at moments that chance decides. Each is over before the
// next, and it is measured how long the other one takes to lead.
func (rs replicas) strikes(f *fleet) func(*rand.Rand) {
	return func(r *rand.Rand) {
		all := append(blows(), blows()...)
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, b := range all {
			pause(f.t, time.Duration(2+r.IntN(5))*time.Second)
			i := rs.leader(f.t)
			struck, other := rs[i], rs[1-i]
			at := time.Now()
			b.strike(struck)
			note := fmt.Sprintf("%s: the leader was %s", at.Sub(f.began).Round(time.Second), b.name)
			if b.takenOver {
				eventually(f.t, time.Minute, func() (bool, string) { return other.leads(), "the other replica does not take over after " + note })
				note += fmt.Sprintf(", the other one led after %.1f s", time.Since(at).Seconds())
				pause(f.t, time.Duration(r.IntN(8))*time.Second)
			} else {
				pause(f.t, time.Duration(5+r.IntN(15))*time.Second)
			}
			b.heal(struck)
			note += fmt.Sprintf(", and it was over after %.0f s", time.Since(at).Seconds())
			f.t.Log(note)
			f.world.tables.fault(f.table, note)
		}
	}
}

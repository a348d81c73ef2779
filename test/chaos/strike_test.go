package chaos

import (
	"math/rand/v2"
	"syscall"
	"time"
)

// strike does to either daemon, at random moments, what befalls machines. Each is over before the next.
func (f *fleet) strike(r *rand.Rand, daemons []*daemon, lines []*wire) {
	for _, blow := range []string{"kill", "freeze", "part", "kill", "freeze", "part"} {
		pause(f.t, time.Duration(3+r.IntN(6))*time.Second)
		i := r.IntN(len(daemons))
		f.t.Logf("%.0f s: %s daemon %d", time.Since(f.began).Seconds(), blow, i)
		switch blow {
		case "kill":
			daemons[i].kill()
			pause(f.t, time.Duration(r.IntN(10))*time.Second)
			daemons[i].launch("")
		case "freeze":
			daemons[i].signal(syscall.SIGSTOP)
			pause(f.t, time.Duration(5+r.IntN(30))*time.Second)
			daemons[i].signal(syscall.SIGCONT)
		case "part":
			lines[i].part()
			pause(f.t, time.Duration(5+r.IntN(30))*time.Second)
			lines[i].heal()
		}
	}
}

package localstack

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// The ports that are given out. They lie below those that the usual systems give to outgoing connections (32768 and up on Linux, 49152
// and up elsewhere), of which one may be taken between the moment in which a port is found free and that in which the program that it
// is for listens on it, and above those that the stack takes for its own servers, which it may start at any time.
const (
	firstPort = 26000
	lastPort  = 32000
	portTries = 200
)

// Ports gives out loopback ports, and none of them twice: one that was given out a moment ago looks free until the program that it is for
// listens on it, and does so again while that program is being restarted. The zero value is ready to be used, by several goroutines.
type Ports struct {
	mu    sync.Mutex
	given map[int]bool
}

// FreeAddress returns a loopback address on which nothing listens and that was not given out before, for a program that must be told where
// to listen.
func (p *Ports) FreeAddress() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if p.given[port] {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue // somebody has it
		}
		if p.given == nil {
			p.given = map[int]bool{}
		}
		p.given[port] = true
		return address, l.Close()
	}
	return "", fmt.Errorf("no port from %d to %d is free on loopback", firstPort, lastPort)
}

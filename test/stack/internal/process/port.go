package process

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// The ports of servers lie below those that the usual systems give to outgoing connections (32768 and up on Linux, 49152 and up elsewhere): of these one may be
// taken between the moment in which it is found free and that in which a server listens on it, and where thousands of connections are open none may be left.
// Those from 26000 on are left to the programs that tests start on the stack: their ports look free while they are being restarted.
const (
	firstPort = 20000
	lastPort  = 26000
	portTries = 200
)

// Listen listens on a loopback port that nobody listens on.
func Listen() (net.Listener, error) {
	for range portTries {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort)))
		if err == nil {
			return listener, nil
		}
	}
	return nil, fmt.Errorf("no port from %d to %d is free on loopback", firstPort, lastPort)
}

// FreePorts returns n different loopback TCP ports that nobody listens on. All are held until the last one is found, so that none is found twice.
func FreePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		listener, err := Listen()
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

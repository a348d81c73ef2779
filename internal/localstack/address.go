package localstack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// The ports that FreeAddress gives out. They lie below those that the usual systems give to outgoing connections (32768 and up
// on Linux, 49152 and up elsewhere), of which one may be taken between the moment in which a port is found free and that in which
// the program that it is for listens on it.
const (
	firstPort = 20000
	lastPort  = 32000
	portTries = 200
)

// FreeAddress returns a loopback address on which nothing listens, for a program that must be told where to listen.
func FreeAddress() (string, error) {
	for range portTries {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue // somebody has it
		}
		return address, l.Close()
	}
	return "", errors.New("no port from 20000 to 32000 is free on loopback")
}

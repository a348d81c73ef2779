package process

import (
	"net"
	"testing"
)

// Free ports are different, below those of outgoing connections, and may be listened on.
func TestFreePorts(t *testing.T) {
	ports, err := FreePorts(6)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, port := range ports {
		if seen[port] || port < firstPort || port >= lastPort {
			t.Errorf("port %d is there twice, or not from %d to %d", port, firstPort, lastPort)
		}
		seen[port] = true
	}
	l, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l, err := net.Listen("tcp", l.Addr().String()); err == nil {
		l.Close()
		t.Error("the port that was listened on was free")
	}
}

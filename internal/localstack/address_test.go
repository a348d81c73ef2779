package localstack

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFreeAddressCanBeListenedOn(t *testing.T) {
	address, err := new(Ports).FreeAddress()
	require.NoError(t, err)
	tcp, err := net.ResolveTCPAddr("tcp", address)
	require.NoError(t, err)
	require.True(t, tcp.IP.IsLoopback())
	require.True(t, tcp.Port >= firstPort && tcp.Port < lastPort, address)
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

// So many of so few ports would be sure to come twice if they were not remembered.
func TestPortsAreGivenOutOnce(t *testing.T) {
	var ports Ports
	seen := map[string]bool{}
	for range 600 {
		address, err := ports.FreeAddress()
		require.NoError(t, err)
		require.False(t, seen[address], address)
		seen[address] = true
	}
}

package localstack

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFreeAddressCanBeListenedOn(t *testing.T) {
	address, err := FreeAddress()
	require.NoError(t, err)
	tcp, err := net.ResolveTCPAddr("tcp", address)
	require.NoError(t, err)
	require.True(t, tcp.IP.IsLoopback())
	require.True(t, tcp.Port >= firstPort && tcp.Port < lastPort, address)
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

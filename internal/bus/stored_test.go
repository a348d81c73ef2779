package bus

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A replica that only reads makes nothing, sees what another one stores, and is told only of what changed since it looked last.
func TestStored(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	options := Options{Instance: "main", Environments: []string{"production"}}
	_, err := OpenStored(t.Context(), connect(t, server), options)
	require.ErrorContains(t, err, "rollbackd-watches-main")

	writer := open(t, connect(t, server), options)
	reader, err := OpenStored(t.Context(), connect(t, server), options)
	require.NoError(t, err)
	since := func(after uint64) (keys []string, last uint64) {
		last = after
		require.NoError(t, reader.Since(t.Context(), after, func(key string, value []byte, revision uint64) error {
			keys, last = append(keys, key+"="+string(value)), max(last, revision)
			return nil
		}))
		return keys, last
	}
	keys, _ := since(0)
	require.Empty(t, keys)
	for i := range 3 {
		_, err := writer.Watches().Create(t.Context(), fmt.Sprintf("production.shop.%d", i), []byte("a"))
		require.NoError(t, err)
	}
	keys, last := since(0)
	require.ElementsMatch(t, []string{"production.shop.0=a", "production.shop.1=a", "production.shop.2=a"}, keys)
	keys, again := since(last)
	require.Empty(t, keys)
	require.Equal(t, last, again)
	_, revision, err := writer.Watches().Get(t.Context(), "production.shop.1")
	require.NoError(t, err)
	_, err = writer.Watches().Update(t.Context(), "production.shop.1", []byte("b"), revision)
	require.NoError(t, err)
	keys, _ = since(last)
	require.Equal(t, []string{"production.shop.1=b"}, keys)

	_, err = writer.Journal().Append(t.Context(), watchKey, "1", []byte("entry"), 0)
	require.NoError(t, err)
	read := 0
	require.NoError(t, reader.ReadFrom(t.Context(), watchKey, 0, func(uint64, []byte) error { read++; return nil }))
	require.Equal(t, 1, read)
	_, err = writer.Names().Claim(t.Context(), "incident-1", watchKey)
	require.NoError(t, err)
	owner, err := reader.Owner(t.Context(), "incident-1")
	require.NoError(t, err)
	require.Equal(t, watchKey, owner)
	require.NoError(t, writer.Ledger().Put(t.Context(), "incident."+watchKey, func([]byte) []byte { return []byte("{}") }))
	found := 0
	require.NoError(t, reader.Each(t.Context(), []string{"incident.>"}, 0, func(uint64, []byte) error { found++; return nil }))
	require.Equal(t, 1, found)
}

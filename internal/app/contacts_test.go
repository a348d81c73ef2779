package app

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/rollbackd/rollbackd/notifier"
)

// A rota changes without a restart; one with a mistake leaves those known that were.
func TestContactsAreReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "contacts.yaml")
	write := func(text string) {
		fresh := path + ".new" // as tools and Kubernetes do it: another file takes its place
		require.NoError(t, os.WriteFile(fresh, []byte(text), 0o600))
		require.NoError(t, os.Rename(fresh, path))
	}
	onCall := func(email string) string { return "roles: [{roles: {on-call: [{email: " + email + "}]}}]" }
	core, logs := observer.New(zap.InfoLevel)
	d := newDirectory(path, zap.New(core))
	at := time.Now()
	require.Empty(t, d.now(at).Recipients(notifier.Notice{}, []notifier.Role{notifier.OnCall}, "email"), "nobody is known yet")
	require.Equal(t, 1, logs.FilterMessageSnippet("cannot be read").Len())
	at = at.Add(contactsLook)
	write(onCall("ana@example.com"))
	who := func(after time.Duration) string {
		at = at.Add(after)
		return d.now(at).Recipients(notifier.Notice{}, []notifier.Role{notifier.OnCall}, "email")[0].Address
	}
	require.Equal(t, "ana@example.com", who(0))
	write(onCall("ben@example.com"))
	require.Equal(t, "ana@example.com", who(time.Second), "it is looked at every few seconds")
	require.Equal(t, "ben@example.com", who(contactsLook))
	write("roles: [{")
	require.Equal(t, "ben@example.com", who(contactsLook))
	require.Equal(t, "ben@example.com", who(contactsLook))
	require.Equal(t, 2, logs.FilterMessageSnippet("cannot be read").Len(), "said once, and once before")
	require.NoError(t, os.Remove(path))
	require.Equal(t, "ben@example.com", who(contactsLook))
	write(onCall("eve@example.com"))
	require.Equal(t, "eve@example.com", who(contactsLook))
}

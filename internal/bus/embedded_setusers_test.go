package bus

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// guest is a user's connection that does not come back by itself.
type guest struct {
	*nats.Conn
	refused chan error
}

func visit(t *testing.T, server *Embedded, user User) guest {
	nc, refused := dialAs(t, server, user)
	require.NoError(t, nc.Flush())
	return guest{nc, refused}
}

func (g guest) awaitClosed(t *testing.T) {
	t.Helper()
	eventually(t, func() error {
		if !g.IsClosed() {
			return errors.New("still connected")
		}
		return nil
	})
}

func scoped(name, password, namespace string) User {
	return User{Name: name, Password: password, Publish: []Scope{{Environment: "production", Namespace: namespace}}}
}

// TestSetUsers: whose password has changed, and who is no user any more, is disconnected and refused; the others and the daemon stay connected, with what they may do now,
// and the journal that is written meanwhile lacks nothing.
func TestSetUsers(t *testing.T) {
	server := startServer(t, scoped("ci", "old", "shop"), scoped("cd", "same", "shop"), scoped("gone", "x", "shop"))
	b := open(t, connect(t, server), Options{})
	ci, cd, gone := visit(t, server, scoped("ci", "old", "shop")), visit(t, server, scoped("cd", "same", "shop")), visit(t, server, scoped("gone", "x", "shop"))
	heard, err := cd.SubscribeSync("rollbackd.rejected.production.shop.>")
	require.NoError(t, err)
	require.NoError(t, cd.Flush())

	stop, written := make(chan struct{}), make(chan error, 1)
	go func() {
		var last uint64
		for n := 0; ; n++ {
			select {
			case <-stop:
				written <- nil
				return
			default:
			}
			if last, err = b.Journal().Append(t.Context(), "production.shop.a", fmt.Sprint(n), []byte("{}"), last); err != nil {
				written <- err
				return
			}
		}
	}()
	require.NoError(t, server.SetUsers([]User{scoped("ci", "new", "shop"), scoped("cd", "same", "pay"), scoped("new", "y", "shop")}))
	ci.awaitClosed(t)
	gone.awaitClosed(t)
	for _, old := range []User{scoped("ci", "old", "shop"), scoped("gone", "x", "shop")} {
		_, err := nats.Connect(server.URL(), nats.Timeout(patience), nats.UserInfo(old.Name, old.Password))
		require.ErrorIs(t, err, nats.ErrAuthorization)
	}
	visit(t, server, scoped("ci", "new", "shop"))
	visit(t, server, scoped("new", "y", "shop"))

	require.NoError(t, cd.Publish("deployments.production.pay.checkout", []byte("{}")))
	require.NoError(t, cd.Flush())
	require.True(t, cd.IsConnected())
	require.Zero(t, cd.Reconnects)
	require.NoError(t, cd.Publish(checkout, []byte("{}")))
	requireRefused(t, cd.refused, "what it may not any more")
	close(stop)
	require.NoError(t, <-written)
	require.NoError(t, b.nc.Publish("rollbackd.rejected.production.shop.checkout", nil))
	require.NoError(t, b.nc.Flush())
	require.NoError(t, cd.Flush())
	_, err = heard.NextMsg(time.Nanosecond)
	require.ErrorIs(t, err, nats.ErrTimeout, "what it subscribed to is not its any more")
}

// TestUsersThatCannotBeSet leave everybody as they are.
func TestUsersThatCannotBeSet(t *testing.T) {
	server := startServer(t, shopPublisher)
	ci := visit(t, server, shopPublisher)
	for _, users := range [][]User{{{Name: "ci"}}, {shopPublisher, shopPublisher}, {{Name: "a b", Password: "x"}}} {
		require.Error(t, server.SetUsers(users))
		visit(t, server, shopPublisher)
		require.True(t, ci.IsConnected())
	}
}

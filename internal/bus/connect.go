package bus

import (
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// ConnectOptions make a connection that never gives up: a client that has used up its reconnects looks healthy and
// is deaf. Refused credentials are no reason either: they may be in rotation, or the server may not have loaded its
// accounts yet, and by default two refusals close the connection for good. Changes of its state are logged.
func ConnectOptions(log *zap.Logger) []nats.Option {
	return []nats.Option{
		nats.Name("rollbackd"), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(500 * time.Millisecond), nats.PingInterval(20 * time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if !nc.IsClosed() {
				log.Warn("disconnected from NATS", zap.Error(err))
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("reconnected to NATS", zap.String("server", nc.ConnectedUrlRedacted()))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warn("NATS reports an error", zap.Error(err))
		}),
	}
}

package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/web"
)

// stopTimeout bounds how long open HTTP requests may take when the daemon stops.
const stopTimeout = 5 * time.Second

// server answers HTTP: whoever shows what the configuration asks for.
func (p process) server() *http.Server {
	handler := web.Admin{Enabled: p.cfg.HTTP.Admin, Pprof: p.pprof, Reload: p.settings.reload, Level: p.settings.level}.Before(p.endpoints)
	if read := p.cfg.HTTP.Token(); read != nil {
		handler = web.RequireToken(read, handler)
	}
	return &http.Server{Handler: handler, ReadHeaderTimeout: stopTimeout, ErrorLog: zap.NewStdLog(p.log.Named("http"))}
}

// serve answers until ctx ends. The web configuration file, if there is one, is read anew for each connection and request.
func serve(ctx context.Context, server *http.Server, listener net.Listener, cfg config.HTTP, log *zap.Logger) error {
	failed := make(chan error, 1)
	flags := &toolkit.FlagConfig{WebConfigFile: &cfg.WebConfig}
	own := slog.New(logr.ToSlogHandler(zapr.NewLogger(log.Named("http"))))
	go func() { failed <- toolkit.Serve(listener, server, flags, own) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return server.Shutdown(stop)
	}
}

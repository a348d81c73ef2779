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

// What a connection may take, so that whoever is slow, or has gone without a word, holds none for ever. Profiles take up to a few minutes to answer.
const (
	idleTimeout   = 2 * time.Minute
	answerTimeout = 5 * time.Minute
	// bodyTimeout is for what is sent with a request, which is a few bytes or nothing.
	bodyTimeout = 5 * time.Second
)

// server answers HTTP: whoever shows what the configuration asks for.
func (p process) server() *http.Server {
	handler := web.Admin{Enabled: p.cfg.HTTP.Admin, Pprof: p.pprof, Reload: p.settings.reload, Level: p.settings.level.Level, SetLevel: p.settings.setLevel}.Before(p.endpoints)
	if read := p.cfg.HTTP.Token(); read != nil {
		handler = web.RequireToken(read, handler)
	}
	return newServer(handler, p.log)
}

func newServer(handler http.Handler, log *zap.Logger) *http.Server {
	return &http.Server{
		Handler: soonSent(handler), ReadHeaderTimeout: stopTimeout, ReadTimeout: answerTimeout, WriteTimeout: answerTimeout, IdleTimeout: idleTimeout,
		ErrorLog: zap.NewStdLog(log.Named("http")),
	}
}

// soonSent has what is sent with a request come soon.
func soonSent(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // a test's writer may have none
		}
		next.ServeHTTP(w, r)
	})
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

package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/config"
)

// listenForProbes listens where a kubelet asks, if it does so at an address of its own.
func listenForProbes(cfg config.HTTP) (net.Listener, error) {
	if cfg.Probes == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", cfg.Probes)
	if err != nil {
		return nil, fmt.Errorf("http.probes: %w", err)
	}
	return listener, nil
}

// onlyProbes hands on what a kubelet asks, and nothing else.
func onlyProbes(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /-/healthy", next)
	mux.Handle("GET /-/ready", next)
	return mux
}

// serveProbes answers a kubelet until ctx ends.
func serveProbes(ctx context.Context, listener net.Listener, next http.Handler, log *zap.Logger) error {
	server := &http.Server{Handler: onlyProbes(next), ReadHeaderTimeout: stopTimeout, ReadTimeout: stopTimeout, ErrorLog: zap.NewStdLog(log.Named("probes"))}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve probes: %w", err)
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err := server.Shutdown(stop)
		if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}
}

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// natsServer is a NATS server with JetStream inside this program.
type natsServer struct{ server *server.Server }

func startNATS(dir string) (*natsServer, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "rollbackd-stack",
		Host:       "127.0.0.1",
		Port:       server.RANDOM_PORT,
		JetStream:  true,
		StoreDir:   dir,
		NoSigs:     true, // The stack handles signals itself.
		NoLog:      true,
	})
	if err != nil {
		return nil, fmt.Errorf("start NATS: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, errors.New("start NATS: it was not ready within 10 s")
	}
	return &natsServer{server: s}, nil
}

func (n *natsServer) url() string { return n.server.ClientURL() }

func (n *natsServer) close() {
	if n != nil {
		n.server.Shutdown()
	}
}

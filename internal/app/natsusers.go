package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/bus"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/filewatch"
)

// natsUsers keeps the users of the embedded server as the configuration and the files of their passwords have them.
type natsUsers struct {
	server *bus.Embedded
	log    *zap.Logger
	// again has the files watched anew, since they are others.
	again chan struct{}

	mu  sync.Mutex
	cfg *config.Config
	// known tells what the files held when they were read last.
	known string
}

// newNATSUsers is for a server that has the users of a configuration, whose files held what known tells.
func newNATSUsers(server *bus.Embedded, cfg *config.Config, known string, log *zap.Logger) *natsUsers {
	return &natsUsers{server: server, log: log, again: make(chan struct{}, 1), cfg: cfg, known: known}
}

// follow has the server let in the users of another configuration.
func (u *natsUsers) follow(cfg *config.Config) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if reflect.DeepEqual(u.cfg.NATS.Embedded.Users, cfg.NATS.Embedded.Users) {
		return
	}
	u.cfg = cfg
	u.set("the configuration")
	select {
	case u.again <- struct{}{}:
	default: // it is asked for already
	}
}

// run has the server know a password that has changed in its file, until ctx ends.
func (u *natsUsers) run(ctx context.Context) {
	for ctx.Err() == nil {
		u.mu.Lock()
		files := filewatch.Files{Paths: passwordFiles(u.cfg), Every: filewatch.Every, Known: u.known}
		u.mu.Unlock()
		watching, stop := context.WithCancel(ctx)
		var watched sync.WaitGroup
		watched.Go(func() {
			files.Watch(watching, func(context.Context) {
				u.mu.Lock()
				defer u.mu.Unlock()
				u.set("the file of a password")
			})
		})
		select {
		case <-ctx.Done():
		case <-u.again:
		}
		stop()
		watched.Wait()
	}
}

// set reads the files. What cannot be used leaves the server's users as they are: half of a change would lock somebody out. The caller holds mu.
func (u *natsUsers) set(because string) {
	u.known = filewatch.Sum(passwordFiles(u.cfg))
	users, err := embeddedUsers(u.cfg)
	if err == nil {
		err = u.server.SetUsers(users)
	}
	if err != nil {
		u.log.Error("the users of the embedded NATS have changed and cannot be used; those of before are kept until they can", zap.Error(err))
		return
	}
	u.log.Info("the users of the embedded NATS have been replaced; whose password has changed connects anew", zap.String("since", because+" has changed"), zap.Int("users", len(users)))
}

func passwordFiles(cfg *config.Config) (paths []string) {
	for _, user := range cfg.NATS.Embedded.Users {
		paths = append(paths, user.PasswordFile)
	}
	return paths
}

// embeddedUsers are the users of the embedded server with their passwords.
func embeddedUsers(cfg *config.Config) (users []bus.User, err error) {
	for _, u := range cfg.NATS.Embedded.Users {
		secret, err := os.ReadFile(u.PasswordFile)
		if err == nil && strings.TrimSpace(string(secret)) == "" {
			err = errors.New(u.PasswordFile + " is empty; it should hold the password")
		}
		if err != nil {
			return nil, fmt.Errorf("nats.embedded.users: the password of %q: %w", u.Name, err)
		}
		user := bus.User{Name: u.Name, Password: strings.TrimSpace(string(secret)), Sources: sourcesOf(cfg.Sources, u)}
		for _, s := range u.Publish {
			user.Publish = append(user.Publish, bus.Scope(s))
		}
		for _, s := range u.Control {
			user.Control = append(user.Control, bus.Scope(s))
		}
		users = append(users, user)
	}
	return users, nil
}

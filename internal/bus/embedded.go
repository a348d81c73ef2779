package bus

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// DefaultListen is where the embedded server listens unless told otherwise: on loopback only.
const DefaultListen = "127.0.0.1:4222"

// maxPayload lets journal entries hold several pod templates, of which Kubernetes allows about 1.5 MB each. What
// publishers send is bounded by the stream.
const maxPayload = 8 << 20

// startTimeout bounds the start of the embedded server, the replay of its storage included.
const startTimeout = 30 * time.Second

// internalUser is the daemon itself. No configured user can have this name, because of its dot.
const internalUser = "rollbackd.internal"

// EmbeddedOptions say how the daemon's own NATS server runs.
type EmbeddedOptions struct {
	// DataDir holds the streams. It is made if it is missing, and belongs to one server at a time.
	DataDir string
	// Listen is host:port; empty means DefaultListen. Port 0 or -1 takes a free one. Anything but loopback sends
	// passwords in the clear unless the network encrypts.
	Listen string
	// Users are the publishers. No one else may connect.
	Users []User
	// Log gets the server's own lines; nil discards them.
	Log *zap.Logger
}

// Embedded is a NATS server in this process.
type Embedded struct {
	server   *server.Server
	lock     *dirLock
	password string
	log      *zap.Logger

	mu      sync.Mutex
	options EmbeddedOptions
}

// StartEmbedded starts a server and returns once it accepts connections, after 30 s at most. Every message is on disk
// before it is acknowledged. The error says if the directory cannot be written or is in use, and if the port is.
func StartEmbedded(options EmbeddedOptions) (*Embedded, error) {
	if options.Log == nil {
		options.Log = zap.NewNop()
	}
	e := &Embedded{password: rand.Text(), log: options.Log, options: options}
	serverOptions, err := e.serverOptions(options)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	if e.lock, err = lockDir(options.DataDir); err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	if err := e.start(serverOptions); err != nil {
		e.Shutdown()
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	return e, nil
}

func (e *Embedded) serverOptions(options EmbeddedOptions) (*server.Options, error) {
	host, port, err := splitListen(options.Listen)
	if err != nil {
		return nil, err
	}
	users, err := serverUsers(options.Users)
	if err != nil {
		return nil, err
	}
	users = append(users, &server.User{Username: internalUser, Password: e.password})
	return &server.Options{
		ServerName: "rollbackd", Host: host, Port: port, Users: users,
		MaxPayload: maxPayload, MaxPending: 4 * maxPayload,
		JetStream: true, StoreDir: filepath.Join(options.DataDir, "nats"), SyncAlways: true,
		NoSigs: true, NoLog: true, DisableShortFirstPing: true,
	}, nil
}

// splitListen reads host:port; the server takes -1 for a free port.
func splitListen(listen string) (host string, port int, err error) {
	if listen == "" {
		listen = DefaultListen
	}
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q is not host:port: %w", listen, err)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < -1 || port > 65535 {
		return "", 0, fmt.Errorf("listen address %q has no valid port", listen)
	}
	if host == "" {
		return "", 0, fmt.Errorf("listen address %q names no host; use 127.0.0.1, or 0.0.0.0 for every interface", listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// start runs the server. What is fatal to it comes only as a log line, which would otherwise be noticed as a time-out.
func (e *Embedded) start(options *server.Options) error {
	srv, err := server.NewServer(options)
	if err != nil {
		return err
	}
	e.server = srv
	log := newServerLog(e.log)
	srv.SetLoggerV2(log, false, false, false)
	started := make(chan struct{})
	go func() { defer close(started); srv.Start() }()
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		if srv.ReadyForConnections(50 * time.Millisecond) {
			<-started
			return log.fatal()
		}
		if err := log.fatal(); err != nil {
			return err
		}
	}
	return fmt.Errorf("not ready within %s", startTimeout)
}

// SetUsers has the server let in these users from now on, and nobody else. Whoever is connected and may still be stays so, with the permissions that it has now; the
// others are disconnected. An error leaves everything as it was.
func (e *Embedded) SetUsers(users []User) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	next := e.options
	next.Users = users
	options, err := e.serverOptions(next)
	if err == nil {
		err = e.server.ReloadOptions(options)
	}
	if err != nil {
		return fmt.Errorf("embedded NATS server: %w", err)
	}
	e.options = next
	return nil
}

// Addr is where the server listens.
func (e *Embedded) Addr() net.Addr { return e.server.Addr() }

// URL is what clients connect to.
func (e *Embedded) URL() string { return "nats://" + e.Addr().String() }

// Connect connects the daemon to its own server, without the network and with every permission.
func (e *Embedded) Connect(options ...nats.Option) (*nats.Conn, error) {
	all := append(ConnectOptions(e.log), nats.InProcessServer(e.server), nats.UserInfo(internalUser, e.password))
	nc, err := nats.Connect("", append(all, options...)...)
	if err != nil {
		return nil, fmt.Errorf("unable to connect to the embedded NATS server: %w", err)
	}
	return nc, nil
}

// Shutdown stops the server, waits until its storage is closed and frees its directory. It may be called twice.
func (e *Embedded) Shutdown() {
	if e.server != nil {
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}
	e.lock.release()
}

// makeDir makes the directory and says plainly if it cannot be used.
func makeDir(dir string) error {
	if dir == "" {
		return errors.New("no data directory is configured")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("unable to make the data directory: %w", err)
	}
	return nil
}

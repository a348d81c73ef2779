package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/watch"
)

const (
	// readyLimit is how long the daemon may take until it is ready, and stopLimit until it has stopped.
	readyLimit = 30 * time.Second
	stopLimit  = 15 * time.Second
	callLimit  = 5 * time.Second
)

// daemonOptions say what to run and against what.
type daemonOptions struct {
	executable string
	addresses  localstack.Addresses
}

// daemon is a running rollbackd, as its users run it: a process of its own with a configuration file.
type daemon struct {
	cmd *exec.Cmd
	// folder holds the configuration, the password, the daemon's data and its log.
	folder   string
	password string
	// nats and http are where it listens.
	nats, http string
	log        *daemonLog
	// ended is closed when the process has ended; err is then how.
	ended chan struct{}
	err   error
}

// startDaemon starts the daemon and returns when it is ready.
func startDaemon(ctx context.Context, o daemonOptions) (*daemon, error) {
	folder, err := os.MkdirTemp("", "rollbackd-demo-")
	if err != nil {
		return nil, fmt.Errorf("create a folder for the daemon's data: %w", err)
	}
	d := &daemon{folder: folder, password: rand.Text(), ended: make(chan struct{})}
	if err := d.prepare(o.addresses); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	d.cmd = exec.Command(o.executable, "run", "--config", filepath.Join(folder, "rollbackd.yaml"))
	// A process group of its own: Ctrl-C is for the demo, which stops the daemon in its own time.
	d.cmd.SysProcAttr = ownGroup()
	d.cmd.Stderr = d.log
	if err := d.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the daemon: %w", err), d.log.close(), os.RemoveAll(folder))
	}
	go func() {
		d.err = d.cmd.Wait()
		close(d.ended)
	}()
	if err := d.awaitReady(ctx); err != nil {
		return nil, d.close(ctx, err)
	}
	return d, nil
}

// prepare writes what the daemon reads.
func (d *daemon) prepare(stack localstack.Addresses) error {
	var err error
	if d.nats, d.http, err = freeAddresses(); err != nil {
		return err
	}
	text, err := settings(d, stack)
	if err != nil {
		return err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(d.folder, "rollbackd.yaml"), text, 0o600),
		os.WriteFile(filepath.Join(d.folder, "password"), []byte(d.password), 0o600),
	)
	if err != nil {
		return fmt.Errorf("write the daemon's configuration: %w", err)
	}
	d.log, err = newDaemonLog(filepath.Join(d.folder, "rollbackd.log"))
	return err
}

// freeAddresses returns two loopback addresses on which nothing listens.
func freeAddresses() (nats, http string, err error) {
	var ports localstack.Ports
	if nats, err = ports.FreeAddress(); err != nil {
		return "", "", err
	}
	http, err = ports.FreeAddress()
	return nats, http, err
}

func (d *daemon) awaitReady(ctx context.Context) error {
	var problem error
	ready := func() bool {
		problem = ask(ctx, "http://"+d.http+"/-/ready", nil)
		return problem == nil
	}
	if err := d.poll(ctx, readyLimit, ready); err != nil {
		return fmt.Errorf("wait for the daemon to be ready: %w", errors.Join(err, problem))
	}
	return nil
}

// poll asks until the answer is yes, the time is over, or the daemon has died.
func (d *daemon) poll(ctx context.Context, limit time.Duration, done func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %s", limit))
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-d.ended:
			return fmt.Errorf("the daemon has ended by itself: %w", d.err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// view returns the watch of an event; ok is false as long as the daemon has none.
func (d *daemon) view(ctx context.Context, eventID string) (view watch.View, ok bool, err error) {
	var answer struct {
		Watches []watch.View `json:"watches"`
	}
	if err := ask(ctx, "http://"+d.http+"/api/v1/watches", &answer); err != nil {
		return watch.View{}, false, err
	}
	for _, v := range answer.Watches {
		if v.EventID == eventID {
			return v, true, nil
		}
	}
	return watch.View{}, false, nil
}

func ask(ctx context.Context, url string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the daemon: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the daemon answers %s with %s", url, response.Status)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("read the daemon's answer to %s: %w", url, err)
	}
	return nil
}

// close stops the daemon. Its folder is kept if the demo failed, and the error then names it.
func (d *daemon) close(ctx context.Context, failure error) error {
	failure = errors.Join(failure, d.stop(), d.log.close())
	if failure == nil || ctx.Err() != nil {
		return errors.Join(failure, os.RemoveAll(d.folder))
	}
	return fmt.Errorf("%w\nThe daemon's log is %s, with its configuration and data beside it", failure, d.log.path)
}

func (d *daemon) stop() error {
	select {
	case <-d.ended:
		return nil // whoever waited for it has been told
	default:
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the daemon: %w", err)
	}
	select {
	case <-d.ended:
	case <-time.After(stopLimit):
		killed := d.cmd.Process.Kill()
		<-d.ended
		return errors.Join(fmt.Errorf("the daemon did not stop within %s and was killed", stopLimit), killed)
	}
	if d.err != nil {
		return fmt.Errorf("the daemon did not stop well: %w", d.err)
	}
	return nil
}

package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/filewatch"
)

// settings are the configuration that a daemon goes by, which may be replaced while it runs. A replacement is all or nothing: everything that can fail is done
// before anything is changed, and what cannot be used leaves what was there before.
type settings struct {
	log *zap.Logger
	// again is how often a file that could not be used is tried again: what it needs, such as the file of a Secret, may come later than it.
	again time.Duration
	// level is that of the log.
	level zap.AtomicLevel
	// try looks whether a configuration can be used by a replica, whether it leads or not.
	try func(*config.Config) error
	// tell are called with each configuration that holds from then on; they must not block.
	tell []func(*config.Config)

	successful, succeeded, waiting prometheus.Gauge

	mu      sync.Mutex
	current *config.Config
	// read tells what the file held when it was read last, whether it could be used or not.
	read string
	// prepare makes what a term needs of a configuration, and returns what puts it to use; nil while there is no term.
	prepare func(*config.Config) (use func(), err error)
	// failed says why the newest attempt failed, and restart which fields wait for a restart; both empty if there is nothing to say.
	failed  string
	restart []string
}

// tryAgain is how often a configuration that could not be used is tried again.
const tryAgain = 15 * time.Second

func newSettings(cfg *config.Config, level zap.AtomicLevel, log *zap.Logger, r prometheus.Registerer) *settings {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "rollbackd", Name: name, Help: help})
	}
	s := &settings{
		log: log, again: tryAgain, level: level, current: cfg, try: func(*config.Config) error { return nil },
		successful: gauge("config_last_reload_successful", "1 if the configuration could be used when it was read last, 0 if that of before is kept."),
		succeeded:  gauge("config_last_reload_success_timestamp_seconds", "When the configuration was read last that is in use, in seconds since 1970."),
		waiting:    gauge("config_fields_waiting_for_restart", "Fields that were changed and take effect only after a restart."),
	}
	if cfg.File() != "" {
		s.read = filewatch.Sum([]string{cfg.File()})
	}
	s.successful.Set(1)
	s.succeeded.SetToCurrentTime()
	r.MustRegister(s.successful, s.succeeded, s.waiting)
	return s
}

// trying has every configuration tried before it holds.
func (s *settings) trying(try func(*config.Config) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.try = try
}

// telling has somebody told of the configuration that holds, and of each that takes its place.
func (s *settings) telling(tell func(*config.Config)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell = append(s.tell, tell)
	tell(s.current)
}

// now is the configuration that holds.
func (s *settings) now() *config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// attach has a term, which was made of a configuration, follow what replaces that. detach ends it.
func (s *settings) attach(made *config.Config, prepare func(*config.Config) (func(), error)) (detach func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != made { // it was replaced while the term was made
		use, err := prepare(s.current)
		if err != nil {
			return nil, err
		}
		use()
	}
	s.prepare = prepare
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.prepare = nil
	}, nil
}

// reload reads the configuration file again, and has it hold. An error leaves that of before.
func (s *settings) reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempt(func(error) bool { return true })
}

// retry does so if the newest attempt failed. That it fails for the same reason is told once.
func (s *settings) retry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if failed := s.failed; failed != "" {
		_ = s.attempt(func(err error) bool { return err.Error() != failed }) // it says itself what is wrong
	}
}

// attempt has the file hold, and logs an error that is news. The caller holds mu.
func (s *settings) attempt(news func(error) bool) error {
	s.read = filewatch.Sum([]string{s.current.File()}) // before it is read, so that what changes meanwhile is noticed
	err := s.replace()
	if err != nil {
		s.successful.Set(0)
		s.failed = err.Error()
		if news(err) {
			s.log.Error("the configuration has not been replaced; the one of before is kept", zap.String("file", s.current.File()), zap.Error(err))
		}
		return err
	}
	s.failed = ""
	s.successful.Set(1)
	s.succeeded.SetToCurrentTime()
	s.waiting.Set(float64(len(s.restart)))
	return nil
}

func (s *settings) replace() error {
	if s.current.File() == "" {
		return errors.New("the daemon was started without a configuration file")
	}
	read, err := config.Load(s.current.File())
	if err != nil {
		return err
	}
	next, restart := read.Over(s.current)
	level, err := zapcore.ParseLevel(next.Log.Level)
	if err != nil {
		return fmt.Errorf("log.level: %w", err)
	}
	if err := s.try(next); err != nil {
		return err
	}
	use := func() {}
	if s.prepare != nil {
		if use, err = s.prepare(next); err != nil {
			return err
		}
	}
	use()
	if next.Log.Level != s.current.Log.Level { // else what was set by a request goes on
		s.level.SetLevel(level)
	}
	s.current, s.restart = next, restart
	for _, tell := range s.tell {
		tell(next)
	}
	for _, field := range restart {
		s.log.Warn(fmt.Sprintf("field %s has changed; it takes effect after a restart", field), zap.String("field", field))
	}
	s.log.Info("the configuration has been replaced", zap.String("file", next.File()), zap.Strings("waitingForRestart", restart))
	return nil
}

// follow reads the configuration again whenever its file has changed or somebody asks for it, until ctx ends.
func (s *settings) follow(ctx context.Context, asked <-chan struct{}) {
	cfg := s.now()
	var following sync.WaitGroup
	defer following.Wait()
	if every := time.Duration(cfg.Reload.Every); every > 0 && cfg.File() != "" {
		following.Go(func() {
			filewatch.Files{Paths: []string{cfg.File()}, Every: every, Read: s.lastRead}.Watch(ctx, func(context.Context) { _ = s.reload() }) // it says itself what is wrong
		})
		following.Go(func() {
			for ctx.Err() == nil {
				select {
				case <-ctx.Done():
				case <-time.After(s.again):
					s.retry()
				}
			}
		})
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			_ = s.reload()
		}
	}
}

// setLevel sets the level of the log until the configuration changes it. It is told at a level at which it is seen, before or after.
func (s *settings) setLevel(level zapcore.Level) {
	tell := func() { s.log.Warn("the level of the log has been set by a request", zap.Stringer("level", level)) }
	if level > s.level.Level() {
		tell()
		s.level.SetLevel(level)
		return
	}
	s.level.SetLevel(level)
	tell()
}

// lastRead tells what the file held when it was read last.
func (s *settings) lastRead() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read
}

// remarks are what people should know of the configuration; none if it is as the file says.
func (s *settings) remarks() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != "" {
		out = append(out, "The configuration file has changed and cannot be used; the configuration of before is kept: "+strings.ReplaceAll(s.failed, "\n", "; "))
	}
	if len(s.restart) > 0 {
		out = append(out, "Changed in the configuration file, and waiting for a restart: "+strings.Join(slices.Clone(s.restart), ", "))
	}
	return out
}

package config

import (
	"fmt"

	"github.com/rollbackd/rollbackd/notifier"
)

// ShoutrrrSink tells a service that the library shoutrrr knows, such as Teams, Discord, Telegram, Matrix or ntfy.
type ShoutrrrSink struct {
	// URLFile holds the service's URL as shoutrrr has it, such as ntfy://:token@ntfy.example.com/topic. It is a secret, and read for each
	// message. Required.
	URLFile string `yaml:"urlFile"`
}

func (s *ShoutrrrSink) check(k *checker, field func(...any) []any) {
	k.secretFile(field("urlFile"), s.URLFile, "the service's URL")
}

func (s *ShoutrrrSink) resolve(file string) { s.URLFile = relativeTo(file, s.URLFile) }

func (*ShoutrrrSink) manner() manner { return manner{groups: true} }

func (s *ShoutrrrSink) build(name string, _ SinkTools) (notifier.Sink, error) {
	read, err := secretFile(s.URLFile)
	if err != nil {
		return nil, fmt.Errorf("urlFile: %w", err)
	}
	if url, err := read(); err == nil {
		err = notifier.CheckShoutrrrURL(url)
		if err != nil {
			return nil, fmt.Errorf("urlFile: %w", err)
		}
	}
	return notifier.NewShoutrrr(notifier.ShoutrrrOptions{Name: name, URL: read}), nil
}

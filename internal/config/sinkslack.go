package config

import (
	"fmt"
	"regexp"

	"github.com/rollbackd/rollbackd/notifier"
)

// SlackSink posts to a channel of Slack as a bot: one thread an incident.
type SlackSink struct {
	// Channel is the channel's ID, such as C024BE91L, which Slack shows at the end of the channel's details. The bot must be in it. Required.
	Channel string `yaml:"channel"`
	// TokenFile holds the bot's token (xoxb-…), with the scope chat:write, and files:write for charts; surrounding white space is dropped. Required.
	TokenFile string `yaml:"tokenFile"`
	// URL is the base address of Slack's Web API. Default "https://slack.com/api/".
	URL string `yaml:"url"`
}

// slackChannel is the ID of a channel, public or private, or of a conversation with one person.
var slackChannel = regexp.MustCompile(`^[CGD][A-Z0-9]{2,30}$`)

// UnmarshalYAML implements the decoder's interface; fields that are left out get their defaults.
func (s *SlackSink) UnmarshalYAML(unmarshal func(any) error) error {
	*s = SlackSink{URL: notifier.DefaultSlack}
	type plain SlackSink
	return unmarshal((*plain)(s))
}

func (s *SlackSink) check(k *checker, field func(...any) []any) {
	if !slackChannel.MatchString(s.Channel) {
		k.say(field("channel"), "%q is not a channel's ID; it begins with C, as C024BE91L, and is at the end of the channel's details in Slack", s.Channel)
	}
	k.secretFile(field("tokenFile"), s.TokenFile, "the bot's token")
	k.receiverURL(field("url"), s.URL, notifier.DefaultSlack)
}

func (s *SlackSink) resolve(file string) { s.TokenFile = relativeTo(file, s.TokenFile) }

func (*SlackSink) manner() manner { return manner{groups: true, medium: "slack"} }

func (s *SlackSink) build(name string, tools SinkTools) (notifier.Sink, error) {
	token, err := secretFile(s.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("slack.tokenFile: %w", err)
	}
	return notifier.NewSlack(notifier.SlackOptions{
		Name: name, Token: token, Channel: s.Channel, URL: s.URL, Memory: tools.Memory, Pictures: tools.Pictures, Logger: tools.Log,
	}), nil
}

// SlackWebhookSink posts to the channel of an incoming webhook of Slack, without threads.
type SlackWebhookSink struct {
	// URLFile holds the webhook's address, which is a secret; surrounding white space is dropped. Required.
	URLFile string `yaml:"urlFile"`
}

func (s *SlackWebhookSink) check(k *checker, field func(...any) []any) {
	k.secretFile(field("urlFile"), s.URLFile, "the webhook's address")
}

func (s *SlackWebhookSink) resolve(file string) { s.URLFile = relativeTo(file, s.URLFile) }

func (*SlackWebhookSink) manner() manner { return manner{groups: true, medium: "slack"} }

func (s *SlackWebhookSink) build(name string, _ SinkTools) (notifier.Sink, error) {
	address, err := secretFile(s.URLFile)
	if err != nil {
		return nil, fmt.Errorf("slackWebhook.urlFile: %w", err)
	}
	return notifier.NewSlackWebhook(notifier.SlackWebhookOptions{Name: name, URL: address}), nil
}

package notifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
)

// DefaultSlack is the base address of Slack's Web API.
const DefaultSlack = "https://slack.com/api/"

// slackPace is how far apart the messages to one channel must be.
const slackPace = time.Second

// maxThreads bounds the threads that are kept in memory beside Memory.
const maxThreads = 1000

// SlackOptions configure a Slack.
type SlackOptions struct {
	Name string
	// Token returns the bot's token, which needs the scope chat:write, and files:write for pictures; it is asked before each call.
	Token func() (string, error)
	// Channel is the ID of the channel, such as C024BE91L; the bot must be in it.
	Channel string
	// URL is the base address of the Web API; empty means DefaultSlack.
	URL string
	// Memory keeps which thread is an incident's; without one, a restart begins a new thread.
	Memory Memory
	// Pictures draw the chart of an incident, which is added to its thread; nil adds none.
	Pictures Pictures
	// Client talks to Slack; nil means a plain one.
	Client *http.Client
	// Logger gets what went wrong beside the telling, such as with a picture; nil discards it.
	Logger *zap.Logger
	// Now is the time; nil means time.Now.
	Now func() time.Time
}

// Slack is a Sink that posts to a channel as a bot. All notices of an incident, or of a watch without one, are one thread: the first is its
// root, which is kept up to date; those that follow are answers, shown in the channel too if they are pages.
type Slack struct {
	opts SlackOptions
	api  slackAPI

	mu      sync.Mutex
	pace    pace
	threads map[string]slackThread
}

// slackThread is what is remembered of an incident.
type slackThread struct {
	// Channel is the channel's ID, as Slack gave it, and TS the root.
	Channel string `json:"channel"`
	TS      string `json:"ts"`
	// Last is the ID of the newest notice that was posted: trying it again must not post it again.
	Last string `json:"last"`
	// Pictured says that the chart has been added.
	Pictured bool `json:"pictured,omitempty"`
}

// NewSlack returns a sink that connects to nothing yet.
func NewSlack(opts SlackOptions) *Slack {
	if opts.URL == "" {
		opts.URL = DefaultSlack
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	return &Slack{
		opts: opts, threads: map[string]slackThread{}, pace: pace{every: slackPace, now: opts.Now},
		api: slackAPI{base: opts.URL, client: newHTTPClient(opts.Client), now: opts.Now},
	}
}

// Name returns the sink's name.
func (s *Slack) Name() string { return s.opts.Name }

// Notify posts the notice to its thread. Tried again after it was posted, it only does what is still missing.
func (s *Slack) Notify(ctx context.Context, n Notice) (retry bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	api := s.api
	if api.token, err = s.opts.Token(); err != nil {
		// A file that cannot be read now may be there in a moment, as when a Secret is mounted anew.
		return true, fmt.Errorf("the token: %w", err)
	}
	if err = s.tell(ctx, api, n); err != nil {
		return mayRetry(err), err
	}
	return false, nil
}

func (s *Slack) tell(ctx context.Context, api slackAPI, n Notice) error {
	key := s.threadKey(n)
	if key == "" || len(n.Group) > 0 {
		if _, err := s.post(ctx, api, slackMessageOf(n)); err != nil {
			return err
		}
		for _, one := range n.Group {
			s.updateGrouped(ctx, api, one)
		}
		return nil
	}
	thread, known, err := s.recall(ctx, key)
	if err != nil {
		return err
	}
	if known && thread.Last != n.ID {
		known, err = s.answer(ctx, api, n, &thread)
	}
	begun := !known && err == nil
	if begun {
		thread, err = s.begin(ctx, api, n)
	}
	if err != nil {
		return err
	}
	s.keep(ctx, key, thread)
	if !begun && n.Kind != KindPostmortem { // that a review is due says nothing of how the incident stands
		if err := s.update(ctx, api, n, thread); err != nil {
			return err
		}
	}
	s.picture(ctx, api, n, key, thread)
	return nil
}

// begin posts the root of a thread.
func (s *Slack) begin(ctx context.Context, api slackAPI, n Notice) (slackThread, error) {
	posted, err := s.post(ctx, api, slackMessageOf(n))
	return slackThread{Channel: posted.Channel, TS: posted.TS, Last: n.ID}, err
}

// answer posts a message to the thread, and reports whether the thread still exists.
func (s *Slack) answer(ctx context.Context, api slackAPI, n Notice, thread *slackThread) (exists bool, err error) {
	m := slackMessageOf(n)
	m.ThreadTS, m.ReplyBroadcast = thread.TS, n.Severity == Page
	_, err = s.post(ctx, api, m)
	if isSlackError(err, "thread_not_found", "message_not_found") {
		return false, nil // somebody deleted the root
	}
	if err == nil {
		thread.Last = n.ID
	}
	return true, err
}

func (s *Slack) post(ctx context.Context, api slackAPI, m slackMessage) (slackPosted, error) {
	if err := s.pace.wait(ctx); err != nil {
		return slackPosted{}, err
	}
	m.Channel = s.opts.Channel
	return api.send(ctx, "chat.postMessage", m)
}

// update has the root show how it stands now. What cannot be changed is left as it is: the notice
// has been told.
func (s *Slack) update(ctx context.Context, api slackAPI, n Notice, thread slackThread) error {
	m := slackMessageOf(n)
	m.Channel, m.TS = thread.Channel, thread.TS
	_, err := api.send(ctx, "chat.update", m)
	if err != nil && !mayRetry(err) {
		s.opts.Logger.Warn("the first message of a thread cannot be brought up to date", zap.String("sink", s.opts.Name), zap.Error(err))
		return nil
	}
	return err
}

// updateGrouped brings the thread of one of many notices up to date, if there is one.
func (s *Slack) updateGrouped(ctx context.Context, api slackAPI, n Notice) {
	thread, known, err := s.recall(ctx, s.threadKey(n))
	if known && err == nil && n.Kind != KindPostmortem {
		err = s.update(ctx, api, n, thread)
	}
	if err != nil {
		s.opts.Logger.Warn("the first message of a thread is out of date", zap.String("sink", s.opts.Name), zap.Error(err))
	}
}

// threadKey names the thread of a notice; empty if it is in none. Another channel has threads of its own.
func (s *Slack) threadKey(n Notice) string {
	about := n.Incident
	if about == "" {
		about = n.Watch
	}
	if about == "" || n.Kind == KindTest {
		return ""
	}
	return memoryKey(s.opts.Name, s.opts.Channel+"."+about)
}

func (s *Slack) recall(ctx context.Context, key string) (thread slackThread, known bool, err error) {
	if key == "" {
		return slackThread{}, false, nil
	}
	if thread, known = s.threads[key]; known || s.opts.Memory == nil {
		return thread, known, nil
	}
	value, err := s.opts.Memory.Get(ctx, key)
	if err != nil {
		// A page must be told where it is not known in which thread.
		s.opts.Logger.Warn("the thread of an incident is not remembered; a new one begins", zap.String("sink", s.opts.Name), zap.Error(err))
		return slackThread{}, false, nil
	}
	if value == nil || json.Unmarshal(value, &thread) != nil || thread.TS == "" {
		return slackThread{}, false, nil
	}
	return thread, true, nil
}

// keep remembers a thread here, and over a restart if Memory takes it.
func (s *Slack) keep(ctx context.Context, key string, thread slackThread) {
	if len(s.threads) >= maxThreads {
		clear(s.threads) // Memory has them
	}
	s.threads[key] = thread
	if s.opts.Memory == nil {
		return
	}
	value, err := json.Marshal(thread)
	if err == nil {
		err = s.opts.Memory.Put(ctx, key, value)
	}
	if err != nil {
		s.opts.Logger.Warn("the thread of an incident will be forgotten by a restart", zap.String("sink", s.opts.Name), zap.Error(err))
	}
}

// isSlackError reports whether Slack refused with one of these codes.
func isSlackError(err error, codes ...string) bool {
	var e *slackError
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.code == c {
			return true
		}
	}
	return false
}

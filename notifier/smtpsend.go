package notifier

import (
	"errors"
	"fmt"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"slices"
	"sync"
)

// envelope is a message on its way.
type envelope struct {
	password string
	to       []string
	text     []byte
}

// send hands the message over, and returns who was taken. The error is of those who were refused, or of the message as a whole.
func send(client *smtp.Client, from string, e envelope) (taken []string, err error) {
	if err := client.Mail(from); err != nil {
		return nil, step("MAIL FROM", err)
	}
	var refused refusals
	for _, address := range e.to {
		switch err := client.Rcpt(address); {
		case err == nil:
			taken = append(taken, address)
		case isReply(err):
			refused = append(refused, step("RCPT TO "+address, err))
		default:
			return nil, step("RCPT TO", err)
		}
	}
	if len(taken) == 0 {
		return nil, refused
	}
	w, err := client.Data()
	if err != nil {
		return nil, step("DATA", err)
	}
	if _, err := w.Write(e.text); err != nil {
		return nil, step("DATA", err)
	}
	if err := w.Close(); err != nil {
		return nil, step("end of DATA", err)
	}
	if len(refused) > 0 {
		return taken, refused
	}
	return taken, nil
}

// refusals are the errors of recipients that a server did not take.
type refusals []error

func (r refusals) Error() string { return errors.Join(r...).Error() }

func step(name string, err error) error { return fmt.Errorf("%s: %w", name, err) }

func isReply(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply)
}

// temporary reports whether sending may succeed later: always but after replies of 5xx alone.
func temporary(err error) bool {
	var refused refusals
	if errors.As(err, &refused) {
		return slices.ContainsFunc(refused, temporary)
	}
	var reply *textproto.Error
	return !errors.As(err, &reply) || reply.Code < 500
}

// mostServed is of how many messages it is remembered who got them while others are still tried.
const mostServed = 256

// served remembers who got a message that is tried again for others.
type served struct {
	mu sync.Mutex
	by map[string][]string
}

// without returns the addresses that have not got the message yet.
func (s *served) without(id string, all []*mail.Address) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []string
	for _, a := range all {
		if !slices.Contains(s.by[id], a.Address) {
			left = append(left, a.Address)
		}
	}
	return left
}

// note adds who got the message, and forgets it once it is not tried again.
func (s *served) note(id string, taken []string, retry bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !retry {
		delete(s.by, id)
		return
	}
	if s.by == nil || len(s.by) >= mostServed {
		s.by = map[string][]string{}
	}
	if len(taken) > 0 {
		s.by[id] = append(s.by[id], taken...)
	}
}

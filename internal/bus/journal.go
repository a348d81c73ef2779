package bus

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// entryHeader carries an entry's ID, by which a write is recognised whose answer was lost.
const entryHeader = "Rollbackd-Entry"

// Journal keeps what happened in each watch: entries that are only ever appended.
type Journal struct {
	js       jetstream.JetStream
	instance string
	calls    calls
	group    *group
	// stream is what was found by the stream's name, which a stream that is made again has too: to ask for it each time would be another
	// call, which waits while the stream is being written.
	stream atomic.Pointer[jetstream.Stream]
}

// Append adds an entry to the watch's journal and returns its sequence. lastSeq is the sequence of the entry before
// it, 0 if there is none. The error is ErrFenced if another entry came first. Appending an entry again, by the same
// ID and lastSeq, returns its sequence as long as it is the last: after any other error a caller may repeat the call.
func (j *Journal) Append(ctx context.Context, watchKey, entryID string, data []byte, lastSeq uint64) (uint64, error) {
	subject, err := j.subject(watchKey)
	if err != nil {
		return 0, err
	}
	msg := &nats.Msg{Subject: subject, Data: data, Header: nats.Header{entryHeader: {entryID}}}
	seq, err := j.group.append(ctx, entryID, msg, lastSeq)
	if err != nil || seq > 0 {
		return seq, wrap("append to journal", watchKey, err)
	}
	err = j.calls.retry(ctx, func(ctx context.Context) error {
		ack, err := j.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(lastSeq),
			jetstream.WithExpectStream(journalStream(j.instance)))
		if err == nil {
			seq = ack.Sequence
			return nil
		}
		if !lostRace(err) {
			return err
		}
		seq, err = j.landed(ctx, subject, entryID)
		return err
	})
	return seq, wrap("append to journal", watchKey, err)
}

// landed returns the sequence of the subject's last entry if it has the ID.
func (j *Journal) landed(ctx context.Context, subject, entryID string) (uint64, error) {
	last, err := j.last(ctx, subject)
	if err != nil {
		return 0, err
	}
	if last == nil || last.Header.Get(entryHeader) != entryID {
		return 0, ErrFenced
	}
	return last.Sequence, nil
}

// last returns the subject's last message, nil if there is none.
func (j *Journal) last(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	stream := j.stream.Load()
	if stream == nil {
		found, err := j.js.Stream(ctx, journalStream(j.instance))
		if err != nil {
			return nil, err
		}
		stream = &found
		j.stream.Store(stream)
	}
	msg, err := (*stream).GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	return msg, err
}

// Note adds an entry to the watch's annex: what is known beside its journal, and what nobody decides by. Anybody may add to
// it at any time, without knowing what was added before. An entry with an ID that the annex has is left as it is, so that a caller may repeat the
// call, over restarts too. The ID is one token of a subject: letters, digits, '_', '=' and '-'.
func (j *Journal) Note(ctx context.Context, watchKey, entryID string, data []byte) error {
	if _, err := j.subject(watchKey); err != nil {
		return err
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_=-]+$`).MatchString(entryID) {
		return fmt.Errorf("%q is not fit for the ID of an entry in an annex", entryID)
	}
	msg := &nats.Msg{Subject: j.annex(watchKey) + "." + entryID, Data: data, Header: nats.Header{entryHeader: {entryID}}}
	seq, err := j.group.append(ctx, entryID, msg, 0)
	if err != nil || seq > 0 {
		return wrap("add to the annex of", watchKey, err)
	}
	err = j.calls.retry(ctx, func(ctx context.Context) error {
		_, err := j.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(0),
			jetstream.WithExpectStream(journalStream(j.instance)))
		if lostRace(err) {
			return nil
		}
		return err
	})
	return wrap("add to the annex of", watchKey, err)
}

func (j *Journal) annex(watchKey string) string { return annexSubject(j.instance) + "." + watchKey }

func (j *Journal) subject(watchKey string) (string, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*$`).MatchString(watchKey) {
		return "", fmt.Errorf("%q is not fit for the key of a journal", watchKey)
	}
	return journalSubject(j.instance) + "." + watchKey, nil
}

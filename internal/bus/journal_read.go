package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// maxBatch is how many entries are asked for at once.
	maxBatch = 256
	// readAttempts is how many times in a row reading may fail without bringing one entry.
	readAttempts = 3
)

// Read calls fn with every entry of the watch's journal, from the first to the last there is when Read is called, in
// order. It returns fn's error as it is, and another if not all of them could be read.
func (j *Journal) Read(ctx context.Context, watchKey string, fn func(seq uint64, data []byte) error) error {
	subject, err := j.subject(watchKey)
	if err != nil {
		return err
	}
	return j.readSubjects(ctx, watchKey, &journalReader{fn: fn, subjects: []string{subject}})
}

// ReadAll is Read with what stands in the watch's annex too, all in the order in which it was stored.
func (j *Journal) ReadAll(ctx context.Context, watchKey string, fn func(seq uint64, data []byte) error) error {
	return j.ReadFrom(ctx, watchKey, 0, fn)
}

// ReadFrom is ReadAll from the entry after the given sequence on.
func (j *Journal) ReadFrom(ctx context.Context, watchKey string, after uint64, fn func(seq uint64, data []byte) error) error {
	subject, err := j.subject(watchKey)
	if err != nil {
		return err
	}
	return j.readSubjects(ctx, watchKey, &journalReader{fn: fn, seq: after, subjects: []string{subject, j.annex(watchKey) + ".*"}})
}

func (j *Journal) readSubjects(ctx context.Context, watchKey string, r *journalReader) error {
	r.journal = j
	for _, subject := range r.subjects {
		err := j.calls.retry(ctx, func(ctx context.Context) error {
			last, err := j.last(ctx, subject)
			if last != nil {
				r.end = max(r.end, last.Sequence)
			}
			return err
		})
		if err != nil {
			return wrap("read journal", watchKey, err)
		}
	}
	if err := r.read(ctx); err != nil && r.fnErr == nil {
		return wrap("read journal", watchKey, err)
	}
	return r.fnErr
}

// journalReader reads subjects up to the entry with sequence end; zero means that there is none.
type journalReader struct {
	journal  *Journal
	subjects []string
	end      uint64
	fn       func(seq uint64, data []byte) error

	seq   uint64 // of the last entry that fn got, or after which the reading begins
	fnErr error
}

// read goes on behind the last good entry whenever a connection breaks on the way.
func (r *journalReader) read(ctx context.Context) error {
	failures := 0
	for r.seq < r.end {
		before := r.seq
		err := r.readThrough(ctx)
		if r.fnErr != nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if r.seq > before {
			failures = 0
		}
		if err == nil {
			continue
		}
		if failures++; failures == readAttempts || !transient(err) {
			return err
		}
	}
	return nil
}

// readThrough reads with a consumer of its own. It is not acknowledged: what is lost shows as a gap.
func (r *journalReader) readThrough(ctx context.Context) error {
	consumer, err := r.consumer(ctx)
	if err != nil {
		return err
	}
	defer r.remove(ctx, consumer)
	pass := &pass{consumer: consumer, pending: consumer.CachedInfo().NumPending}
	for r.seq < r.end {
		if pass.pending == 0 {
			return fmt.Errorf("entry %d is no longer there", r.end)
		}
		if err := r.readBatch(ctx, pass); err != nil {
			return err
		}
	}
	return nil
}

// pass is how far one consumer has come: the messages it has delivered, and those it still has.
type pass struct {
	consumer           jetstream.Consumer
	delivered, pending uint64
}

// readBatch never asks for more than there is: the rest of a batch would be waited for.
func (r *journalReader) readBatch(ctx context.Context, pass *pass) error {
	ctx, cancel := context.WithTimeout(ctx, r.journal.calls.timeout)
	defer cancel()
	batch, err := pass.consumer.Fetch(int(min(pass.pending, maxBatch)), jetstream.FetchContext(ctx))
	if err != nil {
		return err
	}
	before := r.seq
	for msg := range batch.Messages() {
		if err := r.take(msg, pass); err != nil {
			return err
		}
	}
	if err := batch.Error(); err != nil {
		return err
	}
	if r.seq == before {
		return fmt.Errorf("entry %d did not come: %w", r.end, context.DeadlineExceeded)
	}
	return nil
}

// take hands on one entry, if it is the next. Those behind the end came in after Read was called.
func (r *journalReader) take(msg jetstream.Msg, pass *pass) error {
	metadata, err := msg.Metadata()
	if err != nil {
		return err
	}
	pass.delivered, pass.pending = pass.delivered+1, metadata.NumPending
	if metadata.Sequence.Consumer != pass.delivered {
		return fmt.Errorf("an entry after %d was lost on the way: %w", r.seq, context.DeadlineExceeded)
	}
	if metadata.Sequence.Stream > r.end {
		return nil
	}
	if r.fnErr = r.fn(metadata.Sequence.Stream, msg.Data()); r.fnErr != nil {
		return r.fnErr
	}
	r.seq = metadata.Sequence.Stream
	return nil
}

func (r *journalReader) consumer(ctx context.Context) (jetstream.Consumer, error) {
	config := jetstream.ConsumerConfig{
		FilterSubjects: r.subjects, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.seq + 1,
		InactiveThreshold: 30 * time.Second,
	}
	ctx, cancel := context.WithTimeout(ctx, r.journal.calls.timeout)
	defer cancel()
	return r.journal.js.CreateConsumer(ctx, journalStream(r.journal.instance), config)
}

// remove saves the server from keeping the consumer for its 30 s; if it fails, nothing is lost.
func (r *journalReader) remove(ctx context.Context, consumer jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.journal.calls.timeout)
	defer cancel()
	_ = r.journal.js.DeleteConsumer(ctx, journalStream(r.journal.instance), consumer.CachedInfo().Name)
}

package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// This file has the entries of many journals stored together. The embedded server syncs each message to the disk before it
// acknowledges it, and the ticks of a thousand watches end together: one after the other they would keep a slow disk busy for longer than
// a tick lasts. A batch is stored as a whole or not at all, and synced once.

const (
	// mostGrouped and mostGroupedBytes bound a batch. The server takes up to 1,000 messages, and keeps a batch that is not complete in
	// a buffer of 1 MiB, or of 4 MiB where that does not suffice.
	mostGrouped      = 256
	mostGroupedBytes = 768 << 10
	// storedWithin is how long a batch may take to be stored. To give it up sooner, and to try its messages one by one, would give a
	// server that is slow even more to do.
	storedWithin = time.Minute
	// toldFor is for how long it is kept in mind that a message was stored whose sender did not wait for that.
	toldFor = time.Minute
)

// The headers of a batch, as the server reads them (nats-architecture-and-design, ADR-50), and of what an entry expects.
const (
	batchIDHeader       = "Nats-Batch-Id"
	batchSequenceHeader = "Nats-Batch-Sequence"
	batchCommitHeader   = "Nats-Batch-Commit"
)

// group stores messages of one stream together. While some are being stored, the next ones gather.
type group struct {
	nc    *nats.Conn
	js    jetstream.JetStream
	calls calls
	// stream is the stream's name; empty if it takes no batches.
	stream string

	mu      sync.Mutex
	waiting []*grouped
	// known are the messages that wait, are being stored, or were stored while nobody asked any longer, by subject and ID.
	known   map[string]*grouped
	running bool
}

// grouped is one message of a batch.
type grouped struct {
	key  string
	msg  *nats.Msg
	last uint64
	// asking is how many wait for it.
	asking int
	// stored is closed once it is found out, at the time at, that its sequence is seq; zero if it is not known to be stored.
	stored chan struct{}
	seq    uint64
	at     time.Time
}

// append stores a message if last is still the newest sequence of its subject, and returns its own. It returns zero if the message is not
// known to be stored, for whatever reason: the caller then appends it by itself, which finds out. An error says that it is not known yet:
// whoever asks for the same message again, by its ID, goes on waiting for the same, and the server has not more to do because it has much.
func (g *group) append(ctx context.Context, id string, msg *nats.Msg, last uint64) (uint64, error) {
	if g == nil || g.stream == "" {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, g.calls.timeout)
	defer cancel()
	w := g.join(msg.Subject+" "+id, msg, last)
	defer g.leave(w)
	select {
	case <-w.stored:
		return w.seq, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("NATS has not stored it yet: %w", ctx.Err())
	}
}

func (g *group) join(key string, msg *nats.Msg, last uint64) *grouped {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.known[key]
	if w == nil {
		if g.known == nil {
			g.known = map[string]*grouped{}
		}
		w = &grouped{key: key, msg: msg, last: last, stored: make(chan struct{})}
		g.known[key] = w
		g.waiting = append(g.waiting, w)
	}
	w.asking++
	if !g.running {
		g.running = true
		go g.run()
	}
	return w
}

// leave forgets a message that was stored and told of.
func (g *group) leave(w *grouped) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w.asking--
	if w.asking == 0 && !w.at.IsZero() && g.known[w.key] == w {
		delete(g.known, w.key)
	}
}

// run stores what waits, until nothing does.
func (g *group) run() {
	for {
		batch := g.next()
		if len(batch) == 0 {
			return
		}
		g.put(batch)
	}
}

// next takes the messages that are stored together next, in the order in which they came.
func (g *group) next() []*grouped {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, bytes := 0, 0
	for n < len(g.waiting) && n < mostGrouped && (n == 0 || bytes+len(g.waiting[n].msg.Data) <= mostGroupedBytes) {
		bytes += len(g.waiting[n].msg.Data)
		n++
	}
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	if len(g.waiting) == 0 {
		g.waiting = nil
	}
	g.running = n > 0
	for key, w := range g.known {
		if !w.at.IsZero() && w.asking == 0 && time.Since(w.at) > toldFor {
			delete(g.known, key)
		}
	}
	return batch
}

// put stores a batch and tells who waits. One that the server refused, since one of its messages came too late, is stored by halves.
func (g *group) put(batch []*grouped) {
	first, err := g.store(batch)
	if _, refused := errors.AsType[*jetstream.APIError](err); refused && len(batch) > 1 {
		g.put(batch[:len(batch)/2])
		g.put(batch[len(batch)/2:])
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range batch {
		w.at = time.Now()
		if err == nil {
			w.seq = first + uint64(i)
		}
		if err != nil {
			delete(g.known, w.key)
		}
		close(w.stored)
	}
}

// store stores messages and returns the sequence of the first one; the others follow it.
func (g *group) store(batch []*grouped) (uint64, error) {
	// No sender's own context: a batch has many senders, and goes on when one of them gives up.
	ctx, cancel := context.WithTimeout(context.Background(), storedWithin)
	defer cancel()
	if len(batch) == 1 {
		w := batch[0]
		ack, err := g.js.PublishMsg(ctx, w.msg, jetstream.WithExpectLastSequencePerSubject(w.last), jetstream.WithExpectStream(g.stream))
		if err != nil {
			return 0, err
		}
		return ack.Sequence, nil
	}
	id := nuid.Next()
	for i, w := range batch {
		msg := &nats.Msg{Subject: w.msg.Subject, Data: w.msg.Data, Header: nats.Header{
			batchIDHeader: {id}, batchSequenceHeader: {strconv.Itoa(i + 1)}, entryHeader: w.msg.Header[entryHeader],
			jetstream.ExpectedStreamHeader: {g.stream}, jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(w.last, 10)},
		}}
		if i == len(batch)-1 {
			return g.commit(ctx, msg, len(batch))
		}
		if err := g.nc.PublishMsg(msg); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// commit sends the last message of a batch and returns the sequence of the first one.
func (g *group) commit(ctx context.Context, msg *nats.Msg, size int) (uint64, error) {
	msg.Header.Set(batchCommitHeader, "1")
	answer, err := g.nc.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return 0, err
	}
	var ack struct {
		Sequence uint64              `json:"seq"`
		Count    int                 `json:"count"`
		Error    *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return 0, fmt.Errorf("the answer to a batch cannot be read: %w", err)
	}
	if ack.Error != nil {
		return 0, ack.Error
	}
	if ack.Count != size || ack.Sequence < uint64(size) {
		return 0, errors.New("the answer to a batch is about another one")
	}
	return ack.Sequence - uint64(size) + 1, nil
}

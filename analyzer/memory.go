package analyzer

import (
	"context"
	"sync"
	"time"
)

// remembered is how many answers are kept.
const remembered = 32

// question is everything that the counts of a span depend on.
type question struct {
	kind                        Kind
	requests, errors, histogram string
	objective                   Objective
	labels                      Labels
	scrape                      time.Duration
	namespace                   string
	by                          grouping
	// from and at bound the span, in milliseconds since the epoch.
	from, at int64
}

// memory keeps the newest answers to questions about the past, which stay the same. What is being asked already is waited
// for: when many releases of a namespace are bad, they all want to know the same.
type memory struct {
	mu      sync.Mutex
	answers map[question]*reply
	order   []question
}

// reply is an answer, or what will be one once done is closed.
type reply struct {
	done   chan struct{}
	counts map[pair]Counts
	err    error
}

// get returns the answer that is kept, or else asks for it. Answers that failed are not kept.
func (m *memory) get(ctx context.Context, q question, ask func() (map[pair]Counts, error)) (map[pair]Counts, error) {
	r, mine := m.take(q)
	if mine {
		r.counts, r.err = ask()
		if r.err != nil {
			m.drop(q)
		}
		close(r.done)
		return r.counts, r.err
	}
	select {
	case <-r.done:
		return r.counts, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// take returns the reply to a question, and whether it is for the caller to find out.
func (m *memory) take(q question) (r *reply, mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, known := m.answers[q]; known {
		return r, false
	}
	if m.answers == nil {
		m.answers = map[question]*reply{}
	}
	r = &reply{done: make(chan struct{})}
	m.answers[q] = r
	if m.order = append(m.order, q); len(m.order) > remembered {
		delete(m.answers, m.order[0])
		m.order = m.order[1:]
	}
	return r, true
}

func (m *memory) drop(q question) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.answers, q) // from the order it goes in time
}

package analyzer

import (
	"context"
	"sync"
	"time"
)

// question is everything that the counts of a span depend on.
type question struct {
	kind                        Kind
	requests, errors, histogram string
	objective                   Objective
	labels                      Labels
	scrape                      time.Duration
	query                       string
	// namespace is empty where all are meant, as is workload.
	namespace, workload string
	by                  grouping
	// from and at bound the span, in milliseconds since the epoch.
	from, at int64
}

// ask is the question about a signal in a span.
func (sig Signal) ask(span Span) question {
	return question{
		kind: sig.Kind, requests: sig.Requests, errors: sig.Errors, histogram: sig.Histogram, objective: sig.Objective,
		query: sig.Query + sig.Events, labels: sig.Labels, scrape: sig.Scrape, from: span.From.UnixMilli(), at: span.At.UnixMilli(),
	}
}

// memory keeps the newest answers to questions about the past, which stay the same. What is being asked already is waited
// for: when many releases of a namespace are bad, they all want to know the same.
type memory[A any] struct {
	// size is how many answers are kept.
	size int

	mu      sync.Mutex
	answers map[question]*reply[A]
	order   []question
}

// reply is an answer, or what will be one once done is closed.
type reply[A any] struct {
	done   chan struct{}
	answer A
	err    error
}

// get returns the answer that is kept, or else asks for it. Answers that failed are not kept.
func (m *memory[A]) get(ctx context.Context, q question, ask func() (A, error)) (A, error) {
	r, mine := m.take(q)
	if mine {
		r.answer, r.err = ask()
		if r.err != nil {
			m.drop(q)
		}
		close(r.done)
		return r.answer, r.err
	}
	select {
	case <-r.done:
		return r.answer, r.err
	case <-ctx.Done():
		var none A
		return none, ctx.Err()
	}
}

// take returns the reply to a question, and whether it is for the caller to find out.
func (m *memory[A]) take(q question) (r *reply[A], mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, known := m.answers[q]; known {
		return r, false
	}
	if m.answers == nil {
		m.answers = map[question]*reply[A]{}
	}
	r = &reply[A]{done: make(chan struct{})}
	m.answers[q] = r
	if m.order = append(m.order, q); len(m.order) > m.size {
		delete(m.answers, m.order[0])
		m.order = m.order[1:]
	}
	return r, true
}

func (m *memory[A]) drop(q question) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.answers, q) // from the order it goes in time
}

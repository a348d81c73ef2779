package analyzer

import (
	"context"
	"time"
)

const (
	// chunkSubjects bounds how many subjects one query names, and with it the answer's size.
	chunkSubjects = 250
	// chunkBytes bounds how much of one query is names. Questions are sent as forms, which have no such limit as addresses have, but
	// compiling a pattern takes Prometheus longer than in proportion to its length.
	chunkBytes = 64 << 10
	// chunksAtOnce is how many queries of one signal are under way at the same time.
	chunksAtOnce = 2
	// queriesAtOnce is how many queries of any kind are. Prometheus answers 20 at once unless told otherwise, and others ask too.
	queriesAtOnce = 8
	// few is up to how many subjects are named by exactly their pods. Matching a set of patterns that end in a class of characters
	// takes Prometheus a time that grows with their number, for every pod that it has; for prefixes it looks into a map.
	few = 16
)

// chunked divides subjects into those of one query each.
func chunked(l Labels, subjects []Subject) [][]Subject {
	var out [][]Subject
	begin, bytes := 0, 0
	for i, sub := range subjects {
		size := sub.nameBytes(l)
		if i > begin && (i-begin == chunkSubjects || bytes+size > chunkBytes) {
			out = append(out, subjects[begin:i])
			begin, bytes = i, 0
		}
		bytes += size
	}
	if begin < len(subjects) {
		out = append(out, subjects[begin:])
	}
	return out
}

// nameBytes is how much longer a subject makes a query at most.
func (sub Subject) nameBytes(l Labels) int {
	size := len(sub.Namespace) + 1
	for _, workload := range sub.workloads() {
		size += len(l.workloadPattern(sub.Namespace, workload)) + 1
	}
	for _, pattern := range sub.podPatterns(l, byPrefix) {
		size += len(pattern) + 1
	}
	return size
}

// turn waits until one more query may be under way. What is returned ends it.
func (s *Sampler) turn(ctx context.Context) (asked context.Context, end func(), err error) {
	if err := s.queries.Acquire(ctx, 1); err != nil {
		return nil, nil, err
	}
	asked, cancel := context.WithTimeout(ctx, s.timeout)
	return asked, func() {
		cancel()
		s.queries.Release(1)
	}, nil
}

// reach returns from when to when the spans of subjects are.
func reach(subjects []Subject) (first, last time.Time) {
	for _, sub := range subjects {
		for _, span := range sub.Spans {
			if first.IsZero() || span.From.Before(first) {
				first = span.From
			}
			if span.At.After(last) {
				last = span.At
			}
		}
	}
	return first, last
}

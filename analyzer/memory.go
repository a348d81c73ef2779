package analyzer

import "sync"

// remembered is how many answers are kept.
const remembered = 32

// memory keeps the newest answers to questions about the past, which stay the same.
type memory[T any] struct {
	mu      sync.Mutex
	answers map[string]T
	order   []string
}

// get returns the answer that is kept, or else asks for it. Answers that failed are not kept.
func (m *memory[T]) get(key string, ask func() (T, error)) (T, error) {
	m.mu.Lock()
	answer, known := m.answers[key]
	m.mu.Unlock()
	if known {
		return answer, nil
	}
	answer, err := ask()
	if err != nil {
		return answer, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers == nil {
		m.answers = map[string]T{}
	}
	if _, known := m.answers[key]; !known {
		m.order = append(m.order, key)
	}
	m.answers[key] = answer
	if len(m.order) > remembered {
		delete(m.answers, m.order[0])
		m.order = m.order[1:]
	}
	return answer, nil
}

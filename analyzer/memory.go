package analyzer

import "sync"

// remembered is how many answers are kept.
const remembered = 32

// memory keeps the newest answers to questions about the past, which stay the same.
type memory struct {
	mu      sync.Mutex
	answers map[string]map[pair]Counts
	order   []string
}

// get returns the answer that is kept, or else asks for it. Answers that failed are not kept.
func (m *memory) get(key string, ask func() (map[pair]Counts, error)) (map[pair]Counts, error) {
	m.mu.Lock()
	answer, known := m.answers[key]
	m.mu.Unlock()
	if known {
		return answer, nil
	}
	answer, err := ask()
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers == nil {
		m.answers = map[string]map[pair]Counts{}
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

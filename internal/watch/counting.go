package watch

// CountOpen returns how many watches have not ended.
func (s *Supervisor) CountOpen() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.actors)
}

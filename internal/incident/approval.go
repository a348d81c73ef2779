package incident

// This file tells whoever opens the record of a watch that waits for a person what is asked of them.

// toDecide are the commands that answer, and what happens if nobody does.
func (s Summary) toDecide() []string {
	return []string{"Let the rollback happen: " + code("rollbackctl approve "+shell(s.Watch)) +
		", or refuse it: " + code("rollbackctl deny "+shell(s.Watch)) + ". " + s.unlessDecided()}
}

// unlessDecided says until when an answer is waited for. Journals of earlier versions do not tell.
func (s Summary) unlessDecided() string {
	const then = "nothing is rolled back, the watch ends as Held, and people are paged; the version stays live"
	if s.Times.ApprovalUntil.IsZero() {
		return "If nobody answers in time, " + then
	}
	return "If nobody has answered by **" + instant(s.Times.ApprovalUntil) + "**, " + then
}

// waitsUntil says until when in the middle of a sentence.
func (s Summary) waitsUntil() string {
	if s.Times.ApprovalUntil.IsZero() {
		return ""
	}
	return " until " + instant(s.Times.ApprovalUntil)
}

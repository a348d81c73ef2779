package incident

// drillNote says of a drill what it is, before anybody is alarmed.
func (s Summary) drillNote(p *page) {
	if s.Event.Drill {
		p.line("\n**Drill:** this version was bad on purpose, to rehearse its rollback. Nothing here is an incident.")
	}
}

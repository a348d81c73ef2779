package incident

import "slices"

// drillNote says of a drill what it is, before anybody is alarmed.
func (s Summary) drillNote(p *page) {
	if s.Event.Drill {
		p.line("\n**Drill:** this version was bad on purpose, to rehearse its rollback. Nothing here is an incident.")
		if s.Drilled != nil {
			p.line("\n%s, by %s.", s.Drilled.inWords(), text(s.Drilled.By))
		}
	}
}

// wants reports whether the record is to have a file: nobody reviews a drill as they do an incident, or tells the world of it.
func (s Summary) wants(name string) bool {
	return !s.Event.Drill || name != postmortemFile && name != statusPageFile
}

func (s Summary) wanted(files []File) []File {
	return slices.DeleteFunc(files, func(f File) bool { return !s.wants(f.Name) })
}

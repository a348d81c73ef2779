package chart

import (
	"slices"
	"time"
)

// Mark is a moment with its name.
type Mark struct {
	At    time.Time
	Label string
	Kind  MarkKind
}

// MarkKind says what a mark stands for, and so what its line looks like; its zero value is a plain line.
type MarkKind string

// The kinds of marks: what was found out, what was done, and how it ended; that a canary became larger, and that people were asked or
// said something.
const (
	Decision MarkKind = "decision"
	Action   MarkKind = "action"
	End      MarkKind = "end"
	Step     MarkKind = "step"
	Person   MarkKind = "person"
)

// visible returns the marks within the span in order of time.
func (c Chart) visible() []Mark {
	out := slices.DeleteFunc(slices.Clone(c.Marks), func(m Mark) bool { return m.At.Before(c.From) || m.At.After(c.To) })
	slices.SortStableFunc(out, func(a, b Mark) int { return a.At.Compare(b.At) })
	return out
}

// marks draws a line for each mark, from its label down.
func (d *drawing) marks() {
	for i, m := range d.Marks {
		p := d.places[i]
		x, y := d.x(m.At), float64(nameY+markHeight*(p.row+1))
		d.printf(`<path class="%s" d="M%s %sV%d"/>`, m.class(), number(x), number(y-9), d.bottom)
		if p.left {
			d.text(x-5, y, "label", "end", m.Label)
		} else {
			d.text(x+5, y, "label", "start", m.Label)
		}
	}
}

func (m Mark) class() string {
	switch m.Kind {
	case Decision, Action, End, Step, Person:
		return "mark " + string(m.Kind)
	}
	return "mark"
}

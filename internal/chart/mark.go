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

// The kinds of marks: what was found out, what was done, and how it ended.
const (
	Decision MarkKind = "decision"
	Action   MarkKind = "action"
	End      MarkKind = "end"
)

// visible returns the marks within the span in order of time.
func (c Chart) visible() []Mark {
	out := slices.DeleteFunc(slices.Clone(c.Marks), func(m Mark) bool { return m.At.Before(c.From) || m.At.After(c.To) })
	slices.SortStableFunc(out, func(a, b Mark) int { return a.At.Compare(b.At) })
	return out
}

// marks writes each label on a row of its own so that none lies on another one or on a line. Where all have room to the right of
// their lines, the oldest is uppermost: the lines of later marks begin below it. Otherwise the newest is, written to the left where it
// must be, and the lines of older ones end below it.
func (d *drawing) marks() {
	n, falling := len(d.Marks), !slices.ContainsFunc(d.Marks, func(m Mark) bool { return !d.room(m) })
	for i, m := range d.Marks {
		row, left := i, false
		if !falling {
			row, left = n-1-i, !d.room(m) || (i == 0 && n > 1)
		}
		x, y := d.x(m.At), float64(nameY+markHeight*(row+1))
		d.printf(`<path class="%s" d="M%s %sV%d"/>`, m.class(), number(x), number(y-9), d.bottom)
		if left {
			d.text(x-5, y, "label", "end", m.Label)
		} else {
			d.text(x+5, y, "label", "start", m.Label)
		}
	}
}

// room reports whether a label fits to the right of its line.
func (d *drawing) room(m Mark) bool {
	return width-d.x(m.At) > letter*float64(len([]rune(clip(m.Label, longest))))+5
}

func (m Mark) class() string {
	switch m.Kind {
	case Decision, Action, End:
		return "mark " + string(m.Kind)
	}
	return "mark"
}

package chart

import "slices"

// This file finds places for the labels of marks, so that none lies on another one or on the line of a mark.

// place is where the label of a mark stands: in which row from above, and on which side of its line.
type place struct {
	row  int
	left bool
}

// reach is the part of a row that a label takes up, and where its line is.
type reach struct{ from, to, line float64 }

func (r reach) covers(line float64) bool    { return r.from < line && line < r.to }
func (r reach) overlaps(other reach) bool   { return r.from < other.to && other.from < r.to }
func (r reach) within(least, most int) bool { return r.from >= float64(least) && r.to <= float64(most) }

// lineGap is how far a label is from its line, and from the next label in its row.
const lineGap = 5

// reach is that of a mark's label, which is estimated from its letters.
func (d *drawing) reach(m Mark, left bool) reach {
	x := d.x(m.At)
	wide := lineGap + letter*float64(len([]rune(clip(m.Label, longest)))) + lineGap
	if left {
		return reach{from: x - wide, to: x, line: x}
	}
	return reach{from: x, to: x + wide, line: x}
}

// layOut places the labels of the marks, which are in order of time. The oldest marks have their labels to the right of their lines, each line
// begins below the labels that it would cross; the newest have them to the left, and there the older lines begin below. How many are the
// newest is tried out: the fewest crossings count, and then the fewest rows.
func (d *drawing) layOut() []place {
	best, least := []place(nil), 0
	for right := len(d.Marks); right >= 0; right-- {
		places, bad := d.tryOut(right)
		if cost := bad*(len(d.Marks)+1) + rows(places); best == nil || cost < least {
			best, least = places, cost
		}
	}
	return best
}

// tryOut places the labels of so many of the oldest marks to the right and of the others to the left, and counts what lies on something else
// or outside of the picture.
func (d *drawing) tryOut(right int) (places []place, bad int) {
	places = make([]place, len(d.Marks))
	reaches := make([]reach, len(d.Marks))
	var placed []int
	for n := range d.Marks {
		i := n
		if n >= right { // the newest first
			i = len(d.Marks) - 1 - (n - right)
		}
		reaches[i] = d.reach(d.Marks[i], i >= right)
		if !reaches[i].within(0, width) {
			bad++
		}
		row, crossed := rowFor(i, placed, reaches, places)
		places[i], bad = place{row: row, left: i >= right}, bad+crossed
		placed = append(placed, i)
	}
	return places, bad
}

// rowFor finds the first row for a label in which its own line, which begins there, crosses none of the labels below, and the label lies on
// none. How many lines of the others, which begin above, it lies on depends on the row too.
func rowFor(i int, placed []int, reaches []reach, places []place) (row, crossed int) {
	for _, p := range placed {
		if reaches[p].covers(reaches[i].line) {
			row = max(row, places[p].row+1)
		}
	}
	for slices.ContainsFunc(placed, func(p int) bool { return places[p].row == row && reaches[p].overlaps(reaches[i]) }) {
		row++
	}
	for _, p := range placed {
		if places[p].row <= row && reaches[i].covers(reaches[p].line) {
			crossed++
		}
	}
	return row, crossed
}

// rows is how many rows there are.
func rows(places []place) int {
	n := 0
	for _, p := range places {
		n = max(n, p.row+1)
	}
	return n
}

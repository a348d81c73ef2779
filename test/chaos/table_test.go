package chaos

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// row is what came of one case.
type row struct {
	// table is the heading that the row stands under, what the case.
	table, what string
	// faults are those that struck this case alone.
	faults int
	// bad says that the release was bad, so that a rollback of it is right, and due that one must come; patches are those that
	// landed.
	bad, due bool
	patches  int
	// by is whose patch it was: the process before the fault or the one after.
	by, state string
	took      time.Duration
	// wrong says that something was changed that should have been left alone.
	wrong bool
	// lost says that an event or a record that should be there is not.
	lost bool
	// failed is set when the case did not come to its end.
	failed bool
}

// wronglyRolledBack reports whether a good release was touched, or any of them twice.
func (r row) wronglyRolledBack() bool { return r.wrong || !r.bad && r.patches > 0 || r.patches > 1 }

// tables collects rows while tests run side by side.
type tables struct {
	mu   sync.Mutex
	rows []row
	// faults are those that struck all cases of a table at once, by its heading, in their order.
	faults map[string][]string
}

func (t *tables) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, r)
}

// fault notes what struck all cases of a table.
func (t *tables) fault(table, what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.faults == nil {
		t.faults = map[string][]string{}
	}
	t.faults[table] = append(t.faults[table], what)
}

func (t *tables) print(out io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortStableFunc(t.rows, func(a, b row) int { return strings.Compare(a.table, b.table) })
	for len(t.rows) > 0 {
		heading := t.rows[0].table
		n := slices.IndexFunc(t.rows, func(r row) bool { return r.table != heading })
		if n < 0 {
			n = len(t.rows)
		}
		fmt.Fprintf(out, "\n%s\n%s\n", heading, sum(t.rows[:n], len(t.faults[heading])))
		for _, f := range t.faults[heading] {
			fmt.Fprintln(out, "  fault:", f)
		}
		printRows(out, t.rows[:n])
		t.rows = t.rows[n:]
	}
	fmt.Fprintln(out)
	printElsewhere(out)
}

func printRows(out io.Writer, rows []row) {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprint(w, "  case\tpatches\tby\tended as\ttime\t\n")
	slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(a.what, b.what) })
	for _, r := range rows {
		var flags []string
		for flag, set := range map[string]bool{"WRONG": r.wronglyRolledBack(), "LOST": r.lost, "FAILED": r.failed} {
			if set {
				flags = append(flags, flag)
			}
		}
		slices.Sort(flags)
		fmt.Fprintf(w, "  %s\t%d\t%s\t%s\t%s\t%s\n", r.what, r.patches, r.by, r.state, r.took.Round(time.Second), strings.Join(flags, " "))
	}
}

// sum counts the rows of a table; faults are those that struck them all.
func sum(rows []row, faults int) string {
	due, once, wrongly, lost, failed := 0, 0, 0, 0, 0
	count := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	for _, r := range rows {
		faults += r.faults
		count(&due, r.due)
		count(&once, r.due && r.patches == 1)
		count(&wrongly, r.wronglyRolledBack())
		count(&lost, r.lost)
		count(&failed, r.failed)
	}
	return fmt.Sprintf("runs %d, faults %d, rolled back exactly once %d of %d that had to be, wrongly rolled back %d, lost %d, failed %d",
		len(rows), faults, once, due, wrongly, lost, failed)
}

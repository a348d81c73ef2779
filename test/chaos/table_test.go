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
	// bad says that the release was bad, so that a rollback of it is right; patches are those that landed.
	bad     bool
	patches int
	// by is whose patch it was: the process before the fault or the one after.
	by, state string
	took      time.Duration
	// lost says that an event or a record that should be there is not.
	lost bool
	// failed is set when the case did not come to its end.
	failed bool
}

// tables collects rows while tests run side by side.
type tables struct {
	mu   sync.Mutex
	rows []row
}

func (t *tables) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, r)
}

func (t *tables) print(out io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortFunc(t.rows, func(a, b row) int { return strings.Compare(a.table+"\x00"+a.what, b.table+"\x00"+b.what) })
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	defer w.Flush()
	for i, r := range t.rows {
		if i == 0 || t.rows[i-1].table != r.table {
			fmt.Fprintf(w, "\n%s\n\t%s\ncase\tpatches\tby\tended as\ttime\t\n", r.table, t.sum(r.table))
		}
		flag := ""
		if r.failed {
			flag = "FAILED"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", r.what, r.patches, r.by, r.state, r.took.Round(time.Second), flag)
	}
	fmt.Fprintln(w)
}

// sum counts the rows of a table.
func (t *tables) sum(table string) string {
	runs, once, wrongly, lost := 0, 0, 0, 0
	for _, r := range t.rows {
		if r.table != table {
			continue
		}
		runs++
		if r.bad && r.patches == 1 {
			once++
		}
		if !r.bad && r.patches > 0 || r.patches > 1 {
			wrongly++
		}
		if r.lost || r.failed {
			lost++
		}
	}
	return fmt.Sprintf("runs %d, rolled back exactly once %d, wrongly rolled back %d, lost or failed %d", runs, once, wrongly, lost)
}

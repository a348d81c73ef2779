package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// plainLiveEvery is how often a live line is printed where it cannot be updated in place.
const plainLiveEvery = 2500 * time.Millisecond

const (
	// defaultWidth is that of an output that has none of its own.
	defaultWidth = 100
	// sayIndent is where the text of a line begins that says what somebody did.
	sayIndent = 24
)

// colour is an ANSI attribute.
type colour string

const (
	plain  colour = ""
	bold   colour = "1"
	dim    colour = "2"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	cyan   colour = "36"
)

// piece is a part of a line in one colour.
type piece struct {
	text   string
	colour colour
}

// look is what the output can show.
type look struct {
	// inPlace means that a line can be written over, colours that it can be coloured.
	inPlace, colours bool
	// width is asked for each live line, because a window may be resized.
	width func() int
}

// lookOf finds out what a file can show; https://no-color.org tells about NO_COLOR.
func lookOf(file *os.File) look {
	terminal := term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
	return look{
		inPlace: terminal, colours: terminal && os.Getenv("NO_COLOR") == "",
		width: func() int {
			width, _, err := term.GetSize(int(file.Fd()))
			if err != nil || width < 2*sayIndent {
				return defaultWidth
			}
			return width
		},
	}
}

// screen writes the stories. Writing to a terminal that has gone fails, and there is nobody left to tell.
type screen struct {
	out  io.Writer
	look look
	now  func() time.Time
	// live is set while the cursor is on a live line, livePrinted is when one was last printed.
	live        bool
	livePrinted time.Time
}

func newScreen(out io.Writer, look look) *screen {
	return &screen{out: out, look: look, now: time.Now}
}

func (s *screen) paint(c colour, text string) string {
	if c == plain || !s.look.colours || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// line prints a whole line, in place of a live one if there is one.
func (s *screen) line(text string) {
	if s.live {
		fmt.Fprint(s.out, "\r\x1b[K")
		s.live = false
	}
	fmt.Fprintln(s.out, text)
}

func (s *screen) title() {
	s.line(s.paint(bold, "rollbackd demo") + ": two bad releases and a good one, on real servers")
}

func (s *screen) ending(took time.Duration) {
	s.line("")
	s.line(s.paint(green, "All three stories ended as they should.") + fmt.Sprintf(" It took %.0f s.", took.Seconds()))
}

// heading begins a story.
func (s *screen) heading(text string) {
	s.line("")
	s.line(s.paint(bold, "━━ "+text+" "+strings.Repeat("━", max(0, 76-utf8.RuneCountInString(text)))))
	s.line("")
}

// say prints what somebody did at this moment.
func (s *screen) say(who, what string, c colour) { s.sayAt(s.now(), who, what, c) }

// sayAt prints what somebody did at a time.
func (s *screen) sayAt(at time.Time, who, what string, c colour) {
	lines := wrap(what, s.look.width()-sayIndent-1)
	s.line("  " + s.paint(dim, clock(at)) + "  " + s.paint(cyan, fmt.Sprintf("%-11s", who)) + " " + s.paint(c, lines[0]))
	for _, more := range lines[1:] {
		s.line(strings.Repeat(" ", sayIndent) + s.paint(c, more))
	}
}

// wrap breaks a text into lines between words; a word that is longer than a line stays whole.
func wrap(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// show puts pieces onto the live line. Where a line cannot be written over it prints one every few seconds, with the
// time.
func (s *screen) show(pieces []piece) {
	if s.look.inPlace {
		fmt.Fprint(s.out, "\r  "+s.join(fit(pieces, s.look.width()-3))+"\x1b[K")
		s.live = true
		return
	}
	if s.now().Sub(s.livePrinted) < plainLiveEvery {
		return
	}
	s.livePrinted = s.now()
	s.line("  " + clock(s.now()) + "  " + s.join(pieces))
}

func (s *screen) join(pieces []piece) string {
	var text strings.Builder
	for _, p := range pieces {
		text.WriteString(s.paint(p.colour, p.text))
	}
	return text.String()
}

// fit leaves out the pieces that a terminal would wrap: a wrapped line cannot be written over.
func fit(pieces []piece, width int) []piece {
	for i, p := range pieces {
		if width -= utf8.RuneCountInString(p.text); width < 0 {
			return pieces[:i]
		}
	}
	return pieces
}

// columns prints rows with aligned columns; the first row is their heading.
func (s *screen) columns(rows [][3]string) {
	for i, row := range rows {
		text := fmt.Sprintf("    %-46s%-10s%s", row[0], row[1], row[2])
		c := plain
		if i == 0 {
			c = dim
		}
		s.line(s.paint(c, text))
	}
}

// check prints one proof.
func (s *screen) check(c check) {
	mark := s.paint(green, "✓")
	if !c.ok {
		mark = s.paint(red, "✗")
	}
	s.line(fmt.Sprintf("    %s %s %s", mark, s.paint(dim, fmt.Sprintf("%-22s", c.asked)), c.found))
}

// suffering prints how long users suffered.
func (s *screen) suffering(u suffering) {
	s.line("")
	s.line(fmt.Sprintf("    %s, at %s, to", u.from, clock(u.began)))
	for _, m := range u.moments {
		s.line(fmt.Sprintf("      %-45s%s", m.what, s.paint(bold, fmt.Sprintf("%8s", seconds(m.at.Sub(u.began))))))
	}
	for _, line := range wrap(u.did, s.look.width()-5) {
		s.line("    " + line)
	}
}

// document prints a file.
func (s *screen) document(path, text string) {
	s.heading(path)
	for line := range strings.Lines(text) {
		c := plain
		if strings.HasPrefix(line, "#") {
			c = bold
		}
		s.line(s.paint(c, strings.TrimRight(line, "\n")))
	}
}

// clock shows a time of day as the records do, in UTC.
func clock(at time.Time) string { return at.UTC().Format("15:04:05") }

// span shows a duration in the words of the documentation.
func span(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%g s", d.Seconds())
}

// seconds shows how long something took.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// shortSeconds shows a latency.
func shortSeconds(s float64) string { return fmt.Sprintf("%.2f s", s) }

// percent shows a fraction of 1.
func percent(f float64) string { return fmt.Sprintf("%.2f %%", f*100) }

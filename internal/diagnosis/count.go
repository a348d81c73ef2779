package diagnosis

import (
	"cmp"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The bounds of what is made of logs.
const (
	// mostShapes is how many shapes are kept; while counting there may be more, lest a log of random words fill the memory.
	mostShapes  = 40
	mostCounted = 2000
	// mostErrors is how many error lines of one log are looked at. If there are more, what they tell is of the time up to there.
	mostErrors = 1000
	// mostExample bounds a line that is shown, in runes.
	mostExample = 400
	// mostLastWords is how many last lines of a container that ended are kept, of mostLast lines that are looked at.
	mostLastWords = 12
	mostLast      = 300
)

// Trend says how often lines of a shape come from the release, compared with the version before.
type Trend string

// The trends.
const (
	// New: the version before did not write it in a time in which it should have.
	New Trend = "new"
	// Risen: it comes at least twice as often.
	Risen Trend = "risen"
	// Same: it comes about as often.
	Same Trend = "same"
	// Fallen: it comes at most half as often, or not at all.
	Fallen Trend = "fallen"
	// Unknown: too little of the log of the version before was seen to tell.
	Unknown Trend = "unknown"
)

// increased reports whether a shape may be the release's doing.
func (t Trend) increased() bool { return t == New || t == Risen || t == Unknown }

// enough is how many lines are expected at the other side's rate before their absence, or their number, tells anything.
const enough = 3

// trendOf compares counts of the two sides over the minutes for which their logs were seen.
func trendOf(release, before int, releaseMinutes, beforeMinutes float64) Trend {
	if beforeMinutes <= 0 || releaseMinutes <= 0 {
		return Unknown
	}
	r, b := float64(release)/releaseMinutes, float64(before)/beforeMinutes
	switch {
	case max(r*beforeMinutes, float64(before)) < enough && max(b*releaseMinutes, float64(release)) < enough:
		return Unknown
	case before == 0 && r*beforeMinutes >= enough:
		return New
	case before == 0:
		return Unknown
	case r >= 2*b:
		return Risen
	case r <= b/2:
		return Fallen
	}
	return Same
}

// Source is the text of one log, with the time before each line.
type Source struct {
	Log
	Text string
	// From and To are the span that was asked for: the later one of the container's start and the beginning, and the time of reading.
	From, To time.Time
	// Ended says that the container has ended, so that its last lines may tell why.
	Ended bool
}

// counted is a shape while it is being counted.
type counted struct {
	Shape
	pods map[string]bool
}

// counter counts shapes over all logs of a diagnosis.
type counter struct {
	hide   func(string) string
	shapes map[string]*counted
	// known are the shapes of lines that were seen, by the lines with their digits made alike; nil for those that are no errors. Most
	// lines of a log differ in nothing else, and these need not be looked at again.
	known map[string]*counted
}

// Count groups the errors in logs by shape. hide hides the secrets of a text.
func Count(sources []Source, hide func(string) string) Logs {
	var out Logs
	c := counter{hide: hide, shapes: map[string]*counted{}, known: map[string]*counted{}}
	for _, s := range sources {
		log, minutes := c.count(s)
		out.Read = append(out.Read, log)
		if s.Side == Release {
			out.ReleaseMinutes += minutes
		} else {
			out.BeforeMinutes += minutes
		}
		if s.Ended {
			if words := lastWords(s, hide); len(words.Lines) > 0 {
				out.LastWords = append(out.LastWords, words)
			}
		}
	}
	out.ReleaseMinutes, out.BeforeMinutes = rounded(out.ReleaseMinutes), rounded(out.BeforeMinutes)
	for _, one := range c.shapes {
		one.Shape.Pods = len(one.pods)
		one.Trend = trendOf(one.Release, one.Before, out.ReleaseMinutes, out.BeforeMinutes)
		out.Shapes = append(out.Shapes, one.Shape)
	}
	slices.SortFunc(out.Shapes, func(a, b Shape) int {
		return cmp.Or(cmp.Compare(out.increase(b), out.increase(a)), cmp.Compare(b.Release, a.Release), cmp.Compare(a.Shape, b.Shape))
	})
	if n := len(out.Shapes); n > mostShapes {
		out.MoreShapes, out.Shapes = n-mostShapes, slices.Clone(out.Shapes[:mostShapes])
	}
	return out
}

// increase is how many more lines a minute the release writes.
func (l Logs) increase(s Shape) float64 {
	return perMinute(s.Release, l.ReleaseMinutes) - perMinute(s.Before, l.BeforeMinutes)
}

// perMinute is a rate; without a time it is the count, so that shapes can be ordered all the same.
func perMinute(n int, minutes float64) float64 {
	if minutes <= 0 {
		return float64(n)
	}
	return float64(n) / minutes
}

func rounded(minutes float64) float64 { return math.Round(minutes*100) / 100 }

// count counts the errors of one log, and tells for how many minutes it was seen.
func (c *counter) count(s Source) (Log, float64) {
	log := s.Log
	var first, last time.Time
	for raw := range strings.Lines(s.Text) {
		if log.Errors == mostErrors {
			log.Cut = true
			break
		}
		log.Lines++
		at, text := splitTime(raw)
		if !at.IsZero() {
			if first.IsZero() {
				first = at
			}
			last = at
		}
		if shape := c.shapeOf(text); shape != nil {
			log.Errors++
			shape.note(s, at, func() string { return shorten(readLine(text, c.hide).text, mostExample) })
		}
	}
	from, to := s.From, s.To
	if log.Cut || log.Previous { // what is known is what was read
		from, to = first, last
	}
	return log, max(to.Sub(from).Minutes(), 0)
}

// shapeOf returns the shape of a line; nil if it is no error.
func (c *counter) shapeOf(text string) *counted {
	key := alike(text)
	if shape, ok := c.known[key]; ok {
		return shape
	}
	var shape *counted
	if l := readLine(text, c.hide); l.isError {
		shape = c.named(ShapeOf(l.message))
	}
	if len(c.known) < mostKnown {
		c.known[key] = shape
	}
	return shape
}

// mostKnown bounds how many lines are known.
const mostKnown = 4000

func (c *counter) named(name string) *counted {
	if c.shapes[name] == nil && len(c.shapes) >= mostCounted {
		name = "(other lines)"
	}
	if c.shapes[name] == nil {
		c.shapes[name] = &counted{Shape: Shape{Shape: name}, pods: map[string]bool{}}
	}
	return c.shapes[name]
}

// alike makes all digits of a line the same. Where a number is the line's level, it stays as it is.
func alike(text string) string {
	if numericLevel.MatchString(text) {
		return text
	}
	out := []byte(text)
	for i, b := range out {
		if b >= '1' && b <= '9' {
			out[i] = '0'
		}
	}
	return string(out)
}

var numericLevel = regexp.MustCompile(`"level": ?\d`)

// note counts a line. The example is the first of the release, or else the first of all.
func (c *counted) note(s Source, at time.Time, example func() string) {
	if c.Example == "" || s.Side == Release && c.Release == 0 {
		c.Example, c.First, c.Last = example(), at, at
	}
	if s.Side != Release {
		c.Before++
		return
	}
	c.Release++
	c.pods[s.Pod] = true
	if at.Before(c.First) {
		c.First = at
	}
	if at.After(c.Last) {
		c.Last = at
	}
}

// lastWords are the last lines of a log that are not empty. More are looked at than are kept, so that a secret of several lines is
// known by how it begins.
func lastWords(s Source, hide func(string) string) LastWords {
	lines := slices.Collect(strings.Lines(s.Text))
	lines = lines[max(0, len(lines)-mostLast):]
	var text strings.Builder
	for _, raw := range lines {
		_, raw = splitTime(raw)
		text.WriteString(plainText(raw))
		text.WriteByte('\n')
	}
	out := LastWords{Pod: s.Pod, Container: s.Container}
	for l := range strings.Lines(hide(text.String())) {
		if l = strings.TrimSpace(l); l != "" {
			out.Lines = append(out.Lines, shorten(l, mostExample))
		}
	}
	out.Lines = slices.Clone(out.Lines[max(0, len(out.Lines)-mostLastWords):])
	return out
}

// keysOf returns the keys of a map, sorted.
func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

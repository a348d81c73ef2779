package chart

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// box is about where a label is drawn.
type box struct {
	left, right, upper, lower float64
	words, class              string
}

// boxes are those of all labels of a picture.
func boxes(t *testing.T, picture []byte) []box {
	t.Helper()
	var svg struct {
		Text []struct {
			X      float64 `xml:"x,attr"`
			Y      float64 `xml:"y,attr"`
			Anchor string  `xml:"text-anchor,attr"`
			Class  string  `xml:"class,attr"`
			Words  string  `xml:",chardata"`
		} `xml:"text"`
	}
	require.NoError(t, xml.Unmarshal(picture, &svg))
	var out []box
	for _, text := range svg.Text {
		wide := 6 * float64(len([]rune(text.Words)))
		b := box{left: text.X, right: text.X + wide, upper: text.Y - 9, lower: text.Y + 2, words: text.Words, class: text.Class}
		switch text.Anchor {
		case "middle":
			b.left, b.right = text.X-wide/2, text.X+wide/2
		case "end":
			b.left, b.right = text.X-wide, text.X
		}
		out = append(out, b)
	}
	return out
}

// wantApart fails if a label lies on another one or outside of the picture.
func wantApart(t *testing.T, picture []byte) {
	t.Helper()
	all := boxes(t, picture)
	require.NotEmpty(t, all)
	for i, a := range all {
		require.GreaterOrEqual(t, a.left, 0.0, a.words)
		require.LessOrEqual(t, a.right, float64(width), a.words)
		for _, b := range all[:i] {
			if a.left < b.right && b.left < a.right && a.upper < b.lower && b.upper < a.lower {
				t.Errorf("%q lies on %q", a.words, b.words)
			}
		}
	}
}

func TestLabelsLieApart(t *testing.T) {
	wantApart(t, File(release()))
	wantApart(t, File(rolledBack()))
	wantApart(t, File(canary()))
	crowded := rolledBack()
	for i := range crowded.Marks {
		crowded.Marks[i].At = start().Add(12*time.Minute + time.Duration(i)*time.Second)
	}
	wantApart(t, File(crowded))
	for i := range crowded.Marks {
		crowded.Marks[i].At, crowded.Marks[i].Label = crowded.To, "this has no room at the right end"
	}
	wantApart(t, File(crowded))
}

// TestNoMarkCrossesALabel draws marks at many places and looks whether the line of one goes through the label of another.
func TestNoMarkCrossesALabel(t *testing.T) {
	all := map[string]Chart{"release": release(), "rolled back": rolledBack(), "canary": canary()}
	for i := range 40 { // the same marks, ever closer to the right end
		c := canary()
		c.From, c.To = start().Add(-time.Duration(i*i)*time.Minute), start().Add(20*time.Minute)
		all[fmt.Sprintf("canary, %d minutes longer", i*i)] = c
	}
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			picture := SVG(c)
			wantApart(t, picture)
			for _, l := range markLines(t, picture) {
				for _, b := range boxes(t, picture) {
					if b.class == "label" && b.left < l.left && l.left < b.right && l.upper < b.lower && b.upper < l.lower {
						t.Errorf("a mark at %.0f goes through %q", l.left, b.words)
					}
				}
			}
		})
	}
}

// A label that has room in an upper row is written there, so that marks far apart take no more height than one.
func TestMarksFarApartShareARow(t *testing.T) {
	c := one(Release, 1, 2, 3)
	c.Marks = []Mark{{At: start(), Label: "first"}, {At: start().Add(5 * time.Minute), Label: "second"}, {At: c.To, Label: "third"}}
	d := drawing{Chart: c.within()}
	require.Equal(t, []place{{}, {}, {}}, d.layOut())
	c.Marks[1].At = start().Add(2 * time.Second)
	d = drawing{Chart: c.within()}
	require.Equal(t, []place{{row: 0}, {row: 1}, {row: 0}}, d.layOut())
}

// markLines are the lines of the marks.
func markLines(t *testing.T, picture []byte) []box {
	t.Helper()
	var svg struct {
		Path []struct {
			Class string `xml:"class,attr"`
			D     string `xml:"d,attr"`
		} `xml:"path"`
	}
	require.NoError(t, xml.Unmarshal(picture, &svg))
	var out []box
	for _, p := range svg.Path {
		if strings.HasPrefix(p.Class, "mark") {
			var b box
			_, err := fmt.Sscanf(p.D, "M%f %fV%f", &b.left, &b.upper, &b.lower)
			require.NoError(t, err)
			out = append(out, b)
		}
	}
	require.NotEmpty(t, out)
	return out
}

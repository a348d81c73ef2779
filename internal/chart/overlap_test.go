package chart

import (
	"encoding/xml"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// box is about where a label is drawn.
type box struct {
	left, right, upper, lower float64
	words                     string
}

// boxes are those of all labels of a picture.
func boxes(t *testing.T, picture []byte) []box {
	t.Helper()
	var svg struct {
		Text []struct {
			X      float64 `xml:"x,attr"`
			Y      float64 `xml:"y,attr"`
			Anchor string  `xml:"text-anchor,attr"`
			Words  string  `xml:",chardata"`
		} `xml:"text"`
	}
	require.NoError(t, xml.Unmarshal(picture, &svg))
	var out []box
	for _, text := range svg.Text {
		wide := 6 * float64(len([]rune(text.Words)))
		b := box{left: text.X, right: text.X + wide, upper: text.Y - 9, lower: text.Y + 2, words: text.Words}
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

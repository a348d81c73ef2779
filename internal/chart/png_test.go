package chart

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func pixels(t *testing.T, c Chart) *image.RGBA {
	t.Helper()
	canvas, err := rasterise(SVG(c))
	require.NoError(t, err)
	return canvas.image
}

// colours counts the pixels of each colour, of one in so many rows and columns.
func colours(picture *image.RGBA, every int) map[color.RGBA]int {
	out, area := map[color.RGBA]int{}, picture.Bounds()
	for y := 0; y < area.Max.Y; y += every {
		for x := 0; x < area.Max.X; x += every {
			out[picture.RGBAAt(x, y)]++
		}
	}
	return out
}

func TestPNGHoldsWhatWasDrawn(t *testing.T) {
	body, err := PNG(rolledBack())
	require.NoError(t, err)
	again, err := PNG(rolledBack())
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, again), "the same chart gives the same bytes")
	decoded, err := png.Decode(bytes.NewReader(body))
	require.NoError(t, err)
	drawn := pixels(t, rolledBack())
	require.Equal(t, drawn.Bounds(), decoded.Bounds())
	for y := 0; y < drawn.Bounds().Max.Y; y += 7 {
		for x := 0; x < drawn.Bounds().Max.X; x += 7 {
			if want := drawn.RGBAAt(x, y); want != color.RGBAModel.Convert(decoded.At(x, y)) {
				t.Fatalf("%d, %d is %v, want %v", x, y, decoded.At(x, y), want)
			}
		}
	}
}

func TestEveryChartCanBeDrawnAsPNG(t *testing.T) {
	for name, c := range pictures() {
		t.Run(name, func(t *testing.T) {
			picture := pixels(t, c)
			require.Equal(t, width*pngScale, picture.Bounds().Dx())
			require.Greater(t, colours(picture, 10)[rgb(0xffffff)], picture.Bounds().Dx()*picture.Bounds().Dy()/200, "paper")
		})
	}
	picture := pixels(t, rolledBack())
	seen := colours(picture, 2)
	for class, l := range looks() {
		if strings.HasPrefix(class, "line") && !strings.Contains(class, "before") && !strings.Contains(class, "dense") {
			require.Positive(t, seen[l.colour], class)
		}
	}
}

// The rollback's mark is a stroke without gaps, and that of the decision has some.
func TestMarksAreToldApartInPixels(t *testing.T) {
	for _, tc := range []struct {
		kind  MarkKind
		solid bool
	}{{"", true}, {Action, true}, {Decision, false}, {End, false}, {Step, false}, {Person, false}} {
		c := one(Release, 1, 1, 1)
		c.Marks = []Mark{{At: start().Add(7 * time.Minute), Kind: tc.kind}}
		picture := pixels(t, c)
		d := drawing{Chart: c.within()}
		x, painted, tall := int(d.x(c.Marks[0].At)*pngScale), 0, 0
		for y := 60 * pngScale; y < 200*pngScale; y++ {
			tall++
			if picture.RGBAAt(x, y).R < 0x80 {
				painted++
			}
		}
		require.Equal(t, tc.solid, painted == tall, "%q: %d of %d", tc.kind, painted, tall)
		require.Positive(t, painted)
	}
}

// TestLooksAreThoseOfTheStyleSheet: what PNG shows is what SVG shows on paper.
func TestLooksAreThoseOfTheStyleSheet(t *testing.T) {
	for class, l := range looks() {
		style := styleOf(t, class)
		want := fmt.Sprintf("#%02x%02x%02x", l.colour.R, l.colour.G, l.colour.B)
		fill := l.size > 0 || class == "paper" || class == "shade"
		property := map[bool]string{true: "fill", false: "stroke"}[fill]
		got := style[property]
		if len(got) == 4 { // #fff
			got = "#" + strings.Repeat(got[1:2], 2) + strings.Repeat(got[2:3], 2) + strings.Repeat(got[3:4], 2)
		}
		require.Equal(t, want, got, class)
		if fill {
			if l.size > 0 {
				require.Equal(t, fmt.Sprintf("%gpx", l.size), style["font-size"], class)
			}
			continue
		}
		require.Equal(t, fmt.Sprint(l.width), style["stroke-width"], class)
		require.Equal(t, strings.Trim(fmt.Sprint(l.dashes), "[]"), style["stroke-dasharray"], class)
		require.Equal(t, l.round, style["stroke-linecap"] == "round", class)
	}
}

// styleOf is what the style sheet gives an element of these classes, its later rules going before the earlier ones, in colours that are not variables.
func styleOf(t *testing.T, class string) map[string]string {
	t.Helper()
	out := map[string]string{"font-size": "12px", "stroke-width": "1"}
	has := strings.Fields(class)
	for _, rule := range regexp.MustCompile(`(?m)^\.chart (text|path)?((?:\.[a-z]+)*) \{([^}]*)\}`).FindAllStringSubmatch(CSS(), -1) {
		matches := true
		for _, c := range strings.Split(strings.TrimPrefix(rule[2], "."), ".") {
			matches = matches && (c == "" || strings.Contains(" "+strings.Join(has, " ")+" ", " "+c+" "))
		}
		text := strings.HasPrefix(class, "label") || class == "tick" || class == "name"
		rect := class == "paper" || class == "shade"
		if !matches || (rule[1] == "text") != text || (rule[1] == "path" && rect) {
			continue
		}
		for _, declaration := range strings.Split(rule[3], ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(declaration), ": ")
			if !strings.HasPrefix(value, "var(") {
				out[name] = value
			}
		}
	}
	return out
}

func TestOnlyItsOwnPicturesAreRasterised(t *testing.T) {
	for _, bad := range []string{
		"<svg", `<text class="label">x</text>`, `<svg viewBox="0 0 9999999 1"/>`, `<svg viewBox="0 0 9 9"><circle class="grid"/></svg>`,
		`<svg viewBox="0 0 9 9"><path class="unknown"/></svg>`, `<svg viewBox="0 0 9 9"><path class="grid" d="M1 1C1 2 3 4"/></svg>`,
		`<svg viewBox="0 0 9 9"><path class="grid" d="L1 1"/></svg>`, `<svg viewBox="0 0 9 9"><path class="grid" d="M1 x"/></svg>`,
	} {
		_, err := rasterise([]byte(bad))
		require.Error(t, err, bad)
	}
}

func BenchmarkPNG(b *testing.B) {
	for b.Loop() {
		if _, err := PNG(rolledBack()); err != nil {
			b.Fatal(err)
		}
	}
}

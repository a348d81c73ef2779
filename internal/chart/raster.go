package chart

import (
	"fmt"
	"image"
	"image/color"
	imagedraw "image/draw"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/image/vector"
)

// canvas is a picture of pixels. All lengths that it is given are in the picture's units.
type canvas struct {
	image *image.RGBA
	faces faces
}

// spot is a place in the picture.
type spot struct{ x, y float64 }

// linesOf reads the path of straight lines that this package writes, each as its corners: M, L, H, V, h and v with absolute or
// relative numbers.
func linesOf(path string) ([][]spot, error) {
	var out [][]spot
	at := spot{}
	for rest := path; rest != ""; {
		command := rest[0]
		end := strings.IndexAny(rest[1:], "MLHVhv") + 1
		if end == 0 {
			end = len(rest)
		}
		numbers, err := numbersOf(rest[1:end], command)
		if err != nil {
			return nil, fmt.Errorf("path %.40q: %w", path, err)
		}
		rest = rest[end:]
		switch command {
		case 'M':
			at = spot{numbers[0], numbers[1]}
			out = append(out, []spot{at})
			continue
		case 'L':
			at = spot{numbers[0], numbers[1]}
		case 'H':
			at.x = numbers[0]
		case 'V':
			at.y = numbers[0]
		case 'h':
			at.x += numbers[0]
		case 'v':
			at.y += numbers[0]
		}
		if len(out) == 0 {
			return nil, fmt.Errorf("path %.40q does not begin with M", path)
		}
		out[len(out)-1] = append(out[len(out)-1], at)
	}
	return out, nil
}

func numbersOf(text string, command byte) ([]float64, error) {
	want := 1
	if command == 'M' || command == 'L' {
		want = 2
	}
	fields := strings.Fields(text)
	if !strings.ContainsRune("MLHVhv", rune(command)) || len(fields) != want {
		return nil, fmt.Errorf("%q after %q is not known", text, command)
	}
	out := make([]float64, want)
	for i, f := range fields {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (c *canvas) rectangle(left, upper, right, lower float64, colour color.RGBA) {
	area := image.Rect(round(left), round(upper), round(right), round(lower))
	imagedraw.Draw(c.image, area, image.NewUniform(colour), image.Point{}, imagedraw.Over)
}

func round(v float64) int { return int(math.Round(v * pngScale)) }

// stroke draws lines all at once, so that where they cross is no darker.
func (c *canvas) stroke(all [][]spot, l look) {
	pen := pen{width: l.width * pngScale, round: l.round}
	for _, line := range all {
		for _, part := range dashed(line, l.dashes) {
			pen.line(part)
		}
	}
	pen.fill(c.image, l.colour)
}

// dashed cuts a line into its dashes.
func dashed(line []spot, dashes []float64) [][]spot {
	if len(dashes) < 2 || dashes[0]+dashes[1] <= 0 {
		return [][]spot{line}
	}
	out := [][]spot{{line[0]}}
	index, left := 0, dashes[0]
	for i := 1; i < len(line); i++ {
		from, to := line[i-1], line[i]
		length := math.Hypot(to.x-from.x, to.y-from.y)
		for done := 0.0; done < length; {
			step := min(left, length-done)
			done, left = done+step, left-step
			at := spot{from.x + (to.x-from.x)*done/length, from.y + (to.y-from.y)*done/length}
			if index%2 == 0 {
				out[len(out)-1] = append(out[len(out)-1], at)
			}
			if left > 0 {
				continue
			}
			index++
			left = dashes[index%len(dashes)]
			if index%2 == 0 {
				out = append(out, []spot{at})
			}
		}
	}
	return out
}

// pen fills the outlines of strokes. All outlines turn the same way, or what two of them cover would be left out.
type pen struct {
	width    float64
	round    bool
	outlines [][]spot
}

// fill draws what the outlines enclose, looking only at the part of the picture that they lie in.
func (p *pen) fill(picture *image.RGBA, colour color.RGBA) {
	low, high := spot{math.Inf(1), math.Inf(1)}, spot{math.Inf(-1), math.Inf(-1)}
	for _, outline := range p.outlines {
		for _, at := range outline {
			low, high = spot{min(low.x, at.x), min(low.y, at.y)}, spot{max(high.x, at.x), max(high.y, at.y)}
		}
	}
	area := picture.Bounds()
	if !(low.x <= high.x) || high.x < 0 || high.y < 0 || low.x > float64(area.Max.X) || low.y > float64(area.Max.Y) {
		return
	}
	within := func(v float64, most int) int { return int(max(0, min(v, float64(most)))) }
	area = image.Rect(within(low.x, area.Max.X), within(low.y, area.Max.Y), within(high.x+1, area.Max.X), within(high.y+1, area.Max.Y))
	raster := vector.NewRasterizer(area.Dx(), area.Dy())
	for _, outline := range p.outlines {
		for i, at := range outline {
			x, y := float32(at.x-float64(area.Min.X)), float32(at.y-float64(area.Min.Y))
			if i == 0 {
				raster.MoveTo(x, y)
			} else {
				raster.LineTo(x, y)
			}
		}
		raster.ClosePath()
	}
	raster.Draw(picture, area, image.NewUniform(colour), image.Point{})
}

func (p *pen) line(along []spot) {
	half := p.width / 2
	for i := range along {
		a := along[i].scaled()
		if len(along) == 1 || (len(along) == 2 && along[0] == along[1]) {
			p.dot(a, half)
			return
		}
		if p.round || (i > 0 && i < len(along)-1) {
			p.circle(a, half)
		}
		if i == 0 {
			continue
		}
		b := along[i-1].scaled()
		length := math.Hypot(a.x-b.x, a.y-b.y)
		if length == 0 {
			continue
		}
		across := spot{-(a.y - b.y) / length * half, (a.x - b.x) / length * half}
		p.outline([]spot{{b.x + across.x, b.y + across.y}, {a.x + across.x, a.y + across.y}, {a.x - across.x, a.y - across.y}, {b.x - across.x, b.y - across.y}})
	}
}

func (s spot) scaled() spot { return spot{s.x * pngScale, s.y * pngScale} }

// dot is a line without length.
func (p *pen) dot(at spot, half float64) {
	if p.round {
		p.circle(at, half)
		return
	}
	p.outline([]spot{{at.x - half, at.y - half}, {at.x + half, at.y - half}, {at.x + half, at.y + half}, {at.x - half, at.y + half}})
}

// corners is how many corners stand for a circle.
const corners = 16

func (p *pen) circle(at spot, radius float64) {
	out := make([]spot, corners)
	for i := range out {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		out[i] = spot{at.x + radius*cos, at.y + radius*sin}
	}
	p.outline(out)
}

func (p *pen) outline(outline []spot) {
	area := 0.0
	for i, a := range outline {
		b := outline[(i+1)%len(outline)]
		area += a.x*b.y - b.x*a.y
	}
	if area < 0 {
		slices.Reverse(outline)
	}
	p.outlines = append(p.outlines, outline)
}

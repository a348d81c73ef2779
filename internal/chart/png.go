package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strconv"
)

// This file draws the same picture as PNG, for receivers that show no SVG. It reads the SVG that this package writes and knows nothing
// else: rectangles, text, and paths of straight lines, whose look is told by their class. So a picture is laid out in one place. Go
// packages that draw SVG in general write no text and know no classes, and chart packages would draw another picture.

// pngScale is how many pixels a unit of the picture has.
const pngScale = 2

// look is what an element of a class is drawn like, in the colours of paper; lengths are in the picture's units.
type look struct {
	colour color.RGBA
	width  float64
	// dashes are the lengths of strokes and gaps in turn, nil for one stroke. Round ends strokes with half circles.
	dashes []float64
	round  bool
	size   float64
}

// looks are those of chart.css, which a test holds them to.
func looks() map[string]look {
	ink, faint, grid := rgb(0x1b1f24), rgb(0x5c6670), rgb(0xdfe3e8)
	release, good, beside, before, limit, baseline := rgb(0x0b5cad), rgb(0x4a5560), rgb(0x8a5300), rgb(0x6b7580), rgb(0xb42318), rgb(0x2c6e49)
	return map[string]look{
		"paper": {colour: rgb(0xffffff)}, "shade": {colour: rgb(0xeceff2)},
		"grid": {colour: grid, width: 1}, "axis": {colour: faint, width: 1},
		"mark": {colour: ink, width: 1.2}, "mark decision": {colour: ink, width: 1.2, dashes: []float64{6, 3}},
		"mark action": {colour: ink, width: 2.4}, "mark end": {colour: ink, width: 2, dashes: []float64{0, 4}, round: true},
		"mark step": {colour: ink, width: 1.2, dashes: []float64{1, 5}}, "mark person": {colour: ink, width: 1.6, dashes: []float64{12, 3, 2, 3}},
		"line release": {colour: release, width: 2}, "line release dense": {colour: release, width: 1.3}, "dots release": {colour: release, width: 5, round: true},
		"line good": {colour: good, width: 1}, "line good dense": {colour: good, width: 1}, "dots good": {colour: good, width: 3.5},
		"line beside": {colour: beside, width: 1.5, dashes: []float64{5, 3}}, "line beside dense": {colour: beside, width: 1.5, dashes: []float64{5, 3}},
		"dots beside": {colour: beside, width: 4},
		"line before": {colour: before, width: 1}, "line before dense": {colour: before, width: 1}, "dots before": {colour: before, width: 3, round: true},
		"line limit": {colour: limit, width: 1.5, dashes: []float64{10, 4}}, "line limit dense": {colour: limit, width: 1.5, dashes: []float64{10, 4}},
		"line baseline": {colour: baseline, width: 2, dashes: []float64{2, 3}}, "line baseline dense": {colour: baseline, width: 2, dashes: []float64{2, 3}},
		"dots limit": {colour: limit, width: 5, round: true}, "dots baseline": {colour: baseline, width: 5, round: true},
		"label": {colour: ink, size: 12}, "tick": {colour: faint, size: 11}, "name": {colour: ink, size: 12},
		"label limit": {colour: limit, size: 12}, "label baseline": {colour: baseline, size: 12},
	}
}

func rgb(v uint32) color.RGBA {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

// PNG draws a chart as PNG, in the colours of paper.
func PNG(c Chart) ([]byte, error) {
	canvas, err := rasterise(SVG(c))
	if err != nil {
		return nil, fmt.Errorf("draw the chart as PNG: %w", err)
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&out, canvas.image); err != nil {
		return nil, fmt.Errorf("draw the chart as PNG: %w", err)
	}
	return out.Bytes(), nil
}

// rasterise draws the elements of a picture in their order.
func rasterise(picture []byte) (*canvas, error) {
	var c *canvas
	known := looks()
	decoder := xml.NewDecoder(bytes.NewReader(picture))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		attributes := attributesOf(element)
		class, found := known[attributes["class"]]
		switch {
		case element.Name.Local == "svg":
			if c, err = newCanvas(attributes["viewBox"]); err != nil {
				return nil, err
			}
			continue
		case c == nil || !found:
			return nil, fmt.Errorf("the picture holds a <%s> of class %q, which is not known", element.Name.Local, attributes["class"])
		}
		if err := c.draw(decoder, element, attributes, class); err != nil {
			return nil, err
		}
	}
}

func attributesOf(element xml.StartElement) map[string]string {
	out := make(map[string]string, len(element.Attr))
	for _, a := range element.Attr {
		out[a.Name.Local] = a.Value
	}
	return out
}

func (c *canvas) draw(decoder *xml.Decoder, element xml.StartElement, attributes map[string]string, class look) error {
	switch element.Name.Local {
	case "rect":
		x, y := float(attributes["x"]), float(attributes["y"])
		c.rectangle(x, y, x+float(attributes["width"]), y+float(attributes["height"]), class.colour)
		return nil
	case "path":
		lines, err := linesOf(attributes["d"])
		if err == nil {
			c.stroke(lines, class)
		}
		return err
	case "text":
		var words string
		if err := decoder.DecodeElement(&words, &element); err != nil {
			return err
		}
		return c.write(float(attributes["x"]), float(attributes["y"]), attributes["text-anchor"], words, class)
	}
	return fmt.Errorf("the picture holds a <%s>, which is not known", element.Name.Local)
}

// float reads a number that this package wrote; what is missing is zero.
func float(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return v
}

// newCanvas makes a canvas as large as the picture, white all over.
func newCanvas(viewBox string) (*canvas, error) {
	var wide, high int
	if _, err := fmt.Sscanf(viewBox, "0 0 %d %d", &wide, &high); err != nil || wide < 1 || high < 1 || wide > 4000 || high > 4000 {
		return nil, fmt.Errorf("the picture is %q large", viewBox)
	}
	c := &canvas{image: image.NewRGBA(image.Rect(0, 0, wide*pngScale, high*pngScale))}
	c.rectangle(0, 0, float64(wide), float64(high), looks()["paper"].colour)
	return c, nil
}

package chart

import (
	"image"
	"image/color"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// faces are the letters that were needed so far, by their size.
type faces map[float64]font.Face

func (c *canvas) face(size float64) (font.Face, error) {
	if face, ok := c.faces[size]; ok {
		return face, nil
	}
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	// At 72 dots an inch a point is a pixel.
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size * pngScale, DPI: 72})
	if err != nil {
		return nil, err
	}
	if c.faces == nil {
		c.faces = faces{}
	}
	c.faces[size] = face
	return face, nil
}

// halo is how far around letters the paper is left free, in pixels.
const halo = 3

// write draws words with the paper left free around them, so that they can be read on lines too.
func (c *canvas) write(x, y float64, anchor, words string, l look) error {
	face, err := c.face(l.size)
	if err != nil {
		return err
	}
	at := fixed.Point26_6{X: fixed.Int26_6(x * pngScale * 64), Y: fixed.Int26_6(y * pngScale * 64)}
	switch wide := font.MeasureString(face, words); anchor {
	case "middle":
		at.X -= wide / 2
	case "end":
		at.X -= wide
	}
	paper := looks()["paper"].colour
	for dx := -halo; dx <= halo; dx += halo {
		for dy := -halo; dy <= halo; dy += halo {
			c.letters(face, at.Add(fixed.P(dx, dy)), words, paper)
		}
	}
	c.letters(face, at, words, l.colour)
	return nil
}

func (c *canvas) letters(face font.Face, at fixed.Point26_6, words string, colour color.RGBA) {
	drawer := font.Drawer{Dst: c.image, Src: image.NewUniform(colour), Face: face, Dot: at}
	drawer.DrawString(words)
}

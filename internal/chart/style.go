package chart

import _ "embed" // for chart.css

//go:embed chart.css
var css string

// CSS is what the pictures look like. A page with pictures of SVG holds it once.
func CSS() string { return css }

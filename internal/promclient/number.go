package promclient

import (
	"errors"
	"strconv"

	"github.com/prometheus/common/model"
)

// Most numbers of an answer are times of ten digits, perhaps with three behind the point, and whole counts. These are read here in
// the shortest way, all others by the libraries that Prometheus' own client reads them with; both come to the same.

// exactDigits is how many decimal digits a float64 holds of any whole number.
const exactDigits = 15

// milliseconds reads a time, which is in seconds.
func milliseconds(raw []byte) (model.Time, error) {
	whole, rest := leadingDigits(raw)
	if n := len(raw) - len(rest); n > 0 && n <= exactDigits {
		switch {
		case len(rest) == 0:
			return model.Time(whole * 1000), nil
		case len(rest) == 4 && rest[0] == '.':
			if part, none := leadingDigits(rest[1:]); len(none) == 0 {
				return model.Time(whole*1000 + part), nil
			}
		}
	}
	var t model.Time
	err := t.UnmarshalJSON(raw)
	return t, err
}

// number reads the value of a sample.
func number(raw []byte) (model.SampleValue, error) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return 0, errors.New("sample value must be a quoted string")
	}
	raw = raw[1 : len(raw)-1]
	if whole, rest := leadingDigits(raw); len(rest) == 0 && len(raw) > 0 && len(raw) <= exactDigits {
		return model.SampleValue(whole), nil
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	return model.SampleValue(v), err
}

// leadingDigits returns the number that the text begins with, and what follows it. Of more digits than fit the number is of no use.
func leadingDigits(raw []byte) (n int64, rest []byte) {
	for i, c := range raw {
		if c < '0' || c > '9' {
			return n, raw[i:]
		}
		n = 10*n + int64(c-'0')
	}
	return n, nil
}

package promclient

import (
	"encoding/json"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// However a number is written, it is what Prometheus' own types make of it.
func FuzzNumbersAreReadAsByPrometheusOwnTypes(f *testing.F) {
	for _, text := range []string{
		"0", "1", "17", "1700000000", "1700000000.123", "1700000000.12", "1700000000.1234", "1700000000.000", "-1.5", "-0", "1e9", "1E400", "1.", ".5",
		"999999999999999", "9999999999999999", "99999999999999999999", "9007199254740993", "NaN", "+Inf", "-Inf", "Inf", "0x1p4", "1_0", "", "00", "1.5e3", "+1",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted := []byte(`"` + text + `"`)
		var value model.SampleValue
		wantErr := value.UnmarshalJSON(quoted)
		got, err := number(quoted)
		require.Equal(t, wantErr == nil, err == nil)
		if err == nil {
			require.True(t, value.Equal(got), "%v, want %v", got, value)
		}
		if !json.Valid([]byte(text)) { // what is none does not come so far
			return
		}
		var when model.Time
		wantErr = when.UnmarshalJSON([]byte(text))
		at, err := milliseconds([]byte(text))
		require.Equal(t, wantErr == nil, err == nil)
		if err == nil {
			require.Equal(t, when, at)
		}
	})
}

package control

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheResultOfADrill(t *testing.T) {
	const subject = "rollbackd.ctl.ana.drilled.staging.shop.checkout"
	const passed = `{"watch":"staging.shop.k","drilled":{"passed":true,"restoredBy":"rollbackd","appliedAt":"2026-11-22T10:00:00Z","detectWithinSeconds":300,"recoverWithinSeconds":600,"detectedAfterSeconds":8.4,"recoveredAfterSeconds":14.5}}`
	a, err := Decode(subject, []byte(passed))
	require.NoError(t, err)
	require.Equal(t, &DrillResult{
		Passed: true, RestoredBy: "rollbackd", AppliedAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		DetectWithin: 300, RecoverWithin: 600, DetectedAfter: new(8.4), RecoveredAfter: new(14.5),
	}, a.Drilled)

	for name, c := range map[string]struct{ from, to, says string }{
		"of no watch":                  {`"watch":"staging.shop.k",`, ``, `field "watch" is missing`},
		"a stranger put it back":       {`"rollbackd"`, `"ana"`, `"drilled.restoredBy" is not one of`},
		"passed, and yet missed":       {`"passed":true`, `"passed":true,"missed":["late"]`, `one that was has none`},
		"not passed for no reason":     {`"passed":true`, `"passed":false`, `one that was has none`},
		"too many reasons":             {`"passed":true`, `"passed":false,"missed":["a","a","a","a","a","a","a","a","a"]`, `1 to 8 reasons`},
		"a reason that acts":           {`"passed":true`, `"passed":false,"missed":["\u001b[2J"]`, `characters that cannot be printed`},
		"a long reason":                {`"passed":true`, `"passed":false,"missed":["` + strings.Repeat("x", maxReason+1) + `"]`, `longer than 1024 bytes`},
		"at no time":                   {`"appliedAt":"2026-11-22T10:00:00Z",`, ``, `"drilled.appliedAt" is missing`},
		"before it began":              {`"detectedAfterSeconds":8.4`, `"detectedAfterSeconds":-8.4`, `-8.4 seconds are no time`},
		"a target of years":            {`"detectWithinSeconds":300`, `"detectWithinSeconds":3e9`, `3e+09 seconds are no time`},
		"a field that nobody knows of": {`"passed":true`, `"passed":true,"perfect":true`, `unknown field`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, passed, c.from)
			_, err := Decode(subject, []byte(strings.Replace(passed, c.from, c.to, 1)))
			require.ErrorContains(t, err, c.says)
		})
	}
	_, err = Decode(subject, []byte(`{"watch":"staging.shop.k"}`))
	require.ErrorContains(t, err, `field "drilled" is missing`)
}

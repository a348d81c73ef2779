package event

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
)

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		with(), with("id", `"d"`, "status", `"started"`, "approvals", `["a"]`, "hotfix", "true"), "{}", "[", `{"version":1}`,
		with("strategy", `"blue-green"`, "service", `"s"`, "selectorKey", `"x/y"`, "from", `"a"`, "to", `"b"`, "more", "[[]]"),
		with("version", `"\u0000"`), with("version", `"\ud800"`), with("timestamp", `"9999-12-31T23:59:59-23:00"`),
	} {
		f.Add(checkout, []byte(seed))
	}
	f.Add("deployments.a.b.c.d", []byte(with()))
	for _, seed := range []string{
		cdevent(), custom(`{"strategy":"canary","canary":"c","step":5}`), cloudevent(bare), cloudevent(cdevent()), cloudevent(cloudevent(bare)),
		cdevent("pkg:oci/checkout", "registry.example:5000/checkout"), cdevent("?repository_url", "#%zz?"), cloudevent(`"e30="`, `"time"`, `"data_base64"`),
	} {
		f.Add(checkout, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, subject string, payload []byte) {
		e, err := Decode(subject, payload)
		if err != nil {
			requireSafe(t, err)
			return
		}
		requireInvariants(t, subject, e)
		require.Equal(t, payload, []byte(e.Raw))
		require.True(t, SameBody(e, e))
		require.True(t, json.Valid(Native(subject, payload)))
		again, err := Decode(subject, encode(t, e))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(e, again, cmpopts.IgnoreFields(Event{}, "Raw"), cmpopts.EquateEmpty()))
		require.Equal(t, e.Key(), again.Key())
	})
}

func FuzzParseSubject(f *testing.F) {
	f.Add(checkout)
	f.Add("deployments.a.b.c.d")
	f.Add("deployments.*.>.\x00")
	f.Fuzz(func(t *testing.T, subject string) {
		target, err := ParseSubject(subject)
		if err != nil {
			requireSafe(t, err)
			return
		}
		require.Equal(t, subject, target.Subject())
		require.True(t, isLabel(target.Environment) && isLabel(target.Namespace) && isSubdomain(target.Workload))
	})
}

// requireSafe holds what may be logged and published: short, printable text.
func requireSafe(t *testing.T, err error) {
	t.Helper()
	var rejection *Rejection
	require.ErrorAs(t, err, &rejection)
	require.NotEmpty(t, rejection.Code)
	require.Less(t, len(rejection.Error()), 4096)
	for _, r := range rejection.Error() {
		require.True(t, unicode.IsPrint(r) && r != utf8.RuneError || r == '�', "%q", rejection.Error())
	}
}

func requireInvariants(t *testing.T, subject string, e Event) {
	t.Helper()
	require.Equal(t, subject, e.Target().Subject())
	require.NotEmpty(t, e.Version)
	require.False(t, e.Timestamp.IsZero())
	for _, text := range append([]string{e.ID, e.Version, e.PreviousVersion, e.Commit, e.Operator, e.Policy}, e.Approvals...) {
		require.LessOrEqual(t, len(text), MaxText)
		for _, r := range text {
			require.True(t, unicode.IsPrint(r))
		}
	}
	require.LessOrEqual(t, len(e.Approvals), MaxApprovals)
	require.LessOrEqual(t, len(e.Verification), MaxReference)
	require.Contains(t, []Strategy{StrategyRolling, StrategyBlueGreen, StrategyCanary}, e.Strategy)
	require.Contains(t, []Status{StatusStarted, StatusSuccess, StatusFailed}, e.Status)
	require.Contains(t, []Kind{KindDeployment, KindStatefulSet, KindDaemonSet}, e.Kind)
	require.True(t, e.Kind == KindDeployment || e.Strategy == StrategyRolling)
	require.Equal(t, e.Strategy == StrategyBlueGreen, e.Strategy == StrategyBlueGreen && e.Service != "" && e.From != e.To)
}

func encode(t *testing.T, e Event) []byte {
	t.Helper()
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(e))
	return buffer.Bytes()
}

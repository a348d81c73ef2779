package control

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
)

// Records may be asked for of all workloads, and incidents and watches of all namespaces; whoever may ask about one namespace only is not allowed the
// subject of all.
func TestReadingOfManyIsASubjectOfItsOwn(t *testing.T) {
	for subject, want := range map[string]event.Target{
		"rollbackd.ctl.ana.incidents.production.shop.-":      {Environment: "production", Namespace: "shop", Workload: "-"},
		"rollbackd.ctl.ana.incidents.production.-.-":         {Environment: "production", Namespace: "-", Workload: "-"},
		"rollbackd.ctl.ana.incidents.production.shop.web.v1": {Environment: "production", Namespace: "shop", Workload: "web.v1"},
		"rollbackd.ctl.ana.list.production.-.-":              {Environment: "production", Namespace: "-", Workload: "-"},
		"rollbackd.ctl.ana.journal.production.shop.-":        {Environment: "production", Namespace: "shop", Workload: "-"},
		"rollbackd.ctl.ana.journal.production.shop.checkout": {Environment: "production", Namespace: "shop", Workload: "checkout"},
	} {
		a, err := Decode(subject, []byte(`{"watch":"production.shop.k"}`))
		require.NoError(t, err, subject)
		require.Equal(t, want, a.Target)
	}
	for _, subject := range []string{
		"rollbackd.ctl.ana.journal.production.-.-", "rollbackd.ctl.ana.approve.production.shop.-",
		"rollbackd.ctl.ana.incidents.production.-.checkout", "rollbackd.ctl.ana.incidents.-.-.-", "rollbackd.ctl.ana.incidents.production.*.-",
	} {
		_, err := Decode(subject, []byte(`{"watch":"production.shop.k"}`))
		require.Error(t, err, subject)
	}
	for _, body := range []string{`{}`, `{"watch":"k","find":"a\u0000"}`, `{"watch":"k","find":"` + strings.Repeat("x", maxFind+1) + `"}`, `{"watch":"k","since":"yesterday"}`, `{"watch":"k","after":-1}`} {
		_, err := Decode("rollbackd.ctl.ana.journal.production.shop.-", []byte(body))
		require.Error(t, err, body)
	}
}

func TestPages(t *testing.T) {
	lines, err := Page{}.Unpack()
	require.NoError(t, err)
	require.Empty(t, lines)
	lines, err = Page{Lines: Pack([]byte("{\"a\":1}\n\n{\"b\":2}\n"))}.Unpack()
	require.NoError(t, err)
	require.Equal(t, []string{`{"a":1}`, `{"b":2}`}, []string{string(lines[0]), string(lines[1])})

	_, err = Page{Lines: []byte("no gzip")}.Unpack()
	require.ErrorContains(t, err, "cannot be unpacked")
	_, err = Page{Lines: Pack([]byte("cut"))[:12]}.Unpack()
	require.ErrorContains(t, err, "cannot be unpacked")
	_, err = Page{Lines: Pack(bytes.Repeat([]byte{' '}, maxUnpacked+1))}.Unpack()
	require.ErrorContains(t, err, "more than", "a small message must not fill the memory")
}

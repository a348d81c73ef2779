package control

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAskingBeforeADeployment(t *testing.T) {
	a, err := Decode("rollbackd.ctl.ana.preflight.production.shop.checkout", []byte(`{"kind":"StatefulSet","policy":"http","hotfix":true}`))
	require.NoError(t, err)
	require.Equal(t, MayDeploy, a.Verb)
	require.Equal(t, Deploying{Policy: "http", Hotfix: true}, a.Deploying)
	for body, says := range map[string]string{
		`{"policy":"` + strings.Repeat("x", maxPolicy+1) + `"}`: `field "policy" is longer than 256 bytes`,
		`{"policy":"\u001b[2J"}`:                                `characters that cannot be printed`,
		`{"kind":"Pod"}`:                                        `"Pod" is not a kind of workload`,
		`{"strict":true}`:                                       `unknown field`,
	} {
		_, err := Decode("rollbackd.ctl.ana.preflight.production.shop.checkout", []byte(body))
		require.ErrorContains(t, err, says)
	}
	_, err = Decode("rollbackd.ctl.ana.preflight.production.shop."+AllWorkloads, nil)
	require.Error(t, err, "it is about one workload")
}

// The form is what pipelines read.
func TestTheFormOfWhatWasFound(t *testing.T) {
	found := Preflight{Workload: "shop/checkout", Environment: "production", OK: true, Checks: []Check{{Check: "hold", Result: ResultWarn, Message: "held", Fix: "let go"}, {Check: "freeze", Result: ResultOK}}}
	data, err := json.Marshal(found)
	require.NoError(t, err)
	require.JSONEq(t, `{"workload":"shop/checkout","environment":"production","ok":true,"checks":[
		{"check":"hold","result":"warn","message":"held","fix":"let go"},{"check":"freeze","result":"ok","message":"","fix":""}]}`, string(data))
	require.Equal(t, []int{1, 1, 0}, []int{found.Count(ResultOK), found.Count(ResultWarn), found.Count(ResultStop)})
}

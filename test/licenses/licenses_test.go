package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// TestThirdPartyLicensesAreNotStale: a new dependency brings its terms along, and one whose terms nobody has allowed fails here.
func TestThirdPartyLicensesAreNotStale(t *testing.T) {
	// What go list finds rests on these files; to read them has go test look again when they change.
	for _, name := range []string{"go.mod", "go.sum"} {
		_, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
	}
	want, err := write(root)
	require.NoError(t, err)
	have, err := os.ReadFile(filepath.Join(root, "THIRD_PARTY_LICENSES"))
	require.NoError(t, err)
	require.True(t, string(want) == string(have), "THIRD_PARTY_LICENSES is stale; run make licenses and look at the diff")
}

func TestTermsAreToldByTheirText(t *testing.T) {
	mit := "Permission is hereby granted, free of charge, to any person obtaining\na copy of this software"
	require.Equal(t, []string{"MIT"}, names([]string{mit}))
	require.NoError(t, check([]string{mit}))
	require.ErrorContains(t, check(nil), "no text of a licence was found")
	require.ErrorContains(t, check([]string{"All rights reserved."}), "no text of a licence was found")
	require.ErrorContains(t, check([]string{mit, "GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007"}), "not allowed")
}

package config

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What Prometheus is asked with may be replaced in its file at any time: the next request has what is there then.
func TestPrometheusCredentialsAreReadAnew(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Authorization"), r.Header.Get("X-Key"))
	}))
	defer server.Close()
	for name, c := range map[string]struct{ client, first, second string }{
		"bearer":   {"{authorization: {credentials_file: secret}}", "Bearer first", "Bearer second"},
		"password": {"{basic_auth: {username: ana, password_file: secret}}", "Basic YW5hOmZpcnN0", "Basic YW5hOnNlY29uZA=="},
		"header":   {"{http_headers: {X-Key: {files: [secret]}}}", "first", "second"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, secret := filepath.Join(dir, "rollbackd.yaml"), filepath.Join(dir, "secret")
			require.NoError(t, os.WriteFile(path, edited(`{url: "http://p:9090"}`, `{url: "http://p:9090", httpClient: `+c.client+`}`), 0o600))
			cfg, err := Load(path)
			require.NoError(t, err)
			client, err := cfg.Prometheus.Client()
			require.NoError(t, err)
			defer client.CloseIdleConnections()
			for text, want := range map[int]string{0: c.first, 1: c.second} {
				require.NoError(t, os.WriteFile(secret, []byte([]string{"first", "second"}[text]+"\n"), 0o600))
				answer, err := client.Get(server.URL)
				require.NoError(t, err)
				body, err := io.ReadAll(answer.Body)
				require.NoError(t, err)
				require.NoError(t, answer.Body.Close())
				require.Equal(t, want, string(body))
			}
		})
	}
}

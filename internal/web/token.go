package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// RequireToken answers only requests that show the token as "Authorization: Bearer …". The token is read for each of them, so that it may be replaced at any
// time; while it cannot be read nobody is answered. Probes are an exception: a kubelet has no token, and they tell nothing but whether the daemon works.
func RequireToken(read func() (string, error), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && (r.URL.Path == "/-/healthy" || r.URL.Path == "/-/ready") {
			next.ServeHTTP(w, r)
			return
		}
		token, err := read()
		if err != nil {
			http.Error(w, "the file with the token cannot be read, so nobody is answered", http.StatusServiceUnavailable)
			return
		}
		if !shows(r.Header.Get("Authorization"), token) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="rollbackd"`)
			http.Error(w, "this needs a token, as Authorization: Bearer …", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// shows compares in a time that tells nothing of how much of the token was right, nor of its length.
func shows(header, token string) bool {
	scheme, shown, _ := strings.Cut(header, " ")
	a, b := sha256.Sum256([]byte(shown)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && strings.EqualFold(scheme, "Bearer") && token != ""
}

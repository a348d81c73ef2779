package localstack

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	var asked, ended string
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /v1/faults", func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query().Encode()
		fmt.Fprint(w, `{"id":"7"}`)
	})
	mux.HandleFunc("DELETE /v1/faults/{id}", func(_ http.ResponseWriter, r *http.Request) { ended = r.PathValue("id") })
	running(t, mux)
	s, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.BeginFault(t.Context(), Fault{Namespace: "shop", Selector: "app=web", Fail: .5, Scrape: ScrapeHangs, For: 30 * time.Second})
	if err != nil || id != "7" {
		t.Errorf("began %q, %v", id, err)
	}
	if want := "fail=0.5&for=30s&namespace=shop&scrape=hang&selector=app%3Dweb"; asked != want {
		t.Errorf("asked for %s, want %s", asked, want)
	}
	if err := s.EndFault(t.Context(), id); err != nil || ended != "7" {
		t.Errorf("ended %q, %v", ended, err)
	}
}

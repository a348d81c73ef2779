package rollback

import (
	"net/http"
	"strings"
	"testing"
)

func TestReadPagesThroughLongLists(t *testing.T) {
	_, s := pinned()
	var asked []string
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		switch {
		case strings.HasSuffix(r.URL.Path, "/deployments/checkout"):
			writeJSON(w, http.StatusOK, unstruct(t, object(s)))
		case strings.HasSuffix(r.URL.Path, "/pods"):
			writeJSON(w, http.StatusOK, page("PodList", ""))
		case query.Get("continue") == "":
			asked = append(asked, query.Get("labelSelector")+" "+query.Get("limit"))
			writeJSON(w, http.StatusOK, page("ReplicaSetList", "more", replicaSetOf(t, s.Revisions[1], "checkout")))
		default:
			asked = append(asked, query.Get("continue"))
			writeJSON(w, http.StatusOK, page("ReplicaSetList", "", replicaSetOf(t, s.Revisions[0], "checkout")))
		}
	})
	cluster := clusterOf(t, pages)
	cluster.options.PageSize = 1
	got, err := cluster.Read(t.Context(), checkout(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Revisions) != 2 || got.Live == nil || got.Live.Number != "3" {
		t.Errorf("the revisions are %+v", got.Revisions)
	}
	if want := "app=checkout 1,more"; strings.Join(asked, ",") != want {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

func page(kind, more string, items ...any) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"continue": more}, "items": append([]any{}, items...)}
}

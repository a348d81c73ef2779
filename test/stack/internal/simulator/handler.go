package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Handler serves every pod below /pods/<namespace>/<pod>/, their status at /v1/pods, and at /v1/faults what goes wrong in
// many of them at once.
func (s *Simulator) Handler() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/pods/{namespace}/{pod}/{path...}", s.servePod)
	mux.HandleFunc("GET /pods/{namespace}/{pod}/metrics", s.serveMetrics)
	mux.HandleFunc("GET /v1/pods", s.servePods)
	mux.HandleFunc("POST /v1/faults", s.addFault)
	mux.HandleFunc("GET /v1/faults", s.serveFaults)
	mux.HandleFunc("DELETE /v1/faults/{id}", s.removeFault)
	return mux
}

// podPath is the path below which a pod is served.
func podPath(namespace, name string) string {
	return "/pods/" + url.PathEscape(namespace) + "/" + url.PathEscape(name)
}

func (s *Simulator) servePod(w http.ResponseWriter, r *http.Request) {
	s.ServePod(w, r, r.PathValue("namespace"), r.PathValue("pod"))
}

// ServePod lets one pod answer a request.
func (s *Simulator) ServePod(w http.ResponseWriter, r *http.Request, namespace, name string) {
	if p := s.pod(namespace, name); p != nil {
		p.serve(w, r)
		return
	}
	// A real pod that is gone refuses the connection; its gateway would say this.
	http.Error(w, "no such pod", http.StatusBadGateway)
}

func (s *Simulator) serveMetrics(w http.ResponseWriter, r *http.Request) {
	if p := s.pod(r.PathValue("namespace"), r.PathValue("pod")); p != nil {
		p.serveMetrics(w, r)
		return
	}
	http.Error(w, "no such pod", http.StatusBadGateway)
}

func (s *Simulator) servePods(w http.ResponseWriter, r *http.Request) {
	answer(w, s.Pods(r.URL.Query().Get("namespace")))
}

func (s *Simulator) addFault(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	fault, err := parseFault(r.URL.Query(), now)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer(w, s.shared.faults.add(fault, now))
}

func (s *Simulator) serveFaults(w http.ResponseWriter, _ *http.Request) {
	answer(w, s.shared.faults.active(time.Now()))
}

func (s *Simulator) removeFault(w http.ResponseWriter, r *http.Request) {
	if !s.shared.faults.remove(r.PathValue("id"), time.Now()) {
		http.Error(w, "there is no such fault, or it is over", http.StatusNotFound)
		return
	}
	answer(w, struct{}{})
}

// answer writes JSON; an error means that the client has gone.
func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

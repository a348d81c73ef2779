package localstack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// MainPrometheus is the id of the Prometheus server that every stack has.
const MainPrometheus = "main"

// Prometheus is a Prometheus server of the stack.
type Prometheus struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

// StartPrometheus starts a further Prometheus server, which scrapes the same pods, and returns when
// it is ready. A scrape interval of 0 means that of the stack.
func (s *Stack) StartPrometheus(ctx context.Context, scrape time.Duration) (Prometheus, error) {
	query := url.Values{}
	if scrape > 0 {
		query.Set("scrape", scrape.String())
	}
	var started Prometheus
	err := s.call(ctx, http.MethodPost, s.Control+"/prometheus?"+query.Encode(), &started)
	return started, err
}

// KillPrometheus kills a Prometheus server with SIGKILL and returns when it is gone.
func (s *Stack) KillPrometheus(ctx context.Context, id string) error {
	return s.change(ctx, id, "kill")
}

// RestartPrometheus starts a killed Prometheus server again, on the same address and data, and
// returns when it is ready.
func (s *Stack) RestartPrometheus(ctx context.Context, id string) error {
	return s.change(ctx, id, "start")
}

// PausePrometheus stops the process of a Prometheus server with SIGSTOP: it accepts connections and
// answers nothing.
func (s *Stack) PausePrometheus(ctx context.Context, id string) error {
	return s.change(ctx, id, "pause")
}

// ResumePrometheus lets a paused Prometheus server go on.
func (s *Stack) ResumePrometheus(ctx context.Context, id string) error {
	return s.change(ctx, id, "resume")
}

func (s *Stack) change(ctx context.Context, id, verb string) error {
	return s.call(ctx, http.MethodPost, s.Control+"/prometheus/"+url.PathEscape(id)+"/"+verb, nil)
}

// AuditQuery selects calls to the API server; an empty field selects all.
type AuditQuery struct {
	// Verb is a Kubernetes API verb, such as "patch".
	Verb string
	// Resource is a plural resource name, such as "deployments".
	Resource string
	// Namespace and Name are those of the object.
	Namespace, Name string
	// User is who called: "admin" or "rollbackd".
	User string
}

// AuditEvent is one call to the API server that was answered.
type AuditEvent struct {
	Verb        string    `json:"verb"`
	User        string    `json:"user"`
	Code        int       `json:"code"`
	Time        time.Time `json:"time"`
	Resource    string    `json:"resource"`
	Subresource string    `json:"subresource"`
	Namespace   string    `json:"namespace"`
	Name        string    `json:"name"`
	URI         string    `json:"uri"`
	// RequestObject is the body of a patch; of other calls it is not logged.
	RequestObject json.RawMessage `json:"requestObject"`
}

// Audit returns the calls to the API server that the query selects, in their order. The server
// writes a call to its log before it ends its answer, so none is missing that somebody was answered.
func (s *Stack) Audit(ctx context.Context, query AuditQuery) ([]AuditEvent, error) {
	values := url.Values{}
	for key, value := range map[string]string{
		"verb": query.Verb, "resource": query.Resource, "namespace": query.Namespace, "name": query.Name, "user": query.User,
	} {
		if value != "" {
			values.Set(key, value)
		}
	}
	var events []AuditEvent
	err := s.call(ctx, http.MethodGet, s.Control+"/audit?"+values.Encode(), &events)
	return events, err
}

// Pod is what the simulator knows about a pod.
type Pod struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       string    `json:"uid"`
	App       string    `json:"app"`
	Version   string    `json:"version"`
	Ready     bool      `json:"ready"`
	CreatedAt time.Time `json:"createdAt"`
	// Requests and Errors count the requests that the pod has answered, and those with status 500.
	Requests int64 `json:"requests"`
	Errors   int64 `json:"errors"`
	// FirstErrorAt and LastErrorAt are nil if no request has failed, DeletedAt while the pod is there.
	FirstErrorAt *time.Time `json:"firstErrorAt"`
	LastErrorAt  *time.Time `json:"lastErrorAt"`
	DeletedAt    *time.Time `json:"deletedAt"`
	// Problem says which of the pod's settings cannot be read.
	Problem string `json:"problem"`
}

// Pods returns the simulated pods of a namespace, the oldest first, the recently deleted ones included.
func (s *Stack) Pods(ctx context.Context, namespace string) ([]Pod, error) {
	var pods []Pod
	err := s.call(ctx, http.MethodGet, s.Simulator+"/v1/pods?namespace="+url.QueryEscape(namespace), &pods)
	return pods, err
}

// PodURL is the address at which a pod answers requests; /metrics below it are its metrics.
func (s *Stack) PodURL(namespace, name string) string {
	return s.Simulator + "/pods/" + url.PathEscape(namespace) + "/" + url.PathEscape(name)
}

// ServiceURL is the address at which a ready pod behind a Service answers, one after the other.
func (s *Stack) ServiceURL(namespace, name string) string {
	return s.Simulator + "/services/" + url.PathEscape(namespace) + "/" + url.PathEscape(name)
}

// call does one request and decodes the answer, unless into is nil.
func (s *Stack) call(ctx context.Context, method, address string, into any) error {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callLimit)
		defer cancel()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the stack: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 8<<10))
		return fmt.Errorf("the stack answers %s %s with %s: %s", method, address, response.Status, body)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("decode the stack's answer to %s %s: %w", method, address, err)
	}
	return nil
}

package simulator

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Router chooses the pod that the next request to a Service goes to.
type Router interface {
	// Pick tells that no pod is ready, or that there is no such Service, by found being false.
	Pick(namespace, service string) (pod string, found bool)
}

// Two apps that call each other would otherwise do so for ever.
const (
	hopsHeader = "X-Simulator-Hops"
	maxHops    = 8
)

// callLimit is how long a pod waits for the answer of another.
const callLimit = 10 * time.Second

// noAnswer is the label code of a call that got no answer at all.
const noAnswer = "none"

// calls are how pods reach other pods: by real requests.
type calls struct {
	router  Router
	address string
	client  *http.Client
}

// Connect lets pods call each other: router knows the Services, and address (host:port) is where Handler listens. It must
// be called before the first pod that calls another is observed.
func (s *Simulator) Connect(router Router, address string) {
	s.shared.calls = &calls{
		router: router, address: address,
		client: &http.Client{
			Timeout: callLimit,
			// All pods share one address; with fewer idle connections most requests would open a new one.
			Transport: &http.Transport{MaxIdleConns: 2048, MaxIdleConnsPerHost: 2048, DisableCompression: true},
		},
	}
}

// parseCallee reads the name of a Service, with or without its namespace.
func parseCallee(text string, into *string) error {
	parts := strings.Split(text, "/")
	if len(parts) > 2 || parts[0] == "" || parts[len(parts)-1] == "" {
		return fmt.Errorf("%q is neither a service nor a namespace/service", text)
	}
	*into = text
	return nil
}

// call sends one request to a Service for a pod of the namespace, as a part of serving a request that came over so many
// hops. It returns the status as the metrics show it, and whether it is a success.
func (c *calls) call(ctx context.Context, namespace, callee string, hops int) (code string, ok bool) {
	if other, service, found := strings.Cut(callee, "/"); found {
		namespace, callee = other, service
	}
	if c == nil || hops >= maxHops {
		return noAnswer, false
	}
	pod, found := c.router.Pick(namespace, callee)
	if !found { // A Service without ready pods refuses the connection.
		return noAnswer, false
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.address+podPath(namespace, pod)+"/", nil)
	if err != nil {
		return noAnswer, false
	}
	request.Header.Set(hopsHeader, strconv.Itoa(hops+1))
	response, err := c.client.Do(request)
	if err != nil {
		return noAnswer, false
	}
	defer response.Body.Close()
	// The connection is used again only if the body was read to its end.
	_, _ = io.Copy(io.Discard, response.Body)
	return strconv.Itoa(response.StatusCode), response.StatusCode < http.StatusInternalServerError
}

// hops tells over how many calls a request has come.
func hops(r *http.Request) int {
	n, err := strconv.Atoi(r.Header.Get(hopsHeader))
	if err != nil {
		return 0 // A request from outside.
	}
	return n
}

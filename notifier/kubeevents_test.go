package notifier

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// apiServer answers as an API server does that fails on demand. What a real one says to these Events is for the end-to-end test.
type apiServer struct {
	get, create int
	events      []eventsv1.Event
	paths       []string
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.paths = append(a.paths, r.Method+" "+r.URL.Path)
	answer := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	refuse := func(status int) {
		reason := map[int]metav1.StatusReason{403: metav1.StatusReasonForbidden, 404: metav1.StatusReasonNotFound, 409: metav1.StatusReasonAlreadyExists, 422: metav1.StatusReasonInvalid}[status]
		answer(status, metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(status), Reason: reason, Message: "no\nway"})
	}
	switch {
	case r.Method == http.MethodGet && a.get != 0:
		refuse(a.get)
	case r.Method == http.MethodGet:
		answer(200, metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"}, ObjectMeta: metav1.ObjectMeta{UID: "uid-1"}})
	case a.create != 0:
		refuse(a.create)
	default:
		var e eventsv1.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			refuse(400)
			return
		}
		a.events = append(a.events, e)
		answer(201, e)
	}
}

func kubeEvents(t *testing.T, handler http.Handler) *KubernetesEvents {
	t.Helper()
	h := httptest.NewServer(handler)
	t.Cleanup(h.Close)
	config := &rest.Config{Host: h.URL, QPS: -1, ContentConfig: rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"}}
	sink, err := NewKubernetesEvents(KubernetesEventsOptions{Name: "events", Config: config, Instance: "rollbackd-0"})
	require.NoError(t, err)
	return sink
}

func TestEventOfAWorkload(t *testing.T) {
	api := &apiServer{}
	n := regressed()
	n.WorkloadKind = "StatefulSet"
	retry, err := kubeEvents(t, api).Notify(t.Context(), n)
	require.NoError(t, err)
	require.False(t, retry)
	require.Equal(t, []string{"GET /apis/apps/v1/namespaces/shop/statefulsets/checkout", "POST /apis/events.k8s.io/v1/namespaces/shop/events"}, api.paths)
	e := api.events[0]
	require.Regexp(t, `^checkout\.[0-9a-f]{16}$`, e.Name)
	require.Equal(t, "apps/v1 StatefulSet shop/checkout uid-1",
		e.Regarding.APIVersion+" "+e.Regarding.Kind+" "+e.Regarding.Namespace+"/"+e.Regarding.Name+" "+string(e.Regarding.UID))
	require.Equal(t, "Warning ReleaseRegressed Judge", e.Type+" "+e.Reason+" "+e.Action)
	require.Equal(t, "rollbackd.io/rollbackd rollbackd-0", e.ReportingController+" "+e.ReportingInstance)
	require.Equal(t, "shop/checkout v1.2.3 is bad; errors: 12 % (limit 1.1 %, before 0.4 %); held for 5m; "+n.Link, e.Note)
	require.True(t, e.EventTime.Time.Equal(n.At))
}

func TestWhatTheAPIServerSaysToAnEvent(t *testing.T) {
	for name, c := range map[string]struct {
		api     apiServer
		problem string
		retry   bool
	}{
		"there already":            {apiServer{create: 409}, "", false},
		"the workload is gone":     {apiServer{get: 404}, "", false},
		"workload not to be read":  {apiServer{get: 403}, "", false},
		"workload cannot be read":  {apiServer{get: 500}, "read the workload", true},
		"may not create":           {apiServer{create: 403}, "needs the verb create on events of events.k8s.io in namespace shop", false},
		"no such namespace":        {apiServer{create: 404}, "create an Event in namespace shop", false},
		"not valid":                {apiServer{create: 422}, "create an Event", false},
		"too many requests":        {apiServer{create: 429}, "create an Event", true},
		"out of order":             {apiServer{create: 503}, "create an Event", true},
		"credentials that ran out": {apiServer{create: 401}, "create an Event", true},
	} {
		t.Run(name, func(t *testing.T) {
			api := c.api
			retry, err := kubeEvents(t, &api).Notify(t.Context(), regressed())
			if c.problem == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.problem)
				require.NotContains(t, err.Error(), "\n")
			}
			require.Equal(t, c.retry, retry)
		})
	}
	t.Run("the UID of what is gone is left out", func(t *testing.T) {
		api := &apiServer{get: 404}
		_, err := kubeEvents(t, api).Notify(t.Context(), regressed())
		require.NoError(t, err)
		require.Empty(t, api.events[0].Regarding.UID)
	})
	t.Run("it hangs", func(t *testing.T) {
		stop := make(chan struct{})
		defer close(stop)
		sink := kubeEvents(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		retry, err := sink.Notify(ctx, regressed())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, retry)
	})
}

func TestNoticesWithoutAWorkloadHaveNoEvent(t *testing.T) {
	api := &apiServer{}
	_, err := kubeEvents(t, api).Notify(t.Context(), Notice{Title: "three deployments are bad"})
	require.NoError(t, err)
	require.Empty(t, api.paths)
	_, err = kubeEvents(t, &apiServer{get: 404}).Notify(t.Context(), Notice{Kind: KindTest})
	require.NoError(t, err)
	_, err = kubeEvents(t, &apiServer{get: 401}).Notify(t.Context(), Notice{Kind: KindTest})
	require.ErrorContains(t, err, "reach the API server")
	for _, workload := range []string{"shop", "../kube-system", "shop/../x", "shop/", "/x", "shop/" + strings.Repeat("x", 300)} {
		retry, err := kubeEvents(t, api).Notify(t.Context(), Notice{Workload: workload})
		require.ErrorContains(t, err, "no workload that an Event could be about", workload)
		require.False(t, retry)
	}
	require.Empty(t, api.paths)
}

func TestEventFitsWhateverIsSaid(t *testing.T) {
	sink := kubeEvents(t, &apiServer{})
	for _, kind := range Kinds() {
		n := hostile(kind)
		n.Workload = "shop/" + strings.Repeat("x", 253)
		n.Message = strings.Repeat("ü\r\n\x1b[31m", 5000)
		e := sink.event(n, "")
		require.LessOrEqual(t, len(e.Note), 1024)
		require.LessOrEqual(t, len(e.Name), 253)
		require.True(t, utf8.ValidString(e.Note))
		require.NotContains(t, e.Note, "\n")
		require.NotContains(t, e.Note, "\x1b")
		require.Equal(t, "Deployment", e.Regarding.Kind, "a kind that is none is not told on")
		require.Regexp(t, `^[A-Z][A-Za-z]+$`, e.Reason)
		require.Regexp(t, `^[A-Z][A-Za-z]+$`, e.Action)
	}
	same, other := sink.event(regressed(), ""), sink.event(later(KindHealthy, nil), "")
	require.Equal(t, same.Name, sink.event(regressed(), "").Name)
	require.NotEqual(t, same.Name, other.Name)
	require.Equal(t, "Normal", eventType(Info))
}

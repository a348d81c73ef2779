package control

import (
	"net/url"
	"strings"
	"testing"
)

const auditLog = `{"stage":"ResponseStarted","verb":"watch","requestURI":"/api/v1/pods","user":{"username":"admin"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-11-22T10:00:00.000001Z"}
{"stage":"ResponseComplete","verb":"patch","requestURI":"/apis/apps/v1/namespaces/shop/deployments/web","user":{"username":"rollbackd"},"objectRef":{"resource":"deployments","namespace":"shop","name":"web"},"responseStatus":{"code":200},"requestObject":[{"op":"replace"}],"requestReceivedTimestamp":"2026-11-22T10:00:01.5Z"}
{"stage":"ResponseComplete","verb":"patch","requestURI":"/apis/apps/v1/namespaces/shop/deployments/web","user":{"username":"admin"},"objectRef":{"resource":"deployments","namespace":"shop","name":"web"},"responseStatus":{"code":422},"requestReceivedTimestamp":"2026-11-22T10:00:02Z"}
{"stage":"ResponseComplete","verb":"patch","requestURI":"/api/v1/namespaces/pay/services/web","user":{"username":"rollbackd"},"objectRef":{"resource":"services","namespace":"pay","name":"web"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-11-22T10:00:03Z"}
{"stage":"ResponseComplete","verb":"patch","user":{"username":"rollbackd"},"half a line`

func TestAuditFilter(t *testing.T) {
	for query, want := range map[string]int{
		"":                              3, // Neither the watch that has only begun nor the half-written line.
		"verb=patch&user=rollbackd":     2,
		"resource=deployments&name=web": 2,
		"namespace=pay":                 1,
		"user=nobody":                   0,
		"verb=patch&resource=deployments&namespace=shop&name=web&user=rollbackd": 1,
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		filter, err := newAuditFilter(values)
		if err != nil {
			t.Fatal(err)
		}
		events, err := scanAudit(strings.NewReader(auditLog), filter)
		if err != nil || len(events) != want {
			t.Errorf("query %q: %d events, error %v; want %d: %+v", query, len(events), err, want, events)
		}
	}
}

func TestAuditEvent(t *testing.T) {
	events, err := scanAudit(strings.NewReader(auditLog), auditFilter{user: "rollbackd", namespace: "shop"})
	if err != nil || len(events) != 1 {
		t.Fatalf("got %+v, %v", events, err)
	}
	e := events[0]
	if e.Verb != "patch" || e.Code != 200 || e.Time.Nanosecond() != 500e6 || string(e.RequestBody) != `[{"op":"replace"}]` {
		t.Errorf("got %+v", e)
	}
}

func TestAuditFilterRefusesUnknownParameters(t *testing.T) {
	for _, query := range []string{"kind=deployments", "verb=get&verb=patch"} {
		values, _ := url.ParseQuery(query)
		if _, err := newAuditFilter(values); err == nil {
			t.Errorf("query %q was accepted", query)
		}
	}
}

package notifier

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// pdAnswer is what the Events API says to an event that it takes.
const pdAnswer = `{"status":"success","message":"Event processed","dedup_key":"incident-20261122T100510Z"}`

// sentEvent is one event with the path that it came by.
type sentEvent struct {
	path string
	body map[string]any
}

// pagerDutyAPI takes events as PagerDuty's Events API, version 2, does.
func pagerDutyAPI(t *testing.T, in *inbox[sentEvent]) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "" {
			t.Errorf("got %s with %v", r.Method, r.Header)
		}
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		in.add(sentEvent{r.URL.Path, body})
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(pdAnswer))
	}).URL
}

func pagerDuty(url string) *PagerDuty {
	return NewPagerDuty(PagerDutyOptions{Name: "pd", URL: url + "/", RoutingKey: func() (string, error) { return canary, nil }})
}

// The documents are written out from https://developer.pagerduty.com/docs/send-alert-event and …/send-change-event.
func TestPagerDutyEvents(t *testing.T) {
	const resolve = `{"routing_key":"canary-5f0c/2b+9d=SECRET","event_action":"resolve","dedup_key":"incident-20261122T100510Z"}`
	plainEnd := recovered()
	plainEnd.Severity, plainEnd.Kind = Warn, KindResolved
	info := badRelease()
	info.Severity = Info
	infoAlone := Notice{ID: "x", Severity: Info, Kind: KindOther, Title: "as it should be"}
	deployed := Notice{
		ID: "w1.1", At: clock("10:00:00"), Kind: KindDeployed, Severity: Info, Title: "shop/checkout v1.2.3 was deployed", Environment: "production",
		Workload: "shop/checkout", Version: "v1.2.3", Link: "https://rollbackd.example/watches/w1",
	}
	lost := Notice{ID: "lost-1", Severity: Page, Kind: KindOther, Title: "NATS was wiped"}
	review := recovered()
	review.Kind, review.ID, review.Severity = KindPostmortem, "pm-1", Warn
	for name, tt := range map[string]struct {
		notice Notice
		path   string
		want   []string
	}{
		"an incident": {badRelease(), "/v2/enqueue", []string{`{
			"routing_key":"canary-5f0c/2b+9d=SECRET","event_action":"trigger","dedup_key":"incident-20261122T100510Z",
			"payload":{"summary":"shop/checkout v1.2.3 is bad","source":"production/shop/checkout","severity":"warning","timestamp":"2026-11-22T10:05:10Z",
				"component":"checkout","group":"production/shop","class":"regressed",
				"custom_details":{"text":"The error rate is over its limit.","version":"v1.2.3","target":"v1.2.2","operator":"ana","signal":"errors",
					"value":"31 %","limit":"1.1 %","baseline":"0.4 %","action":"It is being rolled back to v1.2.2.","next_step":"Look at the logs of v1.2.3.",
					"incident":"incident-20261122T100510Z","watch":"production.shop.0a1b"}},
			"client":"rollbackd","client_url":"https://rollbackd.example/incidents/incident-20261122T100510Z/",
			"links":[{"href":"https://rollbackd.example/incidents/incident-20261122T100510Z/","text":"What rollbackd recorded"}],
			"images":[{"src":"https://rollbackd.example/incidents/incident-20261122T100510Z/charts/errors.png","alt":"The signal over time"}]}`}},
		"its end":                       {plainEnd, "/v2/enqueue", []string{resolve}},
		"information in between":        {info, "", nil},
		"information of nothing":        {infoAlone, "", nil},
		"an end that somebody must see": {recovered(), "/v2/enqueue", []string{"*trigger critical", resolve}},
		"a page of no incident": {lost, "/v2/enqueue", []string{`{"routing_key":"canary-5f0c/2b+9d=SECRET","event_action":"trigger","dedup_key":"lost-1",
			"payload":{"summary":"NATS was wiped","source":"rollbackd","severity":"critical","class":"other"},"client":"rollbackd"}`}},
		"a review that is due": {review, "/v2/enqueue", []string{"*trigger warning"}},
		"a test":               {Notice{ID: "t", Kind: KindTest, Severity: Info, Title: "a test"}, "/v2/enqueue", []string{"*trigger info"}},
		"a deployment": {deployed, "/v2/change/enqueue", []string{`{"routing_key":"canary-5f0c/2b+9d=SECRET",
			"payload":{"summary":"shop/checkout v1.2.3 was deployed","source":"production/shop/checkout","timestamp":"2026-11-22T10:00:00Z",
				"component":"checkout","group":"production/shop","class":"deployed","custom_details":{"version":"v1.2.3"}},
			"links":[{"href":"https://rollbackd.example/watches/w1","text":"What rollbackd recorded"}]}`}},
	} {
		t.Run(name, func(t *testing.T) {
			var in inbox[sentEvent]
			if retry, err := pagerDuty(pagerDutyAPI(t, &in)).Notify(t.Context(), tt.notice); retry || err != nil {
				t.Fatalf("Notify = %v, %v", retry, err)
			}
			sent := in.take()
			if len(sent) != len(tt.want) {
				t.Fatalf("sent %v, want %d events", sent, len(tt.want))
			}
			for i, e := range sent {
				if e.path != tt.path {
					t.Errorf("sent to %s, want %s", e.path, tt.path)
				}
				if rough, ok := strings.CutPrefix(tt.want[i], "*"); ok {
					payload, _ := e.body["payload"].(map[string]any)
					if got := e.body["event_action"].(string) + " " + payload["severity"].(string); got != rough {
						t.Errorf("event %d is %s, want %s", i, got, rough)
					}
					continue
				}
				var want map[string]any
				if err := json.Unmarshal([]byte(tt.want[i]), &want); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, e.body); diff != "" {
					t.Errorf("event %d (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

func TestPagerDutyIsRobust(t *testing.T) {
	wantRobust(t, func(url string) Sink { return pagerDuty(url) })
	t.Run("the key cannot be read", func(t *testing.T) {
		p := NewPagerDuty(PagerDutyOptions{Name: "pd", RoutingKey: func() (string, error) { return "", errors.New("no such file") }})
		if retry, err := p.Notify(t.Context(), badRelease()); !retry || err == nil {
			t.Errorf("Notify = %v, %v; want another try", retry, err)
		}
	})
}

func TestPagerDutyHostileNotice(t *testing.T) {
	var in inbox[sentEvent]
	n := evilNotice()
	n.Severity, n.Open, n.Incident = Page, true, strings.Repeat("i", 300)
	if _, err := pagerDuty(pagerDutyAPI(t, &in)).Notify(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	e := in.take()[0].body
	payload := e["payload"].(map[string]any)
	for name, most := range map[string]int{"summary": 1024, "source": 255, "component": 255, "group": 255} {
		if got := payload[name].(string); utf8.RuneCountInString(got) > most || strings.ContainsAny(got, "\r\n\x00\x1b\u202e") {
			t.Errorf("%s is %.100q", name, got)
		}
	}
	if e["links"] != nil || e["client_url"] != nil || len(e["dedup_key"].(string)) > 255 {
		t.Errorf("links %v, client_url %v, dedup_key %v", e["links"], e["client_url"], e["dedup_key"])
	}
	if whole, _ := json.Marshal(e); len(whole) > 512<<10 {
		t.Errorf("the event has %d bytes", len(whole))
	}
}

package notifier

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSlackWebhook(t *testing.T) {
	var in inbox[slackMessage]
	hook := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/services/T1/B1/"+canary || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s with %v", r.URL, r.Header)
		}
		var m slackMessage
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&m); err != nil {
			t.Error(err)
		}
		in.add(m)
		fmt.Fprint(w, "ok")
	})
	sink := NewSlackWebhook(SlackWebhookOptions{Name: "hook", URL: func() (string, error) { return hook.URL + "/services/T1/B1/" + canary, nil }})
	sink.pace.every = 0
	mustNotify(t, sink, badRelease(), evilNotice())
	sent := in.take()
	if diff := cmp.Diff(slackMessageOf(badRelease()), sent[0]); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	wantSlackLimits(t, sent[1])
}

func TestSlackWebhookIsRobust(t *testing.T) {
	wantRobust(t, func(url string) Sink {
		return NewSlackWebhook(SlackWebhookOptions{Name: "hook", URL: func() (string, error) { return url + "/services/T1/B1/" + canary, nil }})
	})
}

package notifier

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A burst of one severity becomes one message that counts and names them; a page that comes alone waits for a second at most.
func TestBurstBecomesOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []Notice
		r := &recorder{name: "chat", notify: func(_ context.Context, n Notice) (bool, error) {
			got = append(got, n)
			return false, nil
		}}
		d, stop := start(t, Options{Link: "https://r.example/", Receivers: []Receiver{{Sink: r, Group: DefaultGroup(), Rate: DefaultRate()}}})
		for i := range 20 {
			d.Send(Notice{Title: fmt.Sprintf("app-%d is bad", i), Severity: Page, Kind: KindUnresolved, Environment: "production"})
		}
		d.Send(Notice{Title: "an aside", Severity: Info})
		pass(1500 * time.Millisecond)
		if len(got) != 2 || len(got[0].Group) != 20 || got[1].Title != "an aside" {
			t.Fatalf("%d messages: %+v", len(got), got)
		}
		message := got[0].Message
		for _, want := range []string{"20 notices of the kind unresolved", "app-0 is bad; app-1 is bad", "and 10 more", "https://r.example/"} {
			if !strings.Contains(message, want) {
				t.Errorf("%q is not in %q", want, message)
			}
		}
		if got[0].Severity != Page || got[0].Environment != "production" || len([]rune(message)) > MaxMessage {
			t.Errorf("the message: %+v", got[0])
		}
		wantCount(t, d, "chat", Sent, 21)
		sent := time.Now()
		d.Send(titled("alone")[0])
		pass(2 * time.Second)
		if waited := r.asked()[2].Sub(sent); waited != time.Second {
			t.Errorf("a single page waited for %v", waited)
		}
		stop()
	})
}

// A receiver is never flooded: what is over the rate waits for its turn, and is told in groups.
func TestRateOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{name: "chat"}
		rate := Rate{Messages: 5, Within: 10 * time.Second}
		d, stop := start(t, Options{Receivers: []Receiver{{Sink: r, Rate: rate}, {Sink: &recorder{name: "people"}, Rate: rate, Group: GroupRule{AtLeast: 2}}}})
		for i := range 20 {
			d.Send(Notice{Title: fmt.Sprint(i), Severity: Warn})
		}
		begin := time.Now()
		pass(0)
		if len(r.asked()) != 5 {
			t.Errorf("%d messages at once, want 5", len(r.asked()))
		}
		pass(time.Minute)
		if last := r.asked()[len(r.asked())-1].Sub(begin); len(r.asked()) != 20 || last != 30*time.Second {
			t.Errorf("%d messages, the last after %v", len(r.asked()), last)
		}
		wantCount(t, d, "people", Sent, 20)
		stop()
	})
}

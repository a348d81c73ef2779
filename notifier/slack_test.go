package notifier

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func slackSink(team *slackTeam, memory Memory, pictures Pictures) *Slack {
	s := NewSlack(SlackOptions{
		Name: "chat", Token: func() (string, error) { return canary, nil }, Channel: "C024BE91L", URL: team.url + "/api/", Memory: memory, Pictures: pictures,
	})
	s.pace.every = 0
	return s
}

func mustNotify(t *testing.T, s Sink, notices ...Notice) {
	t.Helper()
	for _, n := range notices {
		if retry, err := s.Notify(t.Context(), n); retry || err != nil {
			t.Fatalf("Notify(%s) = %v, %v", n.ID, retry, err)
		}
	}
}

func TestSlackOneThreadAnIncident(t *testing.T) {
	team, memory := newSlackTeam(t), &notes{}
	deployed := badRelease()
	deployed.ID, deployed.Kind, deployed.Severity, deployed.Title, deployed.Incident, deployed.Open = "w1.1", KindDeployed, Info, "shop/checkout v1.2.3 was deployed", "", false
	rolling := badRelease()
	rolling.ID, rolling.Kind, rolling.Severity, rolling.Title = "w1.12", KindRollingBack, Info, "shop/checkout v1.2.3 is being rolled back"
	alone := Notice{ID: "x", Severity: Warn, Title: "a policy matches nothing"}
	mustNotify(t, slackSink(team, memory, nil), deployed, badRelease(), alone, rolling)
	// What follows comes after a restart.
	due := recovered()
	due.ID, due.Kind, due.Severity, due.Title = "postmortem-7-1", KindPostmortem, Info, "The review DEC-INCIDENT-0007 is due"
	mustNotify(t, slackSink(team, memory, nil), rolling, recovered(), due)
	want := `ℹ️ *shop/checkout v1.2.3 was deployed*
✅ *shop/checkout v1.2.3 was rolled back, and it helped*
  ℹ️ *shop/checkout v1.2.3 is being rolled back* broadcast=false
  ✅ *shop/checkout v1.2.3 was rolled back, and it helped* broadcast=true
  ℹ️ *The review DEC-INCIDENT-0007 is due* broadcast=false
⚠️ *a policy matches nothing*
`
	if diff := cmp.Diff(want, team.outline()); diff != "" {
		t.Errorf("the channel (-want +got):\n%s", diff)
	}
}

func TestSlackMessage(t *testing.T) {
	n := badRelease()
	n.Severity = Page
	n.To = []Recipient{{Role: OnCall, Address: "U024BE7LH"}, {Role: ServiceOwner, Address: "S0604QSJC"}, {Role: Approver, Address: "ana@example.org"}}
	got := slackMessageOf(n)
	text := slackMarkup("errors: 31 % (limit 1.1 %, before 0.4 %)\nIt is being rolled back to v1.2.2.\nNext: Look at the logs of v1.2.3.")
	want := slackMessage{
		Text: "🚨 *shop/checkout v1.2.3 is bad* <@U024BE7LH> <!subteam^S0604QSJC>",
		Attachments: []slackAttachment{{Color: "#e01e5a", Blocks: []slackBlock{
			{Type: "section", Text: &text},
			{Type: "section", Fields: []slackText{
				slackMarkup("*Environment*\nproduction"), slackMarkup("*Workload*\nshop/checkout"), slackMarkup("*Version*\nv1.2.3"),
				slackMarkup("*Back to*\nv1.2.2"), slackMarkup("*Deployed by*\nana"),
			}},
			{Type: "context", Elements: []slackText{slackMarkup(
				"<https://rollbackd.example/incidents/incident-20261122T100510Z/|What rollbackd recorded> · incident-20261122T100510Z")}},
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	n.Message = "MY OWN <words>\nin two lines\n" + n.Link
	if got := slackMessageOf(n).Attachments[0].Blocks[0].Text.Text; got != "MY OWN &lt;words&gt;\nin two lines" {
		t.Errorf("a template's message shows as %q", got)
	}
	n.Severity = Info
	if got := slackMessageOf(n).Text; strings.Contains(got, "U024BE7LH") {
		t.Errorf("what is only information calls people: %s", got)
	}
}

func TestSlackHostileNotice(t *testing.T) {
	m := slackMessageOf(evilNotice())
	wantSlackLimits(t, m)
	whole, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	collect(&texts, m)
	for _, text := range texts {
		if strings.ContainsAny(text, "<>\x00\x1b\u202e\r") {
			t.Errorf("markup or control characters came through: %.200q", text)
		}
		if strings.Contains(strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(text), "&") {
			t.Errorf("an escape was cut in two, or is missing: %.200q", text)
		}
	}
	if len(texts) < 5 || len(whole) > 40_000 {
		t.Errorf("%d texts, %d bytes", len(texts), len(whole))
	}
	mustNotify(t, slackSink(newSlackTeam(t), &notes{}, nil), evilNotice())
}

func collect(into *[]string, m slackMessage) {
	*into = append(*into, m.Text)
	for _, b := range m.Attachments[0].Blocks {
		if b.Text != nil {
			*into = append(*into, b.Text.Text)
		}
		for _, f := range append(b.Fields, b.Elements...) {
			*into = append(*into, f.Text)
		}
	}
}

func TestSlackTriesOnlyWhatIsMissing(t *testing.T) {
	team := newSlackTeam(t)
	sink := slackSink(team, &notes{}, nil)
	mustNotify(t, sink, badRelease())
	team.refuse["chat.update"] = "internal_error"
	if retry, err := sink.Notify(t.Context(), recovered()); !retry || err == nil {
		t.Fatalf("Notify = %v, %v; the update failed for now", retry, err)
	}
	mustNotify(t, sink, recovered())
	if want := []string{"chat.postMessage", "chat.postMessage", "chat.update", "chat.update"}; !cmp.Equal(want, team.calls) {
		t.Errorf("calls %v, want %v", team.calls, want)
	}
	team.refuse["chat.update"] = "edit_window_closed"
	later := recovered()
	later.ID, later.Kind = "w1.30", KindPostmortem
	mustNotify(t, sink, later) // it has been told, and trying again would not help
}

func TestSlackRootThatWasDeleted(t *testing.T) {
	team := newSlackTeam(t)
	sink := slackSink(team, &notes{}, nil)
	mustNotify(t, sink, badRelease())
	team.messages = nil
	mustNotify(t, sink, recovered())
	if got := team.outline(); got != "✅ *shop/checkout v1.2.3 was rolled back, and it helped*\n" {
		t.Errorf("the channel:\n%s", got)
	}
}

func TestSlackBurst(t *testing.T) {
	team := newSlackTeam(t)
	sink := slackSink(team, &notes{}, nil)
	mustNotify(t, sink, badRelease())
	burst := Notice{ID: "g", Severity: Page, Title: "12 notices at once", Incident: "of-one-of-them", Group: []Notice{recovered(), {ID: "other", Incident: "i2"}}}
	mustNotify(t, sink, burst)
	want := "✅ *shop/checkout v1.2.3 was rolled back, and it helped*\n🚨 *12 notices at once*\n"
	if diff := cmp.Diff(want, team.outline()); diff != "" {
		t.Errorf("the channel (-want +got):\n%s", diff)
	}
}

func TestSlackRefusals(t *testing.T) {
	for code, want := range map[string]struct {
		retry bool
		text  string
	}{
		"channel_not_found": {false, "chat.postMessage: Slack answered channel_not_found: use the channel's ID, and invite the bot if the channel is private"},
		"not_in_channel":    {false, "chat.postMessage: Slack answered not_in_channel: invite the bot to the channel"},
		"missing_scope":     {false, "chat.postMessage: Slack answered missing_scope: give the bot the scope chat:write"},
		"invalid_auth":      {false, "chat.postMessage: Slack answered invalid_auth: the token is not, or no longer, that of a bot in this workspace"},
		"msg_too_long":      {false, "chat.postMessage: Slack answered msg_too_long"},
		"ratelimited":       {true, "chat.postMessage: Slack answered ratelimited"},
		"internal_error":    {true, "chat.postMessage: Slack answered internal_error"},
		canary + "\x1b[31m": {false, "chat.postMessage: Slack answered [secret] [31m"},
	} {
		team := newSlackTeam(t)
		team.refuse["chat.postMessage"] = code
		retry, err := slackSink(team, &notes{}, nil).Notify(t.Context(), badRelease())
		if retry != want.retry || err == nil || err.Error() != want.text {
			t.Errorf("Notify = %v, %v; want %v, %s", retry, err, want.retry, want.text)
		}
	}
}

func TestSlackWithoutAMemoryThatWorks(t *testing.T) {
	team := newSlackTeam(t)
	core, logs := observer.New(zap.WarnLevel)
	sink := slackSink(team, &notes{err: errors.New("NATS is away")}, nil)
	sink.opts.Logger = zap.New(core)
	mustNotify(t, sink, badRelease(), recovered())
	if len(team.messages) != 2 || team.messages[1].Thread != team.messages[0].TS || logs.Len() != 3 {
		t.Errorf("%d messages; logged %v", len(team.messages), logs.All())
	}
}

func TestPaceIsOneMessageASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{every: slackPace, now: time.Now}
		began := time.Now()
		for range 4 {
			if err := p.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("four messages took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := p.wait(ctx)
		var d Deferral
		if !errors.As(err, &d) || d.RetryAfter() != time.Second || !mayRetry(err) {
			t.Errorf("wait = %v; want to be told to come again in a second", err)
		}
	})
}

func TestSlackIsRobust(t *testing.T) {
	wantRobust(t, func(url string) Sink {
		return NewSlack(SlackOptions{Name: "chat", URL: url, Token: func() (string, error) { return canary, nil }})
	})
	t.Run("a page to log in", func(t *testing.T) {
		s := NewSlack(SlackOptions{Name: "chat", URL: serve(t, answering(200, "<html>")).URL, Token: func() (string, error) { return canary, nil }})
		if retry, err := s.Notify(t.Context(), badRelease()); retry || err == nil || !strings.Contains(err.Error(), "is the URL that of its Web API?") {
			t.Errorf("Notify = %v, %v", retry, err)
		}
	})
	t.Run("the token cannot be read", func(t *testing.T) {
		s := NewSlack(SlackOptions{Name: "chat", Token: func() (string, error) { return "", errors.New("no such file") }})
		if retry, err := s.Notify(t.Context(), badRelease()); !retry || err == nil {
			t.Errorf("Notify = %v, %v; want another try", retry, err)
		}
	})
}

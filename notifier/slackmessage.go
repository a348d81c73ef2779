package notifier

import (
	"regexp"
	"strings"
)

// The limits that Slack publishes for a message (https://docs.slack.dev/reference/block-kit/blocks/section-block), in characters. A message
// of ours has four blocks at most, of the fifty that Slack takes.
const (
	maxSlackText    = 3000 // of a section; the text of a message may have more
	maxSlackField   = 2000
	maxSlackContext = 2000
	maxSlackLines   = 20
)

// slackMessage is what chat.postMessage, chat.update and incoming webhooks take; each ignores what is not its own.
type slackMessage struct {
	Channel string `json:"channel,omitempty"`
	// TS names the message that chat.update changes, ThreadTS the one that chat.postMessage answers.
	TS             string `json:"ts,omitempty"`
	ThreadTS       string `json:"thread_ts,omitempty"`
	ReplyBroadcast bool   `json:"reply_broadcast,omitempty"`
	// Text is the title: it stands above the attachment, and is what a phone shows.
	Text        string            `json:"text"`
	Attachments []slackAttachment `json:"attachments,omitempty"`
	// Without these, Slack would fetch what links point to.
	UnfurlLinks bool `json:"unfurl_links"`
	UnfurlMedia bool `json:"unfurl_media"`
}

// slackAttachment is a column of blocks beside a line of that colour.
type slackAttachment struct {
	Color  string       `json:"color"`
	Blocks []slackBlock `json:"blocks"`
}

// slackBlock is a section, or a context, whose elements are texts.
type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Fields   []slackText `json:"fields,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

// slackText is Slack's markup, in which verbatim keeps Slack from making links of what looks like one.
type slackText struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim"`
}

func slackMarkup(text string) slackText { return slackText{Type: "mrkdwn", Text: text, Verbatim: true} }

// slackMessageOf tells a notice. Every string of the notice is escaped, so that none can mention anybody or make a link.
func slackMessageOf(n Notice) slackMessage {
	title := "*" + slackEscape(n.Title, maxSlackText/2) + "*"
	text := slackSign(n) + " " + title
	if people := slackMentions(n); people != "" {
		text += " " + people
	}
	var blocks []slackBlock
	if body := slackBody(n); body != "" {
		t := slackMarkup(body)
		blocks = append(blocks, slackBlock{Type: "section", Text: &t})
	}
	if fields := slackFields(n); len(fields) > 0 {
		blocks = append(blocks, slackBlock{Type: "section", Fields: fields})
	}
	if below := slackBelow(n); below != "" {
		blocks = append(blocks, slackBlock{Type: "context", Elements: []slackText{slackMarkup(below)}})
	}
	m := slackMessage{Text: text}
	if len(blocks) > 0 {
		m.Attachments = []slackAttachment{{Color: slackColor(n), Blocks: blocks}}
	}
	return m
}

// slackBody is the notice's message without the title, which stands above it, and the link, which stands below.
func slackBody(n Notice) string {
	message := n.Message
	if message == "" {
		message = Message(n)
	}
	message = strings.TrimSuffix(message, n.Link)
	var lines []string
	room := maxSlackText
	for i, line := range strings.Split(message, "\n") {
		line = plain(line, maxSlackText)
		if line == "" || i == 0 && line == short(n.Title, maxSlackText) || len(lines) == maxSlackLines {
			continue
		}
		if room < 2 {
			break
		}
		line = slackEscape(line, room)
		lines = append(lines, line)
		room -= len([]rune(line)) + 1
	}
	return strings.Join(lines, "\n")
}

func slackFields(n Notice) []slackText {
	var out []slackText
	for _, f := range []struct{ name, value string }{
		{"Environment", n.Environment}, {"Workload", n.Workload}, {"Version", n.Version}, {"Back to", n.Target}, {"Deployed by", n.Operator},
	} {
		if value := slackEscape(f.value, maxSlackField/8); value != "" {
			out = append(out, slackMarkup("*"+f.name+"*\n"+value))
		}
	}
	return out
}

// slackBelow is the incident and where to read about it.
func slackBelow(n Notice) string {
	var parts []string
	if link := webLink(n.Link); link != "" {
		parts = append(parts, "<"+slackEscape(link, maxSlackContext)+"|What rollbackd recorded>")
	}
	if n.Incident != "" {
		parts = append(parts, slackEscape(n.Incident, maxSlackContext/8))
	}
	return strings.Join(parts, " · ")
}

// slackColor and slackSign tell at a glance how it stands: by the severity, but for what ended well.
func slackColor(n Notice) string {
	switch {
	case endedWell(n):
		return "#2eb67d"
	case n.Severity == Page:
		return "#e01e5a"
	case n.Severity == Warn:
		return "#ecb22e"
	}
	return "#36c5f0"
}

func slackSign(n Notice) string {
	switch {
	case n.Kind == KindTest:
		return "🧪"
	case endedWell(n):
		return "✅"
	case n.Severity == Page:
		return "🚨"
	case n.Severity == Warn:
		return "⚠️"
	}
	return "ℹ️"
}

func endedWell(n Notice) bool {
	return !n.Open && (n.Kind == KindRolledBack || n.Kind == KindResolved || n.Kind == KindHealthy)
}

// slackUser and slackGroup are the IDs that can be mentioned, such as U024BE7LH and S0604QSJC. A name cannot.
var (
	slackUser  = regexp.MustCompile(`^[UW][A-Z0-9]{2,30}$`)
	slackGroup = regexp.MustCompile(`^S[A-Z0-9]{2,30}$`)
)

// slackMentions calls those whom the notice is for, unless it is only information.
func slackMentions(n Notice) string {
	if n.Severity != Page && n.Severity != Warn {
		return ""
	}
	var out []string
	for _, to := range n.To {
		switch {
		case slackUser.MatchString(to.Address):
			out = append(out, "<@"+to.Address+">")
		case slackGroup.MatchString(to.Address):
			out = append(out, "<!subteam^"+to.Address+">")
		}
	}
	return strings.Join(out, " ")
}

// slackEscape makes text one harmless line of Slack's markup (https://docs.slack.dev/messaging/formatting-message-text#escaping), of at most so
// many characters, escapes included.
func slackEscape(text string, most int) string {
	var b strings.Builder
	count := 0
	for _, r := range plain(text, most+1) {
		s := string(r)
		switch r {
		case '&':
			s = "&amp;"
		case '<':
			s = "&lt;"
		case '>':
			s = "&gt;"
		}
		width := len([]rune(s))
		if count+width >= most { // The last place is for the sign that something is missing.
			return b.String() + "…"
		}
		b.WriteString(s)
		count += width
	}
	return b.String()
}

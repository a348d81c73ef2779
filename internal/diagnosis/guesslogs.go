package diagnosis

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// symptom is something that error lines tell of.
type symptom struct {
	cause  Cause
	text   string
	weight int
	find   *regexp.Regexp
	// parts are those of the template whose change belongs to it.
	parts []Part
}

// symptoms are looked for in order; a line tells of the first that it matches.
var symptoms = []symptom{
	{CauseDatabaseAccess, "the database does not let the release in: check that its user, password and rights are as the database has them", 86,
		regexp.MustCompile(`(?i)password authentication failed|access denied for user|authentication failed for user|login failed for user|no pg_hba\.conf entry|ORA-01017|SASL authentication failed|` +
			`WRONGPASS|NOAUTH authentication required|role .{1,80} does not exist|(?:mongo|sql|db|database).{0,60}authentication failed`), []Part{PartEnvironment, PartConfiguration}},
	{CauseDatabasePool, "connections to the database run out", 85,
		regexp.MustCompile(`(?i)too many (?:connections|clients)|remaining connection slots|connection pool (?:is )?(?:exhausted|timeout)|pool.{0,40}(?:exhausted|timed? ?out)|` +
			`max_user_connections|max_connections|connection is not available, request timed out|QueuePool limit|(?:unable|failed) to (?:get|acquire) (?:a )?connection from (?:the )?pool`),
		[]Part{PartEnvironment, PartConfiguration}},
	{CauseDatabaseSchema, "the database's schema is not the one that the release expects: check its migration", 87,
		regexp.MustCompile(`(?i)(?:relation|table|column|index|constraint|schema|sequence|view)\b.{0,100}(?:does not exist|doesn't exist|not found|already exists)|no such (?:table|column)|unknown column|` +
			`invalid (?:column|object) name|ORA-00942|ORA-00904|undefined (?:table|column)|violates (?:not-null|foreign key|unique|check) constraint|duplicate entry|` +
			`(?:pending|missing|failed) migrations?|migrations? (?:is |are )?(?:pending|failed)|schema version`), []Part{PartEnvironment, PartConfiguration}},
	{CauseConfigMissing, "the release lacks configuration that it needs", 84,
		regexp.MustCompile(`(?i)(?:environment variable|env(?:ironment)? var|variable|setting|config(?:uration)?(?: key| value| property)?|property|parameter|option|flag)\b.{0,80}` +
			`(?:is not set|not set|is required|required|missing|undefined|unset|is empty|must be set|not found|not defined)|` +
			`(?:missing|required|undefined|no value for) (?:required )?(?:environment variable|env(?:ironment)? var|variable|setting|config|property|parameter|option)|` +
			`could not resolve placeholder|KeyError: ['"]?[A-Z][A-Z0-9_]+|(?:open|read|load|find).{0,60}\.(?:ya?ml|toml|json|conf|cfg|ini|properties|env)\b.{0,40}(?:no such file|not found)`),
		[]Part{PartEnvironment, PartConfiguration, PartVolume, PartCommand}},
	{CauseMemory, "the release runs out of memory", 83, regexp.MustCompile(`(?i)OutOfMemoryError|out of memory|cannot allocate memory|heap limit|JavaScript heap|MemoryError\b`), []Part{PartResources}},
	{CausePermission, "the release is not allowed to do something that it needs", 76,
		regexp.MustCompile(`(?i)permission denied|operation not permitted|access is denied|AccessDenied|EACCES|EPERM|read-only file system|is forbidden: user|not authorized to perform|insufficient (?:privilege|permission)`),
		[]Part{PartOther, PartVolume, PartConfiguration}},
	{CauseConnection, "something that the release needs cannot be reached", 78,
		regexp.MustCompile(`(?i)connection refused|ECONNREFUSED|no such host|ENOTFOUND|name or service not known|temporary failure in name resolution|UnknownHostException|no route to host|network is unreachable|` +
			`i/o timeout|connect(?:ion)? timed? ?out|ETIMEDOUT|SocketTimeoutException|could not connect to server|server closed the connection|connection reset by peer|broken pipe|ECONNRESET|` +
			`certificate (?:signed by unknown|has expired|verify failed)|x509:`), []Part{PartEnvironment, PartConfiguration}},
	{CauseCode, "a fault in the release's code", 74,
		regexp.MustCompile(`(?i)\bpanic:|runtime error|nil pointer|NullPointerException|TypeError\b|ReferenceError\b|AttributeError|NameError\b|IndexError|KeyError|ValueError|ImportError|ModuleNotFoundError|` +
			`ClassNotFoundException|NoClassDefFoundError|NoSuchMethod|IllegalStateException|IllegalArgumentException|ClassCastException|undefined method|segmentation fault|SIGSEGV|` +
			`StackOverflow|stack overflow|assertion failed|unhandled (?:exception|promise rejection)|Traceback \(most recent call last\)|thread '.{0,80}' panicked`), []Part{PartImage}},
}

// peer finds what could not be reached.
var peer = regexp.MustCompile(`(?i)(?:dial (?:tcp|udp)[46]? |lookup |connect(?:ing)? to (?:server at )?|ECONNREFUSED |ENOTFOUND |host |server at |UnknownHostException: )"?([A-Za-z0-9][A-Za-z0-9_.-]*(?::\d+)?)`)

// fromLogs guesses from the shapes that come more often since the release, and from the last words of what crashed.
func fromLogs(d Diagnosis) []Guess {
	found := map[int]*Guess{}
	note := func(text, told string, trend Trend) {
		i := slices.IndexFunc(symptoms, func(s symptom) bool { return s.find.MatchString(text) })
		if i < 0 {
			return
		}
		g := found[i]
		if g == nil {
			s := symptoms[i]
			g = &Guess{Cause: s.cause, Text: s.text, Weight: s.weight}
			if s.cause == CauseConnection {
				if m := peer.FindStringSubmatch(text); m != nil {
					g.Text += ": " + shorten(m[1], 80) + usually(m[1])
				}
			}
			if trend == Unknown {
				g.Weight -= 5
			}
			found[i] = g
		}
		g.Facts = append(g.Facts, told)
	}
	for _, s := range d.Logs.Shapes {
		if s.Release > 0 && s.Trend.increased() || d.Moment == Ended {
			note(s.Example, d.told(s), s.Trend)
		}
	}
	for _, w := range d.Logs.LastWords {
		for _, l := range slices.Backward(w.Lines) {
			note(l, fact("pod %s, container %s wrote before it ended: %s", w.Pod, w.Container, l), New)
		}
	}
	var out []Guess
	for i := range symptoms {
		if g := found[i]; g != nil {
			g.Facts = append(unique(g.Facts), d.changed(symptoms[i].parts...)...)
			out = append(out, *g)
		}
	}
	return out
}

// usually names what mostly listens at the port of an address.
func usually(address string) string {
	_, port, _ := strings.Cut(address, ":")
	for _, known := range []struct{ port, name string }{
		{"5432", "PostgreSQL"}, {"6432", "PgBouncer"}, {"3306", "MySQL"}, {"1433", "SQL Server"}, {"1521", "Oracle"}, {"27017", "MongoDB"}, {"6379", "Redis"},
		{"9042", "Cassandra"}, {"5672", "RabbitMQ"}, {"9092", "Kafka"}, {"4222", "NATS"}, {"9200", "Elasticsearch"}, {"11211", "memcached"},
	} {
		if port == known.port {
			return " (the port of " + known.name + ")"
		}
	}
	return ""
}

// told tells of a shape as a fact.
func (d Diagnosis) told(s Shape) string {
	if d.Moment == Ended {
		return fact("%s after the rollback: %s", count(s.Release+s.Before, "error line"), s.Example)
	}
	l, compared := d.Logs, ""
	switch s.Trend {
	case New:
		compared = ", which the version before did not write"
	case Risen:
		compared = fmt.Sprintf(", %s as often as by the version before", times(perMinute(s.Release, l.ReleaseMinutes)/perMinute(s.Before, l.BeforeMinutes)))
	case Unknown:
		compared = "; too little of the log of the version before was seen to compare"
	}
	return fact("%s of %s%s: %s", count(s.Release, "error line"), count(s.Pods, "pod"), compared, s.Example)
}

func times(ratio float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", ratio), ".0") + " times"
}

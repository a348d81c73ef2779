package config

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/rollbackd/rollbackd/internal/freeze"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// FreezeWindow is a time in which nothing should be deployed: once, with from and until, or every week, with days, from, to
// and timezone.
type FreezeWindow struct {
	// Name is what people are told. Required.
	Name string `yaml:"name"`
	// Match selects the workloads by shell patterns; without any these are all.
	Match []Match `yaml:"match"`
	// From is when it begins: a time with its offset, such as 2026-12-20T17:00:00+01:00, or of one that comes every week a time
	// of day, such as "18:00". Required.
	From string `yaml:"from"`
	// Until is when one that comes once ends, in the same form as from.
	Until string `yaml:"until"`
	// Days are those on which one begins that comes every week.
	Days []Day `yaml:"days"`
	// To is the time of day at which it ends, up to "24:00"; one that is not after from is of the next day.
	To string `yaml:"to"`
	// Timezone is whose clocks from and to are of, by its IANA name, such as Europe/Berlin.
	Timezone string `yaml:"timezone"`
}

// Day is a day of the week.
type Day string

// The days.
const (
	Monday    Day = "mon"
	Tuesday   Day = "tue"
	Wednesday Day = "wed"
	Thursday  Day = "thu"
	Friday    Day = "fri"
	Saturday  Day = "sat"
	Sunday    Day = "sun"
)

// weekdays are the days in the order in which Go counts them.
func weekdays() []Day {
	return []Day{Sunday, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday}
}

// PolicyFreeze says what a freeze means for the rollbacks of a policy.
type PolicyFreeze struct {
	// Rollback is allow or approve: whether a bad release is rolled back during a freeze as at any other time, or only when a
	// person approves. Default allow.
	Rollback FreezeRollback `yaml:"rollback"`
}

// FreezeRollback says whether a rollback may be made during a freeze.
type FreezeRollback string

// What a freeze may mean for rollbacks.
const (
	FreezeAllow   FreezeRollback = "allow"
	FreezeApprove FreezeRollback = "approve"
)

func (p PolicyFreeze) check(k *checker, field func(...any) []any) {
	if p.Rollback != FreezeAllow && p.Rollback != FreezeApprove {
		k.say(field("freeze", "rollback"), "%q is not one of allow and approve; use approve to have a person decide during a freeze", p.Rollback)
	}
}

// Freezes returns the freeze windows in the form in which watches ask for them.
func (c *Config) Freezes() []watch.Freeze { return c.freezes }

// compileFreezes checks the freeze windows and compiles them.
func (c *Config) compileFreezes(k *checker) {
	names := map[string]bool{}
	for i, w := range c.Freeze {
		f := freezeCheck{checker: k, FreezeWindow: w, at: []any{"freeze", i}}
		if !policyName.MatchString(w.Name) || names[w.Name] {
			k.say(f.field("name"), "%q is not a name of its own of up to 63 letters, digits, dots, dashes and underscores", w.Name)
		}
		names[w.Name] = true
		k.patterns(f.field, w.Match)
		out := watch.Freeze{Window: f.window()}
		for _, m := range w.Match {
			out.Match = append(out.Match, watch.Match(m))
		}
		c.freezes = append(c.freezes, out)
	}
}

// freezeCheck compiles one window and says what is wrong with it.
type freezeCheck struct {
	*checker
	FreezeWindow
	at []any
}

func (f freezeCheck) field(path ...any) []any { return append(slices.Clone(f.at), path...) }

func (f freezeCheck) window() freeze.Window {
	w := freeze.Window{Name: f.Name}
	once, weekly := f.given(f.field("until")), f.given(f.field("days")) || f.given(f.field("to"))
	switch {
	case once == weekly:
		f.say(f.at, "must have either until, if it comes once, or days and to, if it comes every week")
	case once:
		w.From, w.Until = f.moment("from", f.From), f.moment("until", f.Until)
		if !w.From.IsZero() && !w.Until.IsZero() && !w.Until.After(w.From) {
			f.say(f.field("until"), "%s is not after from, %s; make it later", f.Until, f.From)
		}
		if f.given(f.field("timezone")) {
			f.say(f.field("timezone"), "has no effect with until, whose offset says what it is; remove it")
		}
	default:
		w.Weekly = &freeze.Weekly{Days: f.weekdays(), From: f.clock("from", f.From), To: f.clock("to", f.To), Zone: f.zone()}
	}
	return w
}

func (f freezeCheck) moment(name, value string) time.Time {
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		f.say(f.field(name), "%q is not a time with its offset; write it as 2026-12-20T17:00:00+01:00", value)
	}
	return t
}

var timeOfDay = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])$`)

// clock reads a time of day as minutes after midnight.
func (f freezeCheck) clock(name, value string) int {
	if name == "to" && value == "24:00" {
		return 24 * 60
	}
	m := timeOfDay.FindStringSubmatch(value)
	if m == nil {
		f.say(f.field(name), `%q is not a time of day; write it as "18:00", and the end of a day as to: "24:00"`, value)
		return 0
	}
	hours, _ := strconv.Atoi(m[1])
	minutes, _ := strconv.Atoi(m[2])
	return 60*hours + minutes
}

func (f freezeCheck) weekdays() []time.Weekday {
	var out []time.Weekday
	for i, d := range f.Days {
		n := slices.Index(weekdays(), d)
		if n < 0 {
			f.say(f.field("days", i), "%q is not a day; use mon, tue, wed, thu, fri, sat and sun", d)
		}
		out = append(out, time.Weekday(n))
	}
	if len(out) == 0 {
		f.say(f.field("days"), "is empty; name the days on which it begins, such as [fri, sat]")
	}
	return out
}

func (f freezeCheck) zone() *time.Location {
	z, err := time.LoadLocation(f.Timezone)
	if f.Timezone == "" || f.Timezone == "Local" || err != nil { // what is local is not the same on every machine
		f.say(f.field("timezone"), "%q is not the IANA name of a time zone; use one such as Europe/Berlin or UTC", f.Timezone)
	}
	return z
}

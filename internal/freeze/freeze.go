// Package freeze knows the times in which nothing should be deployed. It is pure: the time is an argument, and what the
// clocks of a zone do is taken from the time zone database that is part of the program.
package freeze

import (
	"slices"
	"time"
	_ "time/tzdata" // a container image may have no time zone database of its own
)

// Window is a time in which nothing should be deployed: one span, or one that comes back every week.
type Window struct {
	Name string
	// From and Until are the span of a window that comes once, until excluded. They are zero if Weekly is set.
	From, Until time.Time
	Weekly      *Weekly
}

// Weekly is a span of time on some days of every week.
type Weekly struct {
	// Days are those on which it begins.
	Days []time.Weekday
	// From and To are times of day, in minutes after midnight: From 0 to 1439, To 1 to 1440. A To that is not after From is
	// one of the next day.
	From, To int
	// Zone is whose clocks show these times.
	Zone *time.Location
}

// Period is one occurrence of a window.
type Period struct {
	Name string `json:"name"`
	// From and Until bound it in UTC, until excluded.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// At returns the occurrence that a moment lies in, if it lies in one.
func (w Window) At(t time.Time) (Period, bool) {
	if w.Weekly == nil {
		return Period{Name: w.Name, From: w.From.UTC(), Until: w.Until.UTC()}, within(w.From, w.Until, t)
	}
	// It may have begun the day before. The clocks of a zone may even skip a day (Samoa did), hence one more.
	for back := range 3 {
		day := t.In(w.Weekly.Zone).AddDate(0, 0, -back)
		if from, until, ok := w.Weekly.on(day); ok && within(from, until, t) {
			return Period{Name: w.Name, From: from.UTC(), Until: until.UTC()}, true
		}
	}
	return Period{}, false
}

func within(from, until, t time.Time) bool { return !t.Before(from) && t.Before(until) }

// on returns the occurrence that begins on the day of t.
func (w Weekly) on(t time.Time) (from, until time.Time, ok bool) {
	year, month, day := t.Date()
	if !slices.Contains(w.Days, t.Weekday()) {
		return from, until, false
	}
	length := w.To - w.From
	if length <= 0 {
		length += 24 * 60
	}
	// A clock that is read as if it were one of UTC tells of no changes.
	begins := time.Date(year, month, day, 0, w.From, 0, 0, time.UTC)
	ends := begins.Add(time.Duration(length) * time.Minute)
	return moments(begins, w.Zone)[0], moments(ends, w.Zone)[1], true
}

// moments returns the first and the last moment at which the clocks of a zone show a time, which is given as if it were one
// of UTC. Where they are put back over it these are two; where they are put forward over it both are the moment of that.
func moments(shown time.Time, zone *time.Location) [2]time.Time {
	var found []time.Time
	for _, around := range []time.Duration{-36 * time.Hour, 36 * time.Hour} {
		_, offset := shown.Add(around).In(zone).Zone()
		at := shown.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, real := at.Zone(); real == offset {
			found = append(found, at)
		}
	}
	switch len(found) {
	case 0:
		_, before := shown.Add(-36 * time.Hour).In(zone).Zone()
		change, _ := shown.Add(-time.Duration(before) * time.Second).In(zone).ZoneBounds()
		return [2]time.Time{change, change}
	case 1:
		return [2]time.Time{found[0], found[0]}
	}
	slices.SortFunc(found, time.Time.Compare)
	return [2]time.Time{found[0], found[1]}
}

package freeze

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

// minutes reads a time of day.
func minutes(t *testing.T, clock string) int {
	t.Helper()
	var h, m int
	_, err := fmt.Sscanf(clock, "%d:%d", &h, &m)
	require.NoError(t, err)
	return 60*h + m
}

func TestAWindowThatComesOnce(t *testing.T) {
	w := Window{Name: "year-end", From: time.Date(2026, 12, 20, 17, 0, 0, 0, time.UTC), Until: time.Date(2027, 1, 4, 7, 0, 0, 0, time.UTC)}
	for at, inside := range map[string]bool{
		"2026-12-20T16:59:59Z": false, "2026-12-20T17:00:00Z": true, "2027-01-04T06:59:59Z": true, "2027-01-04T07:00:00Z": false,
		"2027-01-04T08:30:00+02:00": true,
	} {
		moment, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		p, ok := w.At(moment)
		require.Equal(t, inside, ok, at)
		if ok {
			require.Equal(t, Period{Name: "year-end", From: w.From, Until: w.Until}, p)
		}
	}
}

// The times are those of UTC; 2026-10-25 and 2026-03-29 are the days on which clocks change in Berlin, at 01:00 UTC.
func TestAWindowThatComesEveryWeek(t *testing.T) {
	for _, tc := range []struct {
		name, zone, from, to string
		days                 []time.Weekday
		at, begins, ends     string // begins and ends are empty where the moment lies in no window
	}{
		{"the first moment", "Europe/Berlin", "18:00", "20:00", []time.Weekday{time.Friday}, "2026-11-27T17:00:00Z", "2026-11-27T17:00:00Z", "2026-11-27T19:00:00Z"},
		{"the moment before", "Europe/Berlin", "18:00", "20:00", []time.Weekday{time.Friday}, "2026-11-27T16:59:59Z", "", ""},
		{"the moment after", "Europe/Berlin", "18:00", "20:00", []time.Weekday{time.Friday}, "2026-11-27T19:00:00Z", "", ""},
		{"another day", "Europe/Berlin", "18:00", "20:00", []time.Weekday{time.Friday}, "2026-11-26T18:00:00Z", "", ""},
		{"in summer", "Europe/Berlin", "18:00", "20:00", []time.Weekday{time.Friday}, "2026-07-03T16:00:00Z", "2026-07-03T16:00:00Z", "2026-07-03T18:00:00Z"},
		{"over midnight, before it", "Europe/Berlin", "18:00", "08:00", []time.Weekday{time.Friday}, "2026-11-27T22:59:00Z", "2026-11-27T17:00:00Z", "2026-11-28T07:00:00Z"},
		{"over midnight, after it", "Europe/Berlin", "18:00", "08:00", []time.Weekday{time.Friday}, "2026-11-28T06:59:00Z", "2026-11-27T17:00:00Z", "2026-11-28T07:00:00Z"},
		{"over midnight, the morning of the day on which it begins", "Europe/Berlin", "18:00", "08:00", []time.Weekday{time.Friday}, "2026-11-27T06:00:00Z", "", ""},
		{"from noon to noon", "UTC", "12:00", "12:00", []time.Weekday{time.Saturday}, "2026-11-29T11:59:00Z", "2026-11-28T12:00:00Z", "2026-11-29T12:00:00Z"},
		{"a whole day", "Asia/Tokyo", "00:00", "24:00", []time.Weekday{time.Sunday}, "2026-11-28T15:00:00Z", "2026-11-28T15:00:00Z", "2026-11-29T15:00:00Z"},
		{"another day elsewhere", "Pacific/Auckland", "00:00", "24:00", []time.Weekday{time.Monday}, "2026-11-29T12:00:00Z", "2026-11-29T11:00:00Z", "2026-11-30T11:00:00Z"},
		{"the short night", "Europe/Berlin", "22:00", "06:00", []time.Weekday{time.Saturday}, "2026-03-29T03:59:00Z", "2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z"},
		{"the long night", "Europe/Berlin", "22:00", "06:00", []time.Weekday{time.Saturday}, "2026-10-25T04:59:00Z", "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"},
		{"to a time that comes twice: the second", "Europe/Berlin", "22:00", "02:30", []time.Weekday{time.Saturday}, "2026-10-25T01:29:00Z", "2026-10-24T20:00:00Z", "2026-10-25T01:30:00Z"},
		{"from a time that comes twice: the first", "Europe/Berlin", "02:30", "06:00", []time.Weekday{time.Sunday}, "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T05:00:00Z"},
		{"from a time that does not come: when the clocks are put forward", "Europe/Berlin", "02:30", "06:00", []time.Weekday{time.Sunday}, "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T04:00:00Z"},
		{"to a time that does not come: when the clocks are put forward", "Europe/Berlin", "22:00", "02:30", []time.Weekday{time.Saturday}, "2026-03-29T01:00:00Z", "", ""},
		{"clocks that change by half an hour", "Australia/Lord_Howe", "01:45", "03:00", []time.Weekday{time.Sunday}, "2026-04-04T14:45:00Z", "2026-04-04T14:45:00Z", "2026-04-04T16:30:00Z"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := Window{Name: "w", Weekly: &Weekly{Days: tc.days, From: minutes(t, tc.from), To: minutes(t, tc.to), Zone: zone(t, tc.zone)}}
			at, err := time.Parse(time.RFC3339, tc.at)
			require.NoError(t, err)
			p, ok := w.At(at)
			require.Equal(t, tc.begins != "", ok)
			if ok {
				require.Equal(t, []string{tc.begins, tc.ends}, []string{p.From.UTC().Format(time.RFC3339), p.Until.UTC().Format(time.RFC3339)})
			}
		})
	}
}

// Over a whole year, a window holds whatever minute the clocks show as within it, but for those that they show twice or not
// at all: those depend on which of the two is meant.
func TestAWindowFollowsTheClocks(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Asia/Beirut"} {
		for _, span := range [][2]string{{"01:00", "05:00"}, {"22:00", "06:00"}, {"00:00", "24:00"}} {
			z, from, to := zone(t, name), minutes(t, span[0]), minutes(t, span[1])
			w := Window{Weekly: &Weekly{Days: []time.Weekday{time.Saturday, time.Sunday}, From: from, To: to, Zone: z}}
			for at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() == 2026; at = at.Add(17 * time.Minute) {
				local := at.In(z)
				minute, on := local.Hour()*60+local.Minute(), weekend(local.Weekday())
				want := on && minute >= from && minute < to
				if to <= from {
					want = on && minute >= from || weekend((local.Weekday()+6)%7) && minute < to
				}
				_, got := w.At(at)
				require.Equal(t, want, got, "%s %v at %s", name, span, local)
			}
		}
	}
}

func weekend(d time.Weekday) bool { return d == time.Saturday || d == time.Sunday }

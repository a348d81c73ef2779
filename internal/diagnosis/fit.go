package diagnosis

import (
	"encoding/json"
	"strings"
)

const (
	// MaxSize is how large a diagnosis is at most, in bytes of JSON.
	MaxSize = 200 << 10
	// maxDiff is how much of the template's diff is kept, in bytes.
	maxDiff = 48 << 10
)

// Fit returns the diagnosis cut to MaxSize: the diff first, then the ends of the lists, of which the important part stands first. What
// is left out is counted.
func Fit(d Diagnosis) Diagnosis {
	d.Diff = cutLines(d.Diff, maxDiff)
	for size(d) > MaxSize {
		switch {
		case len(d.Diff) > 4<<10:
			d.Diff = cutLines(d.Diff, len(d.Diff)/2)
		case len(d.Logs.Shapes)+len(d.Events)+len(d.Pods)+len(d.Changes)+len(d.Logs.Read)+len(d.Logs.LastWords)+len(d.Missing) > 0:
			d = halved(d)
		default:
			return Diagnosis{Moment: d.Moment, GatheredAt: d.GatheredAt, Since: d.Since, Missing: []string{"what was gathered is too large to be kept"}}
		}
	}
	return d
}

func size(d Diagnosis) int {
	data, err := json.Marshal(d)
	if err != nil { // a number that JSON does not have; there is none
		return MaxSize + 1
	}
	return len(data)
}

// halved leaves out the second half of every list.
func halved(d Diagnosis) Diagnosis {
	d.Logs.MoreShapes += len(d.Logs.Shapes) - len(d.Logs.Shapes)/2
	d.Logs.Shapes = half(d.Logs.Shapes)
	d.MoreEvents += len(d.Events) - len(d.Events)/2
	d.Events = half(d.Events)
	d.MorePods += len(d.Pods) - len(d.Pods)/2
	d.Pods = half(d.Pods)
	d.Changes, d.Logs.Read, d.Logs.LastWords, d.Missing = half(d.Changes), half(d.Logs.Read), half(d.Logs.LastWords), half(d.Missing)
	return d
}

func half[T any](list []T) []T { return list[:len(list)/2] }

// cutLines keeps the first lines of text, at most so many bytes.
func cutLines(text string, most int) string {
	const more = "… (cut)\n"
	if len(text) <= most {
		return text
	}
	return text[:strings.LastIndexByte(text[:max(most-len(more), 0)], '\n')+1] + more
}

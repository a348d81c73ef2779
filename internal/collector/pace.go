package collector

import (
	"context"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// look is how often it is looked how much is in use, changed the part of a limit by which another one must differ to take its place.
const (
	look    = time.Second
	changed = 0.03
)

// Pace has memory collected in time until ctx ends, and then leaves the collector as it was. Where GOGC is set it says how much may
// be allocated, and no limit is ever above GOMEMLIMIT.
func Pace(ctx context.Context) {
	if os.Getenv("GOGC") == "" {
		before := debug.SetGCPercent(percent)
		defer debug.SetGCPercent(before)
	}
	most := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(most)
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	var meter meter
	for limit := int64(0); ; {
		if next := Limit(meter.read(), most); math.Abs(float64(next-limit)) > changed*float64(limit) {
			limit = next
			debug.SetMemoryLimit(limit)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// meter reads what the runtime says of memory.
type meter struct{ samples []metrics.Sample }

// read returns what this process uses.
func (m *meter) read() Use {
	if m.samples == nil {
		for _, name := range []string{
			"/gc/heap/live:bytes", "/memory/classes/total:bytes", "/memory/classes/heap/objects:bytes", "/memory/classes/heap/unused:bytes",
			"/memory/classes/heap/free:bytes", "/memory/classes/heap/released:bytes",
		} {
			m.samples = append(m.samples, metrics.Sample{Name: name})
		}
	}
	metrics.Read(m.samples)
	var of [6]uint64
	for i, s := range m.samples {
		if s.Value.Kind() == metrics.KindUint64 {
			of[i] = s.Value.Uint64()
		}
	}
	heap := of[2] + of[3] + of[4] + of[5]
	return Use{Live: of[0], Other: of[1] - min(of[1], heap)}
}

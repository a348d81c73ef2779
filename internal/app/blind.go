package app

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// This file notices that rollbackd sees nothing although Prometheus answers: its scrapes fail, its storage is empty, or labels were changed for all.

// blindness is what the open watches see.
type blindness watch.Blindness

// err says that nothing is seen of any watch; nil if of one something is, or if none is open.
func (b blindness) err() error {
	if b.Measured == 0 || b.For < blindAfter {
		return nil
	}
	return fmt.Errorf("no tick of %d measured watches has had complete data for %s, though Prometheus answers", b.Measured, b.For.Round(time.Second))
}

// sighted follows whether anything is seen. One service without traffic is no reason to wake anybody; several at once are.
func sighted() *outage {
	return &outage{
		name: "The data of the watches", key: "blind", patience: blindPatience, pageFrom: 2,
		title: "No open watch has had any data for %s and longer, and rollbackd cannot judge",
		means: "Prometheus answers, but not with what the watches ask for, so that no release can be found to be bad by its metrics. Where only one watch is open, its service may just have no traffic.",
		next:  "Look at Prometheus' targets, and whether rollbackctl doctor finds what the policies ask for; until then look after the deployments of the last day by hand.",
		back:  "A watch has data again, or none is open any more.",
	}
}

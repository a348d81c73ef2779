package watch

import (
	"strings"
	"time"
)

// published is the event of a deployment of shop/checkout v2 at a time; pairs of edits are applied to its text.
func published(at time.Time, edits ...string) Published {
	text := `{"id":"d1","timestamp":"` + at.UTC().Format(time.RFC3339) + `","environment":"production","namespace":"shop",` +
		`"workload":"checkout","version":"v2"}`
	return Published{Subject: "deployments.production.shop.checkout", Data: []byte(strings.NewReplacer(edits...).Replace(text)), Seq: 7}
}

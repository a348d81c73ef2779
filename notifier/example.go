package notifier

import "time"

// Examples returns a notice of every kind, as a daemon would send them of one deployment, for trying templates and for showing messages.
func Examples() []Notice {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	base := Notice{
		Watch: "production.shop.9f86d081884c7d65", Workload: "shop/checkout", WorkloadKind: "Deployment", Environment: "production",
		Version: "v1.2.3", Target: "v1.2.2", EventID: "deploy-20261122T100000Z-checkout", Operator: "ana",
		Link: "https://rollbackd.example/incidents/incident-20261122T100510Z/",
	}
	incident := base
	incident.Signal, incident.Value, incident.Limit, incident.Baseline = "error-rate", "7.1 %", "0.6 %", "0.5 %"
	incident.Incident, incident.StartedAt, incident.Open = "incident-20261122T100510Z", at.Add(5*time.Minute), true
	var out []Notice
	for i, e := range []struct {
		kind     Kind
		severity Severity
		title    string
		action   string
		next     string
	}{
		{KindDeployed, Info, "shop/checkout v1.2.3 is being watched", "It would be rolled back to v1.2.2.", "On-call keeps an eye on it until 11:00Z."},
		{KindStage, Info, "shop/checkout v1.2.3 has passed the stage active", "Nothing was done.", ""},
		{KindSuspect, Warn, "shop/checkout v1.2.3 is suspected to be bad, and its rollout is paused", "The rollout is paused.", ""},
		{KindRegressed, Warn, "shop/checkout v1.2.3 is bad", "A rollback to v1.2.2 is being planned.", ""},
		{KindAwaiting, Page, "shop/checkout v1.2.3 is bad and waits for a person to approve its rollback", "", "Approve or deny the rollback."},
		{KindRollingBack, Info, "shop/checkout v1.2.3 is being rolled back to v1.2.2", "The rollback is on its way.", ""},
		{KindRolledBack, Page, "shop/checkout v1.2.3 was rolled back, and it helped", "It was rolled back to v1.2.2.", "Find out what was wrong."},
		{KindUnresolved, Page, "shop/checkout v1.2.3 is bad and was not rolled back", "Nothing was done.", "Decide what to do."},
		{KindResolved, Info, "shop/checkout is served by another version now", "", ""},
		{KindHealthy, Info, "shop/checkout v1.2.3 is healthy", "Nothing was done.", ""},
		{KindEnded, Info, "shop/checkout v1.2.3 was superseded", "", ""},
		{KindPostmortem, Info, "The postmortem of incident-20261122T100510Z is due tomorrow", "", "Write the postmortem."},
		{KindOther, Warn, "shop/checkout was deployed, and nobody announced it", "", ""},
		{KindTest, Info, "This is a test: nothing has happened", "", ""},
	} {
		n := base
		if i >= 3 && i <= 8 {
			n = incident
		}
		if e.kind == KindRolledBack || e.kind == KindResolved {
			n.Open = false
		}
		n.ID, n.At, n.Kind, n.Severity, n.Title, n.Action, n.Next = "example-"+string(e.kind), at, e.kind, e.severity, e.title, e.action, e.next
		out = append(out, n)
	}
	return out
}

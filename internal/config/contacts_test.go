package config

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/notifier"
)

const rota = `
roles:
- match: [{environment: production, namespace: shop, workload: checkout*}]
  roles:
    service-owner: [{name: Team Shop, slack: S0SHOP, email: shop@example.com}]
- match: [{environment: production}]
  roles:
    on-call: [{person: ana}, {email: pager@example.com}]
    service-owner: [{email: owners@example.com}]
- roles:
    deployment-engineer: [{email: releases@example.com}]
people:
  ana: {name: Ana, slack: U0ANA, email: ana@example.com}
  ben: {slack: U0BEN}
`

func TestContactsKnowWhoHasARole(t *testing.T) {
	c, err := ParseContacts([]byte(rota))
	require.NoError(t, err)
	checkout := notifier.Notice{Environment: "production", Workload: "shop/checkout-api", Operator: "ben"}
	billing := notifier.Notice{Environment: "production", Workload: "pay/billing", Operator: "mallory"}
	type list = []notifier.Recipient
	for name, c2 := range map[string]struct {
		notice notifier.Notice
		roles  []notifier.Role
		medium string
		want   list
	}{
		"the first entry that names the role":           {checkout, []notifier.Role{notifier.ServiceOwner}, MediumEmail, list{{Role: notifier.ServiceOwner, Address: "shop@example.com", Name: "Team Shop"}}},
		"another workload":                              {billing, []notifier.Role{notifier.ServiceOwner}, MediumEmail, list{{Role: notifier.ServiceOwner, Address: "owners@example.com"}}},
		"an entry that does not name it is passed over": {checkout, []notifier.Role{notifier.OnCall}, MediumSlack, list{{Role: notifier.OnCall, Address: "U0ANA", Name: "Ana"}}},
		"who deployed, by what the event claims":        {checkout, []notifier.Role{notifier.DeploymentEngineer}, MediumSlack, list{{Role: notifier.DeploymentEngineer, Address: "U0BEN"}}},
		"a stranger is nobody":                          {billing, []notifier.Role{notifier.DeploymentEngineer}, MediumSlack, nil},
		"each once": {notifier.Notice{Environment: "production", Workload: "a/b", Operator: "ana"}, []notifier.Role{notifier.OnCall, notifier.DeploymentEngineer}, MediumEmail, list{
			{Role: notifier.OnCall, Address: "ana@example.com", Name: "Ana"}, {Role: notifier.OnCall, Address: "pager@example.com"}, {Role: notifier.DeploymentEngineer, Address: "releases@example.com"}}},
		"nobody approves":              {checkout, []notifier.Role{notifier.Approver}, MediumEmail, nil},
		"a medium that nobody is told": {checkout, notifier.Roles(), "pigeon", nil},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c2.want, c.Recipients(c2.notice, c2.roles, c2.medium)) })
	}
}

func TestContactsSayWhatIsWrong(t *testing.T) {
	_, err := ParseContacts([]byte(`roles:
- match: [{namespace: "["}]
  roles:
    boss: [{email: a@b.c}]
    on-call: [{person: eve}, {slack: "#shop"}, {email: "Ana <ana@example.com>"}, {}]
    approver: [{person: ana, slack: U1X}]
people:
  ana: {person: ben}
`))
	require.EqualError(t, err, `line 2: roles[0].match[0].namespace: "[" is not a pattern; use a name with * and ?
line 4: roles[0].roles.boss: "boss" is not a role; use one of deployment-engineer, on-call, service-owner, approver
line 5: roles[0].roles.on-call[0].person: "eve" is not one of people; add them there
line 5: roles[0].roles.on-call[1].slack: "#shop" is not the ID of a Slack user or user group; copy it from their profile, such as U024BE7LH
line 5: roles[0].roles.on-call[2].email: "Ana <ana@example.com>" is not an e-mail address; write it as ana@example.com
line 5: roles[0].roles.on-call[3]: has no address; give slack, email or both
line 6: roles[0].roles.approver[0]: has addresses beside person, which says where they are; remove one of both
line 8: people.ana.person: "ben" cannot stand in people, which are those that it refers to; write the addresses here`)
	_, err = ParseContacts([]byte("role: []"))
	require.ErrorContains(t, err, `line 1: role: unknown key "role"`)
}

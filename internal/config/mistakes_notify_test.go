package config

// wrongNotify are pipelines that could not work.
func wrongNotify() []mistaken {
	return []mistaken{
		{inTop("notify: {sinks: [{name: a b, log: {}}, {name: x}]}"), []string{
			`line 4: notify.sinks[0].name: "a b" is not a name of its own of up to 63 letters, digits, dots, dashes and underscores`,
			`line 4: notify.sinks[1]: does not say of what kind it is; give it one of the blocks log, alertmanager, slack, slackWebhook, pagerDuty, grafana, smtp, kubernetesEvents, webhook, cdevents, shoutrrr`}},
		{inTop("notify: {sinks: [{name: x, log: {}}, {name: x, log: {}}]}"), []string{
			`line 4: notify.sinks[1].name: "x" is not a name of its own of up to 63 letters, digits, dots, dashes and underscores`}},
		{inTop("notify: {routes: [{severities: [urgent], kinds: [bad], to: [boss], sinks: [x], match: [{namespace: '['}]}, {}], giveUpAfter: 0s}"), []string{
			`line 4: notify.routes[0].match[0].namespace: "[" is not a pattern; use a name with * and ?`,
			`line 4: notify.routes[0].sinks[0]: "x" is not a sink's name: there are none`,
			`line 4: notify.routes[0].severities[0]: "urgent" is not a severity; use one of page, warn, info`,
			`line 4: notify.routes[0].kinds[0]: "bad" is not a kind of notice; use one of deployed, stage, suspect, regressed, awaiting-approval, rolling-back, ` +
				`rolled-back, unresolved, resolved, healthy, ended, postmortem, other, test`,
			`line 4: notify.routes[0].to[0]: "boss" is not a role; use one of deployment-engineer, on-call, service-owner, approver`,
			`line 4: notify.routes[1].sinks: is empty; name the sinks that it takes its notices to`,
			`line 4: notify.giveUpAfter: 0s is not a positive duration; write it as 30s, 5m or 1h30m`}},
		{inTop("notify:\n  sinks:\n  - {name: x, log: {}, template: '{{.Titel}}', atMost: {messages: 0, within: 0s}, group: {wait: 1m, atLeast: 1}}\n  - {name: y, log: {}, template: '{{if'}\n  - {name: z, log: {}, template: '{{.Action}}'}"), []string{
			`line 6: notify.sinks[0].template: a notice of the kind deployed cannot be rendered: template:1:2: executing "template" at <.Titel>: can't evaluate field Titel in type notifier.Notice`,
			`line 6: notify.sinks[0].atMost.messages: 0 is not a number of messages; use 1 to 100000`,
			`line 6: notify.sinks[0].atMost.within: 0s is not a positive duration; write it as 30s, 5m or 1h30m`,
			`line 6: notify.sinks[0].group.wait: 1m would tell people late; use 2s at the most`,
			`line 6: notify.sinks[0].group.atLeast: 1 is not a number of notices that can be one message; use 2 to 1000, or 0 to have each told alone`,
			`line 7: notify.sinks[1].template: template:1: unclosed action`,
			`line 8: notify.sinks[2].template: a notice of the kind awaiting-approval would be told by an empty message`}},
		{inTop("notify: {sinks: [{name: x, log: {}}], routes: [{sinks: [y]}]}"), []string{`line 4: notify.routes[0].sinks[0]: "y" is not a sink's name; use one of x`}},
	}
}

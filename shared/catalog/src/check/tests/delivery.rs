//! What a target must say.

bad! {
    fl100_slack_channels: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage }
deliver:
  - slack: { channel: oncall }
  - slack: { channel: "#On Call" }
  - slack: { channel: C0123ABCD }
  - slack: { channel: C0123ABCD, thread: "1700000000" }
  - slack: { channel: C0123ABCD, thread: "1700000000.000100" }
  - slack: { channel: C0123ABCD, thread: "${{ alert.labels.message }}" }
  - slack: { channel: C0123ABCD, thread: "${{ alert.label.message }}" }
  - slack: { channel: "#ops", thread: "${{ alert.labels.message }}" }
---
kind: Schedule
name: daily
schedule: rate(1 day)
command: triage
deliver: [{ slack: { channel: C0123ABCD, thread: "${{ alert.labels.message }}" } }]
"##, r##"checkout.yaml:6:23: error[FL100] `oncall` is not a Slack channel
  = help: write "#name" (in quotes: YAML reads # as a comment) in lower case, or the channel's id (C0123ABCD)
checkout.yaml:7:23: error[FL100] `#On Call` is not a Slack channel
  = help: write "#name" (in quotes: YAML reads # as a comment) in lower case, or the channel's id (C0123ABCD)
checkout.yaml:9:42: error[FL100] `thread` is not the `ts` of a Slack message
  = help: write it in quotes as "1700000000.000100", or leave it out for the channel itself
checkout.yaml:12:42: error[FL031] `alert` has no `label`
  = help: did you mean `labels`?
checkout.yaml:13:39: error[FL100] whether the alert's message stands in this channel can only be seen by the channel's id
  = help: name the channel by its id (C0123ABCD)
checkout.yaml:19:50: error[FL100] a Schedule has no alert that could say which thread
  = help: leave `thread` out, or write the `ts` of a message"##;

    fl101_urls_of_targets: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage }
deliver:
  - webhook: { url: "http://hooks.internal/x", secret: hook }
  - webhook: { url: "http://127.0.0.1:9/x", secret: hook }
  - webhook: { url: "${{ alert.title }}", secret: "a b" }
"##, r##"checkout.yaml:6:21: error[FL101] nothing can be delivered to `http://hooks.internal/x`: it is not encrypted
  = help: use https; http is for a loopback address only. Only the catalog can name it, so no expression stands here
checkout.yaml:8:21: error[FL101] nothing can be delivered to `${{ alert.title }}`: a URL has no spaces, line ends or backslashes
  = help: use https; http is for a loopback address only. Only the catalog can name it, so no expression stands here
checkout.yaml:8:51: error[FL074] this is not the name of a key in the secret
  = help: use letters, digits, `-` and `_`; the value itself stands in the secret, never here"##;

    fl102_targets_with_nothing_to_write_on: r##"kind: Source
name: deploys
type: webhook
verify: { secret: deploys-token, scheme: bearer }
map: { external_id: body.id, title: body.title }
---
kind: Workflow
name: pages
trigger: { sources: [deploys] }
investigate: { command: triage }
deliver: [{ pagerduty: { note: false, from: me } }]
---
kind: Schedule
name: daily
schedule: rate(1 day)
command: triage
deliver: [{ pagerduty: { note: true } }]
"##, r##"checkout.yaml:11:11: error[FL102] not every source is of `type: pagerduty`, so there may be nothing to write a note on
  = help: listen to such sources alone, or take the target out
checkout.yaml:11:32: error[FL102] without a note there is nothing to deliver
  = help: write `note: true`, or take the target out
checkout.yaml:11:45: error[FL102] `from` is not an e-mail address
  = help: name the PagerDuty user in whose name the note is written
checkout.yaml:17:24: error[FL102] a Schedule has no alert of pagerduty to write a note on
  = help: deliver to Slack, to a ticket, by e-mail or to a webhook"##;

    fl103_a_target_twice: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage }
deliver:
  - slack: { channel: "#oncall" }
  - slack: { channel: "#oncall" }
"##, r##"checkout.yaml:7:5: error[FL103] this target stands above already
  = help: take one of them out"##;

    fl104_addresses_of_mails: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage }
deliver:
  - e-mail: { to: [oncall@example.com, "On Call <b@example.com>", "${{ alert.labels.mail }}"], from: first@example.com }
  - e-mail: { to: [oncall@example.com, Oncall@example.com], from: firstlook, region: europe }
  - e-mail: { to: [], from: first@example.com }
  - e-mail: { to: [oncall@example.com, lead@example.com], from: first@example.com, region: eu-west-1 }
"##, r##"checkout.yaml:6:40: error[FL104] `On Call <b@example.com>` is not a plain e-mail address
  = help: write one address without a name, such as oncall@example.com. Only the catalog can name it, so no expression stands here
checkout.yaml:6:67: error[FL104] `${{ alert.labels.mail }}` is not a plain e-mail address
  = help: write one address without a name, such as oncall@example.com. Only the catalog can name it, so no expression stands here
checkout.yaml:7:40: error[FL104] `Oncall@example.com` stands above already
  = help: take one of them out
checkout.yaml:7:67: error[FL104] `firstlook` is not a plain e-mail address
  = help: write one address without a name, such as oncall@example.com. Only the catalog can name it, so no expression stands here
checkout.yaml:7:86: error[FL013] `europe` is not an AWS region
  = help: write it as eu-central-1; it cannot be filled from an input
checkout.yaml:8:19: error[FL104] a mail goes to 1 to 50 addresses, and not to 0
  = help: name those who are to read it, or a list's address for more"##;

    fl102_tickets_that_no_tracker_knows: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage }
deliver:
  - jira: { site: "https://example.atlassian.net", issue: ops-12 }
  - jira: { site: "https://example.atlassian.net", issue: "${{ alert.lables.jira }}" }
  - servicenow: { instance: "http://example.service-now.com", incident: "10001" }
  - github: { repository: checkout, issue: "#7" }
  - opsgenie: { note: true, api: "https://api.eu.opsgenie.com" }
---
kind: Schedule
name: daily
schedule: rate(1 day)
command: triage
deliver: [{ github: { repository: acme/checkout, issue: "${{ alert.labels.issue }}" } }]
"##, r##"checkout.yaml:6:59: error[FL102] `ops-12` is not the key of a Jira issue, such as OPS-12
  = help: write the key as the tracker shows it, in quotes, or where the alert has it: ${{ alert.labels.ticket }}
checkout.yaml:7:59: error[FL031] `alert` has no `lables`
  = help: did you mean `labels`?
checkout.yaml:8:29: error[FL101] nothing can be delivered to `http://example.service-now.com`: it is not encrypted
  = help: use https; http is for a loopback address only. Only the catalog can name it, so no expression stands here
checkout.yaml:8:73: error[FL102] `10001` is not the number of a ServiceNow incident, such as INC0010001
  = help: write the key as the tracker shows it, in quotes, or where the alert has it: ${{ alert.labels.ticket }}
checkout.yaml:9:27: error[FL102] `repository` is not `owner/name`
  = help: write it as it stands in the address of the repository
checkout.yaml:9:44: error[FL102] `#7` is not the number of a GitHub issue, such as 12
  = help: write the key as the tracker shows it, in quotes, or where the alert has it: ${{ alert.labels.ticket }}
checkout.yaml:10:5: error[FL102] not every source is of `type: opsgenie`, so there may be nothing to write a note on
  = help: listen to such sources alone, or take the target out
checkout.yaml:16:57: error[FL102] a Schedule has no alert that could say which ticket
  = help: write the number of a GitHub issue, such as 12"##;

    fl013_what_stands_beside_an_outlet: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage }
deliver:
  - slack: { channel: "#quiet" }
    whn: run.flapping
  - pagerduty: { note: true }
    jira: { site: "https://example.atlassian.net", issue: OPS-12 }
  - when: run.storm
  - slakc: { channel: "#quiet" }
"##, r##"checkout.yaml:7:5: error[FL011] `deliver.0` has no key `whn`
  = help: did you mean `when`?
checkout.yaml:8:5: error[FL013] `deliver.1` says 2 of these, and can say one
  = help: write one of: slack, slack-webhook, pagerduty, opsgenie, jsm, jira, servicenow, github, teams, e-mail, webhook
checkout.yaml:10:5: error[FL013] `deliver.2` says none of these
  = help: write one of: slack, slack-webhook, pagerduty, opsgenie, jsm, jira, servicenow, github, teams, e-mail, webhook
checkout.yaml:11:5: error[FL011] `deliver.3` has no key `slakc`
  = help: did you mean `slack`?"##;

    fl031_fl033_what_a_target_asks_of_a_run: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage }
deliver:
  - slack: { channel: "#oncall" }
    when: run.worst_severty <= 2
  - slack: { channel: "#oncall" }
    when: run.worst_severity
    text: "<@${{ alert.labels.owner }}> look: ${{ run.verdct }}"
  - slack: { channel: "#quiet" }
    when: steps.health.issues.size() > 0
    text: ""
  - slack: { channel: "#oncall" }
    when: run.worst_severity
---
kind: Schedule
name: daily
schedule: rate(1 day)
command: triage
deliver:
  - slack: { channel: "#oncall" }
    when: alert.severity == "high"
    text: "<!subteam^S0123ABCD> see ${{ run.headline }}"
"##, r##"checkout.yaml:7:11: error[FL031] `run` has no `worst_severty`
  = help: did you mean `worst_severity`?
checkout.yaml:9:11: error[FL033] the condition is a number, not true or false
  = help: compare it with something
checkout.yaml:10:11: error[FL031] `run` has no `verdct`
  = help: did you mean `verdict`?
checkout.yaml:10:11: error[FL083] a value cannot choose whom Slack tells, or where a link leads: it is shown as text
  = help: write who is meant in full: `<!subteam^S0123ABCD>`, `<@U0123ABCD>`, `<!here>`
checkout.yaml:12:11: error[FL031] `steps` cannot stand here
  = help: ask `run` and `alert`: a target sees what came of a run
checkout.yaml:13:11: error[FL013] this says nothing
  = help: leave `text` out, or write what people must know first
checkout.yaml:14:5: error[FL103] this target stands above already
  = help: take one of them out
checkout.yaml:15:11: error[FL033] the condition is a number, not true or false
  = help: compare it with something
checkout.yaml:23:11: error[FL031] `alert` cannot stand here
  = help: a Schedule has no alert: ask `run`"##;
}

//! Documents that are right one by one and wrong together, or in what they are for.

bad! {
    fl020_references_that_lead_nowhere: r##"kind: Workflow
name: pages
trigger: { sources: [pagerdutty, gone] }
investigate: { command: triaje, assistant: kathy }
---
kind: Assistant
name: bob
model: none
tasks: [http-helth]
---
kind: Schedule
name: daily
schedule: rate(1 day)
command: gone
"##, r##"checkout.yaml:3:22: error[FL020] there is no Source `pagerdutty`
  = help: did you mean `pagerduty`?
checkout.yaml:3:34: error[FL020] there is no Source `gone`
  = help: there are `pagerduty`
checkout.yaml:4:25: error[FL020] there is no Command `triaje`
  = help: did you mean `triage`?
checkout.yaml:4:44: error[FL020] there is no Assistant `kathy`
  = help: did you mean `cathy`?
checkout.yaml:7:7: warning[FL026] no Workflow asks the Assistant `bob`
  = help: name it in `investigate`, or take it out
checkout.yaml:9:9: error[FL020] there is no Task `http-helth`
  = help: did you mean `http-health`?
checkout.yaml:14:10: error[FL020] there is no Command `gone`
  = help: there are `triage`"##;

    fl021_an_entry_with_both_or_neither: r##"kind: Command
name: triage
description: Is checkout up
tasks:
  - { id: both, task: http-health, slx: matched, with: { url: "https://a.internal/" } }
  - { id: neither }
---
kind: Slx
name: checkout
tags: { service: checkout }
tasks:
  - { id: inner, slx: matched }
"##, r##"checkout.yaml:5:41: error[FL021] `both` names both a Task and Slxs
  = help: make two entries of it
checkout.yaml:6:5: error[FL021] `neither` names nothing to run
  = help: add `task: <name>`, or `slx: matched`
checkout.yaml:12:23: error[FL021] an Slx cannot stand in an Slx
  = help: name a Task: `task: <name>`"##;

    fl022_an_id_twice: r##"kind: Command
name: triage
description: Is checkout up
tasks:
  - { id: health, task: http-health, with: { url: "https://a.internal/" } }
  - { id: health, task: http-health, with: { url: "https://b.internal/" } }
"##, r##"checkout.yaml:6:11: error[FL022] entry 1 has the id `health` already
  = help: give this one another id"##;

    fl023_needs_that_are_not_there_or_later: r##"kind: Command
name: triage
description: Is checkout up
tasks:
  - { id: a, task: http-health, needs: [b], with: { url: "https://a.internal/" } }
  - { id: b, task: http-health, needs: [heath], with: { url: "https://a.internal/" } }
"##, r##"checkout.yaml:5:41: error[FL023] `a` needs `b`, which stands after it
  = help: move the needed entry up: the list is read from the top
checkout.yaml:6:41: error[FL023] there is no entry `heath`
  = help: name the id of another entry"##;

    fl024_needs_in_a_circle: r##"kind: Command
name: triage
description: Is checkout up
tasks:
  - { id: a, task: http-health, needs: [c], with: { url: "https://a.internal/" } }
  - { id: b, task: http-health, needs: [a], with: { url: "https://a.internal/" } }
  - { id: c, task: http-health, needs: [b], with: { url: "https://a.internal/" } }
"##, r##"checkout.yaml:5:40: error[FL024] these entries wait for each other: `a` needs `c` needs `b` needs `a`
  = help: take one of the needs away"##;

    fl025_a_command_that_checks_nothing_and_fl052_its_relay: r##"kind: Command
name: triage
description: Passes the page on
tasks: []
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage }
deliver: [{ slack: { channel: "#oncall" } }]
"##, r##"checkout.yaml:4:8: error[FL025] the Command checks nothing
  = help: add entries to `tasks`: `- { id: health, task: http-health, with: { ... } }`
checkout.yaml:9:25: error[FL052] the Command `triage` looks at nothing, so this only passes the alert's own text on
  = help: give the Command a Task that looks at something the alert does not say"##;

    fl052_slxs_that_have_no_tasks_are_a_relay_too: r##"kind: Command
name: triage
description: Passes the page on
tasks: [{ id: slx, slx: matched }]
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage }
deliver: [{ slack: { channel: "#oncall" } }]
"##, r##"checkout.yaml:9:25: error[FL052] the Command `triage` looks at nothing, so this only passes the alert's own text on
  = help: give the Command a Task that looks at something the alert does not say"##;

    fl026_what_nothing_uses: r##"kind: Source
name: other
type: pagerduty
verify: { secret: other-signing }
---
kind: Assistant
name: idle
model: none
---
kind: Task
name: lonely
access: read-only
inputs: { url: { type: url } }
title: Check something
run: { http: { url: "${{ inputs.url }}" } }
---
kind: Slx
name: checkout
tags: { service: checkout }
tasks: [{ id: health, task: http-health, with: { url: "https://a.internal/" } }]
"##, r##"checkout.yaml:2:7: warning[FL026] no Workflow listens to the Source `other`
  = help: name it in a trigger, or take it out
checkout.yaml:7:7: warning[FL026] no Workflow asks the Assistant `idle`
  = help: name it in `investigate`, or take it out
checkout.yaml:11:7: warning[FL026] no Command, Slx or Assistant runs the Task `lonely`
  = help: name it in a Command, or take it out
checkout.yaml:18:7: warning[FL026] no Command has `slx: matched` and runs the Slx `checkout`
  = help: add such an entry, or take it out"##;

    fl040_parameters_that_are_not_given_and_fl041_that_do_not_exist: r##"kind: Command
name: triage
description: Is checkout up
parameters:
  namespace: { type: string }
tasks:
  - { id: a, task: http-health }
  - { id: b, task: http-health, with: { ulr: "https://a.internal/", url: "https://a.internal/" } }
  - { id: c, slx: matched, with: { x: 1 } }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage, with: { namspace: x } }
"##, r##"checkout.yaml:7:5: error[FL040] the Task `http-health` needs `url`, and it is not given
  = help: add `with: { url: ... }`, or give the parameter a `default`
checkout.yaml:8:46: error[FL041] the Task `http-health` has no parameter `ulr`
  = help: did you mean `url`?
checkout.yaml:9:34: error[FL041] an `slx` entry takes no `with`
  = help: the Slx's own entries say what their tasks are given: leave `with` out
checkout.yaml:14:14: error[FL040] the Command `triage` needs `namespace`, and it is not given
  = help: add `with: { namespace: ... }`, or give the parameter a `default`
checkout.yaml:14:51: error[FL041] the Command `triage` has no parameter `namspace`
  = help: did you mean `namespace`?"##;

    fl042_written_values_that_do_not_fit: r##"kind: Command
name: triage
description: Is checkout up
parameters:
  namespace: { type: string, pattern: "[a-z]+" }
  replicas: { type: integer, max: 9 }
  window: { type: duration, default: 5m }
  base: { type: url }
  label: { type: string }
tasks:
  - { id: a, task: http-health, with: { url: checkout.internal/healthz } }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage, with: { namespace: A1, replicas: 10, window: soon, base: "ftp://x/", label: 1.10 } }
"##, r##"checkout.yaml:11:46: error[FL042] `url` cannot have this value: it is not an absolute URL
  = help: write it as https://host/path
checkout.yaml:16:52: error[FL042] `namespace` cannot have this value: it does not match the pattern
  = help: the whole text must match `[a-z]+`
checkout.yaml:16:66: error[FL042] `replicas` cannot have this value: it is too great
  = help: give at most 9
checkout.yaml:16:78: error[FL042] `window` cannot have this value: it is not a length of time
  = help: write it as 500ms, 5s, 10m or 4h
checkout.yaml:16:90: error[FL042] `base` cannot have this value: its scheme is `ftp`
  = help: use http or https
checkout.yaml:16:109: error[FL042] `label` cannot have this value: it is not text
  = help: put it in quotes"##;

    fl043_parameters_that_contradict_themselves_and_fl044_regexes: r##"kind: Command
name: triage
description: Is checkout up
parameters:
  Bad-Name: { type: string }
  a: { type: integer, pattern: "[0-9]+", min: 5, max: 1 }
  b: { type: string, min: 1 }
  c: { type: string, enum: [] }
  d: { type: string, pattern: "[a-z]+", enum: [ok, NO], default: other }
  e: { type: duration, default: soon }
  f: { type: string, pattern: "(?!x)y" }
tasks:
  - { id: a, task: http-health, with: { url: "https://a.internal/" } }
"##, r##"checkout.yaml:5:13: error[FL043] `Bad-Name` cannot be the name of a parameter
  = help: use lower-case letters, digits and `_`, beginning with a letter: expressions name it
checkout.yaml:6:32: error[FL043] `pattern` is for `string`, `url` and `host`
  = help: leave it out: what the type allows is checked already
checkout.yaml:6:47: error[FL043] no number is at least 5 and at most 1
  = help: swap them
checkout.yaml:7:27: error[FL043] `min` is for `integer` and `number`
  = help: leave it out
checkout.yaml:8:28: error[FL043] no value is one of none
  = help: name the values, or leave it out
checkout.yaml:9:52: error[FL043] this value can never be given: it does not match the pattern
  = help: the whole text must match `[a-z]+`
checkout.yaml:9:66: error[FL043] the default does not fit: it is not one of the values there are
  = help: give one of: ok, NO
checkout.yaml:10:33: error[FL043] the default does not fit: it is not a length of time
  = help: write it as 500ms, 5s, 10m or 4h
checkout.yaml:11:31: error[FL044] `(?!x)y` is not a regular expression: look-around, including look-ahead and look-behind, is not supported
  = help: the syntax is that of the Rust crate `regex`: no look-around, no back references"##;

    fl050_a_workflow_without_a_command: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
---
kind: Workflow
name: more
priority: 1
trigger: { sources: [pagerduty] }
investigate: {}
"##, r##"checkout.yaml:1:1: error[FL050] the Workflow investigates nothing
  = help: a Workflow is a trigger, a Command and a delivery: add `investigate: { command: <name> }`, and a document of kind Command with that name says what is looked at
checkout.yaml:9:14: error[FL050] the Workflow names no Command
  = help: a Workflow is a trigger, a Command and a delivery: add `investigate: { command: <name> }`, and a document of kind Command with that name says what is looked at"##;

    fl051_investigation_text_in_a_workflow: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty], prompt: Look at the pods }
investigate: { command: triage, instructions: Be brief }
tasks: []
"##, r##"checkout.yaml:3:34: error[FL051] `prompt` says what to look at, and a Workflow only says when and for whom
  = help: write it into a Command (its `tasks` and `procedure`) and name that with `investigate.command`
checkout.yaml:4:33: error[FL051] `instructions` says what to look at, and a Workflow only says when and for whom
  = help: write it into a Command (its `tasks` and `procedure`) and name that with `investigate.command`
checkout.yaml:5:1: error[FL051] `tasks` says what to look at, and a Workflow only says when and for whom
  = help: write it into a Command (its `tasks` and `procedure`) and name that with `investigate.command`"##;

    fl053_two_workflows_that_want_the_same_event: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage }
---
kind: Workflow
name: other
trigger: { sources: [pagerduty], when: 'alert.urgency == "high"' }
investigate: { command: triage }
---
kind: Workflow
name: third
trigger: { sources: [pagerduty], when: 'alert.urgency in ["low"]' }
investigate: { command: triage }
---
kind: Workflow
name: upper
priority: 1
trigger: { sources: [pagerduty] }
investigate: { command: triage }
"##, r##"checkout.yaml:3:10: error[FL053] `pages` and `other` have priority 0 and may both want a `triggered` event of `pagerduty`
  = help: give one of them another `priority`, or let both ask one field for different values, as in `alert.service.id == "..."`; `other` stands in checkout.yaml:7
checkout.yaml:13:40: error[FL053] `third` and `pages` have priority 0 and may both want a `triggered` event of `pagerduty`
  = help: give one of them another `priority`, or let both ask one field for different values, as in `alert.service.id == "..."`; `pages` stands in checkout.yaml:2"##;

    fl054_a_clock_in_a_workflow: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty], cron: "0 8 * * *" }
investigate: { command: triage }
schedule: rate(1 hour)
"##, r##"checkout.yaml:3:34: error[FL054] `cron` is a clock, and a Workflow is started by events only
  = help: to run a Command on a clock, write a Schedule: kind: Schedule, with `schedule: rate(1 hour)` and `command`
checkout.yaml:5:1: error[FL054] `schedule` is a clock, and a Workflow is started by events only
  = help: to run a Command on a clock, write a Schedule: kind: Schedule, with `schedule: rate(1 hour)` and `command`"##;

    fl055_an_event_in_a_schedule: r##"kind: Schedule
name: daily
schedule: rate(1 day)
command: triage
trigger: { sources: [pagerduty] }
events: [triggered]
"##, r##"checkout.yaml:5:1: error[FL055] `trigger` is about events, and a Schedule is started by a clock only
  = help: to run a Command when an event comes, write a Workflow: kind: Workflow, with `trigger` and `investigate`
checkout.yaml:6:1: error[FL055] `events` is about events, and a Schedule is started by a clock only
  = help: to run a Command when an event comes, write a Workflow: kind: Workflow, with `trigger` and `investigate`"##;

    fl056_events_that_open_nothing: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty], events: [triggered, acknowledged, resolved] }
investigate: { command: triage }
"##, r##"checkout.yaml:3:54: error[FL056] `acknowledged` opens no investigation
  = help: name `triggered` or `reopened`; other events find the run that stands by themselves
checkout.yaml:3:68: error[FL056] `resolved` opens no investigation
  = help: name `triggered` or `reopened`; other events find the run that stands by themselves"##;

    fl060_schedules_and_fl061_time_zones: r##"kind: Schedule
name: daily
schedule: 0 8 * * *
timezone: Berlin
command: triage
---
kind: Schedule
name: odd
schedule: cron(0 25 ? * MON *)
command: triage
"##, r##"checkout.yaml:3:11: error[FL060] `0 8 * * *` is not a schedule: it is none of `rate(...)`, `cron(...)` and `at(...)`
  = help: write `rate(15 minutes)`, `cron(0 8 ? * MON-FRI *)` (minute, hour, day, month, weekday, year) or `at(2030-01-31T08:00:00)`
checkout.yaml:4:11: error[FL061] `Berlin` is not a time zone
  = help: write UTC, or one such as Europe/Berlin
checkout.yaml:9:11: error[FL060] `cron(0 25 ? * MON *)` is not a schedule: the hour cannot be `25`
  = help: write `rate(15 minutes)`, `cron(0 8 ? * MON-FRI *)` (minute, hour, day, month, weekday, year) or `at(2030-01-31T08:00:00)`"##;

    fl070_webhook_sources_that_are_not_whole: r##"kind: Source
name: deploys
type: webhook
verify: { secret: deploys-token }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty, deploys] }
investigate: { command: triage }
"##, r##"checkout.yaml:1:1: error[FL070] a webhook source must say what the fields of its body mean
  = help: add `map: { external_id: body.id, title: body.title }`; each is CEL over `body` and `headers`
checkout.yaml:4:9: error[FL070] a webhook source must say how its requests are verified
  = help: add `scheme:` with one of `standard-webhooks`, `hmac-sha256`, `bearer`, `basic`, `url-token`"##;

    fl071_hmac_without_header: r##"kind: Source
name: deploys
type: webhook
verify: { secret: deploys-token, scheme: hmac-sha256 }
map: { external_id: body.id, title: body.title }
---
kind: Source
name: others
type: webhook
verify: { secret: deploys-token, scheme: standard-webhooks, header: X-Sig }
map: { external_id: body.id, title: body.title }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty, deploys, others] }
investigate: { command: triage }
"##, r##"checkout.yaml:4:9: error[FL071] `hmac-sha256` needs the header that has the signature
  = help: add `header: X-Hub-Signature-256`, or whatever the sender calls it
checkout.yaml:10:69: error[FL071] `standard-webhooks` knows by itself where it stands in a request
  = help: leave it out: only `hmac-sha256` and `bearer` leave open which header it is"##;

    fl072_a_known_sender_with_more_than_it_needs: r##"kind: Source
name: pagerduty
type: pagerduty
verify: { secret: x, scheme: bearer, header: X-Token }
key: body.id
map: { external_id: body.id, title: body.title }
---
kind: Source
name: alerts
type: grafana
verify: { secret: x, scheme: standard-webhooks }
"##, r##"checkout.yaml:4:30: error[FL072] `pagerduty` cannot prove itself by `bearer`
  = help: leave it out: it has one way, which is known
checkout.yaml:5:6: error[FL072] `key` is for `type: webhook`: how `pagerduty` names and fills an event is known
  = help: leave it out
checkout.yaml:6:6: error[FL072] `map` is for `type: webhook`: how `pagerduty` names and fills an event is known
  = help: leave it out
checkout.yaml:9:7: warning[FL026] no Workflow listens to the Source `alerts`
  = help: name it in a trigger, or take it out
checkout.yaml:11:30: error[FL072] `grafana` cannot prove itself by `standard-webhooks`
  = help: say one of `hmac-sha256`, `bearer`, `basic`, or leave it out for the first"##;

    fl073_what_a_scheme_needs_and_what_it_has_no_use_for: r##"kind: Source
name: pagerduty
type: pagerduty
verify: { topics: ["arn:aws:sns:eu-central-1:111122223333:alarms"] }
---
kind: Source
name: alarms
type: cloudwatch
verify: { secret: alarms, topics: ["arn:aws:sns:eu-central-1:111122223333:alarms"] }
---
kind: Source
name: aws
type: cloudwatch
verify: { scheme: iam }
---
kind: Source
name: aws-too
type: cloudwatch
verify: { scheme: iam }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty, alarms, aws, aws-too] }
investigate: { command: triage }
"##, r##"checkout.yaml:4:9: error[FL073] `pagerduty` needs the key of the secret that the sender knows
  = help: add `secret: <key>`; the value stands in the secret
checkout.yaml:4:19: error[FL073] `topics` are for `sns`, and this source is proven by `pagerduty`
  = help: leave them out
checkout.yaml:9:19: error[FL073] `sns` proves the sender without a secret
  = help: leave it out
checkout.yaml:19:19: error[FL073] `aws` takes all that comes without a URL, so nothing would reach this source
  = help: keep one of the two, and tell alarms apart in `when`"##;

    fl074_a_secret_in_the_place_of_its_key: r##"kind: Source
name: pagerduty
type: pagerduty
verify: { secret: "whsec_C2FtcGxl+c2VjcmV0==" }
"##, r##"checkout.yaml:4:19: error[FL074] this is not the name of a key in the secret
  = help: use letters, digits, `-` and `_`; the value itself stands in the secret, never here"##;

    fl090_issues_that_say_nothing_to_do_and_fl091_hardly_anything: r##"kind: Task
name: http-health
access: read-only
inputs: { url: { type: url } }
title: Check something
run: { http: { url: "${{ inputs.url }}" } }
issues:
  - { when: result.status >= 500, severity: 2, title: Down, next_steps: [] }
"##, r##"checkout.yaml:8:55: warning[FL091] `Down` hardly names a thing and what is wrong with it
  = help: write it as "${{ inputs.url }} answers ${{ result.status }}"
checkout.yaml:8:73: error[FL090] the Issue says nothing to do next
  = help: add what the reader does next, each a whole sentence: `next_steps: ["Look at ..."]`"##;
}

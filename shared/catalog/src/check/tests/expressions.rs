//! Expressions: their syntax, and what they name.

bad! {
    fl030_what_is_not_an_expression: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty], when: "alert.title ==" }
investigate: { command: triage }
incident: { key: "${{ alert.external_id" }
"##, r##"checkout.yaml:3:40: error[FL030] `alert.title ==` is not an expression: at character 16, mismatched input '<EOF>' expecting expression
  = help: expressions are CEL: docs/catalog.md, Expressions
checkout.yaml:5:18: error[FL030] `${{ alert.external_id` opens `${{` and does not close it with `}}`
  = help: close it with `}}`"##;

    fl030_an_expression_that_is_too_long: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty], when: "alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && alert.title != '' && true" }
investigate: { command: triage }
"##, r##"checkout.yaml:3:40: error[FL030] `alert.title != '' && alert.title != '' && alert.title != '' && alert.title != ''...` is not an expression: it is longer than 4096 bytes
  = help: expressions are CEL: docs/catalog.md, Expressions"##;

    fl031_names_in_a_workflow: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty], when: alert.servce.id == "P1" && params.x == 1 }
investigate: { command: triage, with: { namespace: "${{ event.kind }}" } }
incident: { key: "${{ alert.labels.anything }}-${{ alert.service.key }}" }
"##, r##"checkout.yaml:3:40: error[FL031] `alert` has no `servce`
  = help: did you mean `service`?
checkout.yaml:3:40: error[FL031] there is no `params` here
  = help: what stands here is `alert`, `event`
checkout.yaml:4:52: error[FL031] there is no `event` here
  = help: what stands here is `alert`
checkout.yaml:5:18: error[FL031] `alert.service` has no `key`
  = help: it has `id`, `name`"##;

    fl031_names_in_a_command: r##"kind: Command
name: triage
description: Is checkout up
parameters: { namespace: { type: string, pattern: "[a-z]+" } }
tasks:
  - { id: health, task: http-health, with: { url: "https://a.internal/" } }
  - { id: a-b, task: http-health, with: { url: "https://a.internal/" }, when: steps.health.issues.size() > 0 }
  - { id: slx, slx: matched }
  - id: rest
    task: http-health
    needs: [health, a-b, slx]
    with: { url: "https://a.internal/" }
    when: >-
      steps.health.result.state == 200 || steps["a-b"].outcome == "ok" || steps.slx.outcome == "ok" ||
      params.namespac == "x" || result.status == 1
  - { id: dash, task: http-health, needs: [a-b], with: { url: "https://a.internal/" }, when: steps.a-b.outcome == "ok" }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage, with: { namespace: x } }
"##, r##"checkout.yaml:7:79: error[FL031] `steps` has no `health`
  = help: add it to `needs`: only then has `health` ended before
checkout.yaml:14:7: error[FL031] `params` has no `namespac`
  = help: did you mean `namespace`?
checkout.yaml:14:7: error[FL031] `steps.health.result` has no `state`
  = help: it has `body`, `elapsed_ms`, `final_url`, `headers`, `json`, `redirect_withheld`, `redirects`, `status`, `truncated`
checkout.yaml:14:7: error[FL031] `steps` has no `slx`
  = help: an `slx` entry stands for any number of steps and has no result of its own
checkout.yaml:14:7: error[FL031] there is no `result` here
  = help: what stands here is `alert`, `params`, `steps`
checkout.yaml:16:94: error[FL031] `steps` has no `a`
  = help: write a name with a dash as `steps["a-b"]`"##;

    fl031_names_in_an_slx: r##"kind: Command
name: triage
description: Is checkout up
tasks: [{ id: slx, slx: matched }]
---
kind: Slx
name: checkout
tags: { service: checkout }
tasks:
  - { id: one, task: http-health, with: { url: "https://a.internal/" } }
  - { id: two, task: http-health, needs: [one], when: steps.one.result.status == 200 && params.x == 1, with: { url: "https://a.internal/" } }
"##, r##"checkout.yaml:11:55: error[FL031] there is no `params` here
  = help: what stands here is `alert`, `steps`"##;

    fl031_names_in_issues_rules_and_maps: r##"kind: Task
name: http-health
access: read-only
inputs: { url: { type: url } }
title: Check something
run: { http: { url: "${{ inputs.url }}" } }
issues:
  - when: result.code == "NXDOMAIN" || steps.x.outcome == "ok"
    severity: 2
    title: "${{ input.url }} answers"
    next_steps: ["Look at ${{ result.stats }}."]
---
kind: Rule
name: quiet
when: issue.tittle == "x" && result.status == 1
then: { suppress: true }
reason: It is known.
---
kind: Source
name: deploys
type: webhook
verify: { secret: deploys-token, scheme: bearer }
key: headers.id
map: { external_id: body.id, title: alert.title }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty, deploys] }
investigate: { command: triage }
"##, r##"checkout.yaml:8:11: error[FL031] `result` has no `code`
  = help: it has `body`, `elapsed_ms`, `final_url`, `headers`, `json`, `redirect_withheld`, `redirects`, `status`, `truncated`
checkout.yaml:8:11: error[FL031] there is no `steps` here
  = help: what stands here is `alert`, `inputs`, `result`
checkout.yaml:10:12: error[FL031] there is no `input` here
  = help: did you mean `inputs`?
checkout.yaml:11:18: error[FL031] `result` has no `stats`
  = help: did you mean `status`?
checkout.yaml:15:7: error[FL031] `issue` has no `tittle`
  = help: did you mean `title`?
checkout.yaml:15:7: error[FL031] there is no `result` here
  = help: what stands here is `alert`, `issue`
checkout.yaml:23:6: error[FL031] there is no `headers` here
  = help: what stands here is `body`
checkout.yaml:24:37: error[FL031] there is no `alert` here
  = help: what stands here is `body`, `headers`"##;

    fl031_a_schedule_has_no_alert: r##"kind: Schedule
name: daily
schedule: rate(1 day)
command: triage
with: { namespace: "${{ alert.labels.namespace }}" }
"##, r##"checkout.yaml:5:20: error[FL031] there is no `alert` here
  = help: no expression can stand here: write the value itself"##;

    fl032_functions_that_do_not_exist: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty], when: alert.title.lower() == "x" || alert.title.startswith("y") || now() }
investigate: { command: triage }
"##, r##"checkout.yaml:3:40: error[FL032] there is no function `lower`
  = help: there are `size`, `contains`, `startsWith`, `endsWith`, `matches`, `string`, `int`, `uint`, `double`, `bool`, `bytes`, `dyn`, `type`, `has`, `all`, `exists`, `exists_one`, `map`, `filter`
checkout.yaml:3:40: error[FL032] there is no function `now`
  = help: there are `size`, `contains`, `startsWith`, `endsWith`, `matches`, `string`, `int`, `uint`, `double`, `bool`, `bytes`, `dyn`, `type`, `has`, `all`, `exists`, `exists_one`, `map`, `filter`
checkout.yaml:3:40: error[FL032] there is no function `startswith`
  = help: did you mean `startsWith`?"##;

    fl033_comparisons_that_never_hold: r##"kind: Task
name: http-health
access: read-only
inputs: { url: { type: url } }
title: Check something
run: { http: { url: "${{ inputs.url }}" } }
issues:
  - when: result.status == "500"
    severity: 2
    title: The service answers wrongly
    next_steps: ["Look at the newest deploy."]
  - when: result.status
    severity: 2
    title: The service answers wrongly
    next_steps: ["Look at the newest deploy."]
"##, r##"checkout.yaml:8:11: error[FL033] `result.status` is a number and `"500"` is text: they are never equal
  = help: write numbers without quotes and text with them
checkout.yaml:12:11: error[FL033] the condition is a number, not true or false
  = help: compare it with something"##;

    fl044_a_regex_in_an_expression: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty], when: "alert.title.matches('(')" }
investigate: { command: triage }
"##, r##"checkout.yaml:3:40: error[FL044] `(` is not a regular expression: unclosed group
  = help: the syntax is that of the Rust crate `regex`: no look-around, no back references"##;
}

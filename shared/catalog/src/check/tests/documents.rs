//! Documents that are not read, or have the wrong shape.

bad! {
    fl002_what_is_not_yaml: r##"kind: Source
name: [pagerduty
type: pagerduty
"##, r##"checkout.yaml:3:5: error[FL002] this is not YAML: illegal placement of ':' indicator
  = help: look at the indentation, at open brackets and quotes, and at `: ` within text: such text wants quotes"##;

    fl002_a_document_after_a_broken_one_is_still_checked: r##"kind: Task
name: a
name: b
---
kind: Workfow
name: c
"##, r##"checkout.yaml:3:1: error[FL003] the key `name` stands twice
  = help: take one of them out, or begin another document with `---`
checkout.yaml:5:7: error[FL010] there is no kind `Workfow`
  = help: did you mean `Workflow`?"##;

    fl003_a_key_that_stands_twice: r##"kind: Source
name: pagerduty
type: pagerduty
name: other
verify: { secret: x }
"##, r##"checkout.yaml:4:1: error[FL003] the key `name` stands twice
  = help: take one of them out, or begin another document with `---`"##;

    fl004_nesting_without_end: r##"kind: Rule
name: a
when: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
"##, r##"checkout.yaml:3:39: error[FL004] the document is too complex: recursion limit exceeded
  = help: write it out flat: a catalog needs neither deep nesting nor many aliases"##;

    fl004_an_alias_bomb: r##"a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
"##, r##"checkout.yaml:4:36: error[FL004] the document is too complex: alias replay limit exceeded: total_replayed_events=10001 > 10000
  = help: write it out flat: a catalog needs neither deep nesting nor many aliases"##;

    fl010_an_unknown_kind: r##"kind: Workfow
name: pages
---
kind: Playbook
name: x
---
name: y
---
- a list
"##, r##"checkout.yaml:1:7: error[FL010] there is no kind `Workfow`
  = help: did you mean `Workflow`?
checkout.yaml:4:7: error[FL010] there is no kind `Playbook`
  = help: the kinds are `Source`, `Workflow`, `Command`, `Task`, `Slx`, `Assistant`, `Rule`, `Knowledge`, `Schedule`, `Model`, `Cluster`, `Budget`, `Account`, `Redaction`
checkout.yaml:7:1: error[FL010] the document has no `kind`
  = help: the kinds are `Source`, `Workflow`, `Command`, `Task`, `Slx`, `Assistant`, `Rule`, `Knowledge`, `Schedule`, `Model`, `Cluster`, `Budget`, `Account`, `Redaction`
checkout.yaml:9:1: error[FL010] a document is a map, not a list
  = help: begin it with `kind:` and one of `Source`, `Workflow`, `Command`, `Task`, `Slx`, `Assistant`, `Rule`, `Knowledge`, `Schedule`, `Model`, `Cluster`, `Budget`, `Account`, `Redaction`"##;

    fl010_knowledge_in_yaml: r##"kind: Knowledge
name: x
title: X
"##, r##"checkout.yaml:1:7: error[FL010] Knowledge is written as Markdown
  = help: put it into a `.md` file: front matter with `name` and `title`, and the text below"##;

    fl011_an_unknown_key: r##"kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage }
delivre: []
triger: {}
"##, r##"checkout.yaml:5:1: error[FL011] the Workflow has no key `delivre`
  = help: did you mean `deliver`?
checkout.yaml:6:1: error[FL011] the Workflow has no key `triger`
  = help: it can have: `deliver`, `description`, `incident`, `limits`, `mode`, `priority`, `tests`"##;

    fl011_an_unknown_key_deeper: r##"kind: Workflow
name: pages
trigger: { source: [pagerduty], wen: "true" }
investigate: { command: triage }
"##, r##"checkout.yaml:3:10: error[FL012] `trigger` has no `sources`
  = help: `sources`: The sources it listens to; at least one.
checkout.yaml:3:12: error[FL011] `trigger` has no key `source`
  = help: did you mean `sources`?
checkout.yaml:3:33: error[FL011] `trigger` has no key `wen`
  = help: did you mean `when`?"##;

    fl011_an_unknown_task_kind: r##"kind: Task
name: http-health
access: read-only
inputs: { url: { type: url } }
title: Check something
run: { htttp: { url: "${{ inputs.url }}" } }
"##, r##"checkout.yaml:6:8: error[FL011] `run` has no key `htttp`
  = help: did you mean `http`?"##;

    fl011_two_task_kinds_at_once: r##"kind: Task
name: http-health
access: read-only
inputs: { url: { type: url } }
title: Check something
run: { dns: { name: a.internal }, http: { url: "${{ inputs.url }}" } }
"##, r##"checkout.yaml:6:6: error[FL013] `run` wants a map with one key, not 2 keys
  = help: write one of: http, promql, dns, tcp, tls, loki, kubernetes, pagerduty, github, aws-api, cloudwatch-metrics, cloudwatch-alarms, sqs, cloudwatch-logs, ecs, cloudtrail, lambda-health, lambda"##;

    fl012_a_missing_key: r##"kind: Task
name: http-health
inputs: { url: {} }
run: { http: {} }
"##, r##"checkout.yaml:1:1: error[FL012] the Task has no `access`
  = help: `access`: `read-only`.
checkout.yaml:1:1: error[FL012] the Task has no `title`
  = help: `title`: What it checks, for people, with the thing's name in it: ``Check that `${{ inputs.url }}` answers``.
checkout.yaml:3:16: error[FL012] `inputs.url` has no `type`
  = help: `type`: What it may be.
checkout.yaml:4:14: error[FL012] `run.http` has no `url`
  = help: `url`: Where; the host must come from the catalog."##;

    fl013_values_of_the_wrong_type: r##"kind: Task
name: HTTP
access: write
inputs: []
title: true
run: { http: { url: "https://a.internal/", method: POST, timeout: soon } }
issues:
  - { when: true, severity: 5, title: [a], next_steps: none }
"##, r##"checkout.yaml:2:7: error[FL013] `name` cannot be `HTTP`
  = help: The name of a catalog document: 1 to 63 of `a-z`, `0-9` and `-`, beginning with a letter or a digit.
checkout.yaml:3:9: error[FL013] `access` cannot be `write`
  = help: write one of: read-only
checkout.yaml:4:9: error[FL013] `inputs` wants a map, not a list
  = help: What it needs to be told.
checkout.yaml:5:8: error[FL013] `title` wants text, not true or false
  = help: put it in quotes
checkout.yaml:6:52: error[FL013] `run.http.method` cannot be `POST`
  = help: write one of: GET, HEAD
checkout.yaml:6:67: error[FL013] `run.http.timeout` cannot be `soon`
  = help: write it as 5s or 4h
checkout.yaml:8:13: error[FL013] `issues.0.when` wants text, not true or false
  = help: put it in quotes
checkout.yaml:8:29: error[FL013] `issues.0.severity` cannot be 5
  = help: How bad it is: 1 critical, 2 major, 3 minor, 4 informational.
checkout.yaml:8:39: error[FL013] `issues.0.title` wants text, not a list
  = help: One line that names the thing and what is wrong with it.
checkout.yaml:8:56: error[FL013] `issues.0.next_steps` wants a list, not text
  = help: What to do next; at least one, each a whole sentence."##;

    fl014_a_name_twice_of_one_kind: r##"kind: Assistant
name: one
model: none
---
kind: Assistant
name: one
model: none
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage, assistant: one }
"##, r##"checkout.yaml:6:7: error[FL014] this is the second Assistant that is called `one`
  = help: the first stands in checkout.yaml:2"##;

    fl016_times_and_sums_out_of_bounds: r##"kind: Task
name: http-health
access: read-only
inputs: { url: { type: url } }
title: Check something
run: { http: { url: "${{ inputs.url }}", timeout: 31s } }
---
kind: Task
name: latency
access: read-only
title: Check the latency
run: { promql: { url: "http://prometheus:9090", query: up, range: { last: 720h, step: 1s }, timeout: 0s } }
---
kind: Command
name: triage
description: Is checkout up
tasks: [{ id: latency, task: latency }]
---
kind: Assistant
name: cathy
model: none
limits: { time: 0s, usd: -1 }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage, assistant: cathy }
incident: { window: 721h }
limits: { runs_per_hour: 0, usd_per_day: -5, max_open: 0 }
"##, r##"checkout.yaml:2:7: warning[FL026] no Command, Slx or Assistant runs the Task `http-health`
  = help: name it in a Command, or take it out
checkout.yaml:6:51: error[FL016] a call cannot wait for 31s
  = help: write more than nothing and at most 30s, or leave it out
checkout.yaml:12:67: error[FL016] the range has more than 11000 points
  = help: write a longer `step` or a shorter `last`
checkout.yaml:12:102: error[FL016] a call cannot wait for 0s
  = help: write more than nothing and at most 30s, or leave it out
checkout.yaml:22:17: error[FL016] an Assistant with no time reads nothing
  = help: leave it out for the default of 5 min
checkout.yaml:22:26: error[FL016] money cannot be negative
  = help: write 0 or more
checkout.yaml:28:21: error[FL016] an incident cannot take events in for 721h
  = help: write more than nothing and at most 720h; leave it out for 4h
checkout.yaml:29:26: error[FL016] with 0 runs an hour it never runs
  = help: leave the limit out, or take the Workflow out of the catalog
checkout.yaml:29:42: error[FL016] money cannot be negative
  = help: write 0 or more
checkout.yaml:29:56: error[FL016] with 0 open runs it never runs
  = help: leave the limit out, or take the Workflow out of the catalog"##;

    fl017_what_a_case_gives_cannot_be: r##"kind: Task
name: http-health
access: read-only
inputs: { url: { type: url }, slow: { type: integer, default: 5 } }
title: Check something
run: { http: { url: "${{ inputs.url }}" } }
tests:
  - name: broken
    inputs: { slow: "${{ 1 + 1 }}", slwo: 3 }
    alert: { severity: bad }
    result: { status: "503", jsn: {}, headers: { a: 1 } }
    expect: issues[0].titel == "" && result.status
  - { name: bad inputs, inputs: { url: nowhere }, result: {}, expect: "true" }
---
kind: Command
name: triage
description: Is checkout up
tasks: [{ id: health, task: http-health, with: { url: "https://a.internal/" } }]
tests:
  - { name: a, results: { healt: { status: 200 }, health: { stats: 200 } }, expect: steps.helth.outcome == "ok" }
"##, r##"checkout.yaml:9:13: error[FL040] the case gives no `url`, which has no default
  = help: add `url: ...`
checkout.yaml:9:21: error[FL042] `slow` of a case is a value, not an expression
  = help: write out what it is in this case
checkout.yaml:9:43: error[FL041] there is no `slwo` to give
  = help: did you mean `slow`?
checkout.yaml:10:12: error[FL017] `alert` is not one: unknown variant `bad`, expected one of `critical`, `high`, `medium`, `low`, `info`
  = help: write the fields that matter as an Alert has them: docs/catalog.md, Expressions
checkout.yaml:11:23: error[FL017] `result.status` is a number, not text
  = help: write it as the call gives it: docs/tasks.md
checkout.yaml:11:35: error[FL017] `result` has no `jsn`
  = help: did you mean `json`?
checkout.yaml:11:53: error[FL017] `result.headers.a` is text, not a number
  = help: write it as the call gives it: docs/tasks.md
checkout.yaml:12:13: error[FL031] `the operand` has no `titel`
  = help: did you mean `title`?
checkout.yaml:12:13: error[FL033] `result.status` is a number, not true or false
  = help: compare it with something
checkout.yaml:13:40: error[FL042] `url` cannot have this value: it is not an absolute URL
  = help: write it as https://host/path
checkout.yaml:20:34: error[FL017] the Command takes no step `healt`
  = help: did you mean `health`?
checkout.yaml:20:68: error[FL017] `health` has no `stats`
  = help: did you mean `status`?
checkout.yaml:20:85: error[FL031] `steps` has no `helth`
  = help: did you mean `health`?"##;

    fl012_a_case_without_what_it_needs: r##"kind: Task
name: http-health
access: read-only
inputs: { url: { type: url } }
title: Check something
run: { http: { url: "${{ inputs.url }}" } }
tests:
  - { name: no result, inputs: { url: "https://a.internal/" }, expect: "true" }
  - { name: b, result: {}, expects: issues.size() == 0 }
"##, r##"checkout.yaml:8:5: error[FL012] `tests.0` has no `result`
  = help: `result`: What the call gave, shaped as the page of its task kind says; fields that no rule looks at may be left out.
checkout.yaml:9:5: error[FL012] `tests.1` has no `expect`
  = help: `expect`: CEL over `issues`, `result` and `inputs` that must be true.
checkout.yaml:9:28: error[FL011] `tests.1` has no key `expects`
  = help: did you mean `expect`?"##;
}

//! What the reading of evidence rests on: Slxs, Rules, Redactions, and what Issues say.

bad! {
    fl09x_an_issue_below_the_floor: r##"kind: Task
name: vague
access: read-only
inputs: { url: { type: url } }
title: Check that ${{ inputs.url }} answers
run: { http: { url: "${{ inputs.url }}" } }
issues:
  - when: result.status >= 500
    severity: 2
    title: Something is wrong
    actual: TODO
    reproduce: Open the page and look.
    next_steps: ["Check the logs.", look, "restart the service of ${{ inputs.url }}.", "Roll the newest deploy of ${{ inputs.url }} back"]
---
kind: Command
name: all
description: x
tasks: [{ id: a, task: vague, with: { url: "https://a.internal" } }]
---
kind: Rule
name: idle
when: 1 == 2
then: { suppress: false }
reason: None.
"##, r##"checkout.yaml:8:5: warning[FL093] the Issue has no `expected`
  = help: say what a healthy answer is, and what came instead: `expected: 200`, `actual: ${{ result.status }}`
checkout.yaml:10:12: warning[FL094] nothing says which thing the Issue is about
  = help: put the thing's name into it: `${{ inputs.name }} does not answer`, or give the Task a `resource`
checkout.yaml:11:13: warning[FL095] `TODO` was to be written later
  = help: write it, or take it out
checkout.yaml:12:16: warning[FL096] `Open the page and look.` is nothing to run or to open
  = help: write a command or a URL, or leave it out for the call itself
checkout.yaml:13:18: warning[FL092] `Check the logs.` does not say for what to look
  = help: write it for whoever was just woken: "Compare the time of the first failure with the newest deploy."
checkout.yaml:13:37: warning[FL092] `look` hardly says what to do with what
  = help: write it for whoever was just woken: "Compare the time of the first failure with the newest deploy."
checkout.yaml:13:43: warning[FL092] `restart the service of ${{ inputs.url }}.` is not a whole sentence
  = help: write it for whoever was just woken: "Compare the time of the first failure with the newest deploy."
checkout.yaml:13:88: warning[FL092] `Roll the newest deploy of ${{ inputs.url }} back` is not a whole sentence
  = help: write it for whoever was just woken: "Compare the time of the first failure with the newest deploy."
checkout.yaml:22:7: warning[FL097] `1 == 2` says nothing of the Issue or the alert: it holds never, or always
  = help: ask for something of `issue` or `alert`; `true` where all are meant
checkout.yaml:23:7: warning[FL097] the Rule does nothing
  = help: write `suppress: true`, or take the Rule out"##;

    fl120_a_redaction_that_does_not_do_what_it_says: r##"kind: Redaction
name: a
pattern: "C-[0-9]{7}"
replace: C-0000000
masks: [customer C-000000]
keeps: [part C-1234567]
---
kind: Redaction
name: b
pattern: "(?<=x)y"
masks: [xy]
---
kind: Redaction
name: c
pattern: "x*"
masks: []
---
kind: Redaction
name: d
pattern: "x+"
masks: []
"##, r##"checkout.yaml:4:10: error[FL120] `C-0000000` would be masked itself
  = help: write what the pattern does not match
checkout.yaml:5:9: error[FL120] nothing is masked in `customer C-000000`
  = help: mend the pattern, or the text
checkout.yaml:6:9: error[FL120] `C-1234567` is masked in `part C-1234567`
  = help: narrow the pattern, or take the text out
checkout.yaml:10:10: error[FL044] `pattern` is not a regular expression: look-around, including look-ahead and look-behind, is not supported
  = help: look-around and back-references are not taken; a backslash in double quotes is written twice
checkout.yaml:15:10: error[FL120] `pattern` matches where nothing is
  = help: let it match at least one character
checkout.yaml:21:8: error[FL120] there is no text that shows what it masks
  = help: add an invented one: `masks: ["customer C-000000"]`"##;

    fl013_an_slx_that_no_alert_finds: r##"kind: Slx
name: lost
tasks: [{ id: a, task: http-health, with: { url: "https://a.internal" } }]
---
kind: Slx
name: odd
tags: { service: [], team: "" }
links: ["https://user:pw@grafana.internal/d/1", "not a host", grafana.internal, "https://grafana.internal/d/1"]
---
kind: Slx
name: mapped
tags: { service: { a: b } }
---
kind: Command
name: all
description: x
tasks: [{ id: slx, slx: matched }]
"##, r##"checkout.yaml:1:1: error[FL013] the Slx has no tags and no links, so no alert finds it
  = help: add `tags: { service: checkout }`, or `links:` to its dashboards: by them an alert finds it
checkout.yaml:7:18: error[FL013] the tag `service` has an empty value, which nothing matches
  = help: give it a value, or take it out
checkout.yaml:7:28: error[FL013] the tag `team` has an empty value, which nothing matches
  = help: give it a value, or take it out
checkout.yaml:8:9: error[FL013] `https://user:pw@grafana.internal/d/1` is neither a URL nor a host: it carries a user or a password
  = help: leave them out: secrets do not stand in the catalog
checkout.yaml:8:49: error[FL013] `not a host` is neither a URL nor a host: it is not a host
  = help: write a name such as db.internal, or an IP address, without scheme or port
checkout.yaml:12:18: error[FL013] `tags.service` wants text, not a map
  = help: A tag's value, or several of which one is enough."##;
}

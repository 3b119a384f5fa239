//! What the reading of evidence rests on: Slxs, Rules, Redactions, and what Issues say.

bad! {
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

//! I8: the alert chooses nothing.

bad! {
    i8_fl080_an_alert_or_an_answer_would_choose_a_target: r##"kind: Command
name: triage
description: Is checkout up
parameters:
  base: { type: url }
  free: { type: string, pattern: "[a-z.]+" }
  few: { type: string, enum: [a.internal, b.internal], default: a.internal }
tasks:
  - { id: a, task: http-health, with: { url: "${{ alert.links[0].url }}" } }
  - { id: b, task: http-health, needs: [a], with: { url: "${{ steps.a.result.final_url }}" } }
  - { id: c, task: http-health, with: { url: "https://${{ params.free }}/healthz" } }
  - { id: d, task: http-health, with: { url: "https://a.internal/${{ params.free }}" } }
  - { id: e, task: http-health, with: { url: "https://${{ params.few }}/healthz" } }
  - { id: f, task: http-health, with: { url: "${{ params.base }}" } }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage, with: { base: "https://${{ alert.labels.host }}/", free: "${{ alert.labels.host }}" } }
"##, r##"checkout.yaml:9:46: error[FL080] `url` is a URL, and `alert` would choose it
  = help: write it here, or give the Command a parameter of that type: whom a call goes to comes from the catalog, never from an alert or an answer
checkout.yaml:10:58: error[FL080] `url` is a URL, and `steps` would choose it
  = help: write it here, or give the Command a parameter of that type: whom a call goes to comes from the catalog, never from an alert or an answer
checkout.yaml:11:46: error[FL080] `url` is a URL, and a parameter of another type would choose it
  = help: declare the parameter as `type: url` or give it an `enum`; an alert can fill neither freely
checkout.yaml:19:47: error[FL080] `base` is a URL, and `alert` would choose it
  = help: write it here, or give the Command a parameter of that type: whom a call goes to comes from the catalog, never from an alert or an answer"##;

    i8_fl081_text_of_an_alert_without_a_limit: r##"kind: Task
name: count
access: read-only
inputs: { service: { type: string }, limit: { type: integer, default: 1 } }
title: "Count ${{ inputs.service }}"
run: { promql: { url: "http://prometheus:9090", query: "up{service=\"${{ inputs.service }}\"} < ${{ inputs.limit }}" } }
---
kind: Command
name: triage
description: Is checkout up
parameters: { namespace: { type: string } }
tasks:
  - { id: a, task: count, with: { service: "${{ alert.service.name }}" } }
  - { id: b, task: count, needs: [a], with: { service: "${{ steps.a.summary }}" } }
  - { id: c, task: count, with: { service: "${{ params.namespace }}", limit: "${{ alert.labels.limit }}" } }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage, with: { namespace: "${{ alert.labels.namespace }}" } }
"##, r##"checkout.yaml:13:44: error[FL081] `service` takes any text, and `alert` fills it
  = help: give the parameter `service` a `pattern` or an `enum`, so that what comes from outside is checked
checkout.yaml:14:56: error[FL081] `service` takes any text, and `steps` fills it
  = help: give the parameter `service` a `pattern` or an `enum`, so that what comes from outside is checked
checkout.yaml:20:52: error[FL081] `namespace` takes any text, and `alert` fills it
  = help: give the parameter `namespace` a `pattern` or an `enum`, so that what comes from outside is checked"##;

    i8_fl082_a_call_that_uses_more_than_its_inputs: r##"kind: Task
name: http-health
access: read-only
inputs: { url: { type: url } }
title: "Check ${{ alert.title }}"
run: { http: { url: "https://a.internal/${{ alert.title }}", headers: { X: "${{ params.x }}" } } }
"##, r##"checkout.yaml:5:8: error[FL082] `alert` cannot stand here
  = help: say it with the inputs: it is shown before there is a result
checkout.yaml:6:21: error[FL082] `alert` cannot stand here
  = help: declare an input, and give it its value in the Command's `with`
checkout.yaml:6:76: error[FL082] `params` cannot stand here
  = help: declare an input, and give it its value in the Command's `with`"##;

    i8_fl083_values_in_the_host_of_a_url: r##"kind: Task
name: t0
access: read-only
inputs: { text: { type: string }, host: { type: host }, n: { type: integer }, url: { type: url } }
title: Check something
run: { http: { url: "${{ inputs.text }}" } }

---
kind: Task
name: t1
access: read-only
inputs: { text: { type: string }, host: { type: host }, n: { type: integer }, url: { type: url } }
title: Check something
run: { http: { url: "https://${{ inputs.text }}/x" } }

---
kind: Task
name: t2
access: read-only
inputs: { text: { type: string }, host: { type: host }, n: { type: integer }, url: { type: url } }
title: Check something
run: { http: { url: "https://a${{ inputs.n }}.internal/" } }

---
kind: Task
name: t3
access: read-only
inputs: { text: { type: string }, host: { type: host }, n: { type: integer }, url: { type: url } }
title: Check something
run: { http: { url: "${{ inputs.url }}/x" } }

---
kind: Task
name: t4
access: read-only
inputs: { text: { type: string }, host: { type: host }, n: { type: integer }, url: { type: url } }
title: Check something
run: { http: { url: "https://a.internal:${{ inputs.text }}/" } }

---
kind: Task
name: t5
access: read-only
inputs: { text: { type: string }, host: { type: host }, n: { type: integer }, url: { type: url } }
title: Check something
run: { http: { url: "a.internal/x" } }

---
kind: Task
name: t6
access: read-only
inputs: { text: { type: string }, host: { type: host }, n: { type: integer }, url: { type: url } }
title: Check something
run: { http: { url: "https://${{ inputs.host }}:${{ inputs.n }}/x/${{ inputs.text }}?y=${{ inputs.text }}" } }
---
kind: Command
name: triage
description: Is checkout up
tasks:
  - { id: t0, task: t0, with: { text: a, host: a.internal, n: 1, url: "https://a.internal/" } }
  - { id: t1, task: t1, with: { text: a, host: a.internal, n: 1, url: "https://a.internal/" } }
  - { id: t2, task: t2, with: { text: a, host: a.internal, n: 1, url: "https://a.internal/" } }
  - { id: t3, task: t3, with: { text: a, host: a.internal, n: 1, url: "https://a.internal/" } }
  - { id: t4, task: t4, with: { text: a, host: a.internal, n: 1, url: "https://a.internal/" } }
  - { id: t5, task: t5, with: { text: a, host: a.internal, n: 1, url: "https://a.internal/" } }
  - { id: t6, task: t6, with: { text: a, host: a.internal, n: 1, url: "https://a.internal/" } }
"##, r##"checkout.yaml:6:21: error[FL083] `inputs.text` would choose the host
  = help: declare the input as `type: url`
checkout.yaml:14:21: error[FL083] `inputs.text` would choose the host
  = help: declare the input as `type: host`, or give it an `enum`
checkout.yaml:22:21: error[FL083] `inputs.n` would choose the host
  = help: declare the input as `type: host`, or give it an `enum`
checkout.yaml:30:21: error[FL083] the URL begins with `inputs.url` and goes on
  = help: write scheme and host here, or make the whole URL one input of `type: url`
checkout.yaml:38:21: error[FL083] `inputs.text` would choose the port
  = help: declare the input as `type: integer`, or give it an `enum`
checkout.yaml:46:21: error[FL013] `a.internal/x` is not the URL of a call: it is not an absolute URL
  = help: write it as https://host/path"##;

    i8_fl083_values_in_hosts_ports_and_queries: r##"kind: Task
name: dns
access: read-only
inputs: { text: { type: string } }
title: Look a name up
run: { dns: { name: "${{ inputs.text }}.internal" } }
---
kind: Task
name: tls
access: read-only
inputs: { host: { type: host }, port: { type: string } }
title: Look at the certificate
run: { tls: { host: "${{ inputs.host }}", port: "${{ inputs.port }}", server_name: "a b" } }
---
kind: Task
name: tcp
access: read-only
inputs: { zone: { type: string, enum: [a, b] } }
title: Connect to it
run: { tcp: { host: "db-${{ inputs.zone }}.internal", port: 5432 } }
---
kind: Task
name: query
access: read-only
inputs: { text: { type: string }, window: { type: duration } }
title: Ask for it
run: { promql: { url: "http://prometheus:9090", query: "rate(errors{a=\"${{ inputs.text }}\"}[${{ inputs.window }}]) > ${{ inputs.text }}" } }
---
kind: Command
name: triage
description: Is checkout up
tasks:
  - { id: dns, task: dns, with: { text: a } }
  - { id: tls, task: tls, with: { host: a.internal, port: "443" } }
  - { id: tcp, task: tcp, with: { zone: a } }
  - { id: query, task: query, with: { text: a, window: 5m } }
"##, r##"checkout.yaml:6:21: error[FL083] `inputs.text` would choose the host
  = help: declare the input as `type: host`, or give it an `enum`
checkout.yaml:13:49: error[FL013] `${{ inputs.port }}` is not a port
  = help: write a number from 1 to 65535, or one input of `type: integer`
checkout.yaml:13:84: error[FL013] `a b` is not a host: it is not a host
  = help: write a name such as db.internal, or an IP address, without scheme or port
checkout.yaml:27:56: error[FL083] `inputs.text` stands outside of quotes and could be a part of the query
  = help: put it in quotes as the value of a label, or make it an `integer`, `number`, `boolean` or `duration`, or give it an `enum`"##;

    i8_fl083_values_in_headers_that_choose_host_or_path: r##"kind: Task
name: a
access: read-only
inputs: { text: { type: string, pattern: "[a-z]+" }, host: { type: host }, zone: { type: string, enum: [a, b] } }
title: Check something
run:
  http:
    url: "https://a.internal/"
    headers:
      Host: "${{ inputs.text }}.internal"
      X-Forwarded-Host: "${{ inputs.text }}"
      x-original-url: "/x/${{ inputs.text }}"
      X-REWRITE-URL: "${{ inputs.text }}"
      Forwarded: "host=${{ inputs.host }}"
      X-Original-Host: "${{ inputs.zone }}.internal"
      X-Host: a.internal
      X-Team: "${{ inputs.text }}"
      Connection: close
---
kind: Command
name: triage
description: Is checkout up
tasks: [{ id: a, task: a, with: { text: a, host: a.internal, zone: a } }]
"##, r##"checkout.yaml:10:13: error[FL083] `inputs.text` would choose the host or the path by this header
  = help: write the value here, or declare the input as `type: host`, or give it an `enum`
checkout.yaml:11:25: error[FL083] `inputs.text` would choose the host or the path by this header
  = help: write the value here, or declare the input as `type: host`, or give it an `enum`
checkout.yaml:12:23: error[FL013] the header `x-original-url` is not sent: it would ask for another path than the URL's
  = help: leave it out
checkout.yaml:13:22: error[FL013] the header `X-REWRITE-URL` is not sent: it would ask for another path than the URL's
  = help: leave it out
checkout.yaml:18:19: error[FL013] the header `Connection` is not sent: it is about the connection, not the request
  = help: leave it out"##;

    i8_fl083_only_numbers_booleans_durations_and_chosen_words_stand_anywhere_in_a_query: r##"kind: Task
name: a
access: read-only
inputs:
  n: { type: integer }
  x: { type: number }
  on: { type: boolean }
  last: { type: duration }
  way: { type: string, enum: [in, out] }
  host: { type: host }
  url: { type: url }
title: Check something
run:
  promql:
    url: "http://prometheus:9090"
    query: "f(up{h='${{ inputs.host }}', u='${{ inputs.url }}'}[${{ inputs.last }}]) > ${{ inputs.n }} + ${{ inputs.x }} > ${{ inputs.on }} or ${{ inputs.way }} or ${{ inputs.host }} or ${{ inputs.url }}"
---
kind: Command
name: triage
description: Is checkout up
tasks: [{ id: a, task: a, with: { n: 1, x: 1.5, on: true, last: 5m, way: in, host: a.internal, url: "https://a.internal" } }]
"##, r##"checkout.yaml:16:12: error[FL083] `inputs.host` stands outside of quotes and could be a part of the query
  = help: put it in quotes as the value of a label, or make it an `integer`, `number`, `boolean` or `duration`, or give it an `enum`
checkout.yaml:16:12: error[FL083] `inputs.url` stands outside of quotes and could be a part of the query
  = help: put it in quotes as the value of a label, or make it an `integer`, `number`, `boolean` or `duration`, or give it an `enum`"##;

    i8_fl083_values_in_queries_that_are_not_a_labels_literal_value: r##"kind: Task
name: a
access: read-only
inputs: { text: { type: string, pattern: "[a-z.*]+" }, n: { type: integer }, way: { type: string, enum: [in, out] } }
title: Check something
run:
  promql:
    url: "http://prometheus:9090"
    query: |
      up{a="${{ inputs.text }}", b=~"${{ inputs.text }}-[0-9]{${{ inputs.n }}}"} > ${{ inputs.n }}
      or up{a=~`${{ inputs.text }}`} or up{b=~`${{ inputs.n }}`}
      or label_replace(up, "a", "${{ inputs.way }}", "b", "${{ inputs.text }}")
      or up{a=~"[${{ inputs.text }}]"} or up{a="\${{ inputs.text }}"}
      # it is not ${{ inputs.text }}
---
kind: Command
name: triage
description: Is checkout up
tasks: [{ id: a, task: a, with: { text: a, n: 1, way: in } }]
"##, r##"checkout.yaml:10:7: error[FL083] `inputs.n` stands in backticks, where nothing can be escaped
  = help: write double quotes instead, with each backslash twice
checkout.yaml:10:7: error[FL083] `inputs.text` stands in backticks, where nothing can be escaped
  = help: write double quotes instead, with each backslash twice
checkout.yaml:10:7: error[FL083] `inputs.text` stands in quotes that are not the value of a label
  = help: text stands behind `=`, `!=`, `=~` or `!~` within `{ }`; elsewhere make it an `integer`, `number`, `boolean` or `duration`, or give it an `enum`
checkout.yaml:10:7: error[FL083] `inputs.text` stands outside of quotes and could be a part of the query
  = help: put it in quotes as the value of a label, or make it an `integer`, `number`, `boolean` or `duration`, or give it an `enum`
checkout.yaml:10:7: error[FL083] `inputs.text` would change the meaning of what is around it in these quotes
  = help: close the quotes, and put the value outside of escapes and, behind `=~`, outside of `[ ]`, `{ }`, `\\Q` and the heads of groups; it is matched literally"##;

    i9_a_call_proves_itself_in_one_way_by_the_name_of_a_key: r##"kind: Task
name: http-health
access: read-only
inputs: { url: { type: url }, key: { type: string, pattern: "[a-z]+" } }
title: "Check that ${{ inputs.url }} answers"
run: { http: { url: "${{ inputs.url }}", auth: { bearer: "${{ inputs.key }}" } } }
---
kind: Task
name: two
access: read-only
title: Check that two ways are one too many
run: { http: { url: "https://a.internal/", auth: { bearer: token, basic: login } } }
---
kind: Task
name: half
access: read-only
title: Check that a header has a secret
run: { promql: { url: "https://a.internal/", query: up, auth: { header: X-Api-Key } } }
---
kind: Task
name: double
access: read-only
title: Check that one header is sent once
run: { http: { url: "https://a.internal/", headers: { authorization: x }, auth: { basic: login } } }
---
kind: Task
name: router
access: read-only
title: Check that a secret routes nothing
run: { http: { url: "https://a.internal/", auth: { header: X-Forwarded-Host, secret: token } } }
---
kind: Command
name: triage
description: Is checkout up
tasks:
  - { id: a, task: http-health, with: { url: "https://checkout.internal/healthz", key: x } }
  - { id: b, task: two }
  - { id: c, task: half }
  - { id: d, task: double }
  - { id: e, task: router }
"##, r##"checkout.yaml:6:58: error[FL074] this is not the name of a key in the secret
  = help: use letters, digits, `-` and `_`; the value itself stands in the secret, never here
checkout.yaml:12:50: error[FL013] the call must prove itself in one way
  = help: write `{ bearer: KEY }`, `{ basic: KEY }`, or `{ header: NAME, secret: KEY }`
checkout.yaml:18:63: error[FL013] the call must prove itself in one way
  = help: write `{ bearer: KEY }`, `{ basic: KEY }`, or `{ header: NAME, secret: KEY }`
checkout.yaml:24:81: error[FL013] `auth` sets the header `authorization`, which stands in `headers` too
  = help: take it out of `headers`
checkout.yaml:30:60: error[FL013] `X-Forwarded-Host` is not a header that can have a secret
  = help: write one such as `X-Api-Key`"##;
}

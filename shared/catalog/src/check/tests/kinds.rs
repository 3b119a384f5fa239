//! The checks of the task kinds that speak to an API.

bad! {
    what_is_wrong_with_a_call_of_loki: r##"kind: Task
name: lines
access: read-only
inputs: { text: { type: string, pattern: "[a-z]+" } }
title: Look for lines
run:
  loki:
    url: https://loki.internal
    query: '{app="a"} | json first="${{ inputs.text }}"'
    limit: 0
    tenant: "${{ inputs.text }}"
    auth: { bearer: "" }
---
kind: Command
name: triage
description: Is checkout up
tasks: [{ id: a, task: lines, with: { text: a } }]
"##, r##"checkout.yaml:9:12: error[FL013] a query for lines needs a window
  = help: add `range: { last: 15m }`: only a metric query can be asked of an instant
checkout.yaml:9:12: error[FL083] `inputs.text` stands in quotes that are neither the value of a label nor the text of a filter
  = help: text stands behind `=`, `!=`, `=~` or `!~` within `{ }` or in a label filter, and behind `|=`, `!=`, `|~` or `!~`; elsewhere make it an `integer`, `number`, `boolean` or `duration`, or give it an `enum`
checkout.yaml:10:12: error[FL016] a query cannot give 0 lines
  = help: write 1 to 1000; leave it out for 100
checkout.yaml:11:13: error[FL013] `${{ inputs.text }}` is not a tenant
  = help: write its id here, without spaces or expressions
checkout.yaml:12:21: error[FL074] this is not the name of a key in the secret
  = help: use letters, digits, `-` and `_`; the value itself stands in the secret, never here"##;

    what_is_wrong_with_a_cluster_and_a_call_of_kubernetes: r##"kind: Cluster
name: prod
url: kubernetes.internal:6443
ca: not a certificate
auth: {}
---
kind: Task
name: pods
access: read-only
title: Look at the pods
run: { kubernetes: { cluster: prd, read: pods, previous: true, lines: 5000, labels: { "a=b": c } } }
---
kind: Task
name: nodes
access: read-only
title: Look at the nodes
run: { kubernetes: { cluster: prod, read: nodes, namespace: checkout } }
---
kind: Command
name: triage
description: Is checkout up
tasks: [{ id: a, task: pods }, { id: b, task: nodes }]
"##, r##"checkout.yaml:3:6: error[FL013] `kubernetes.internal:6443` is not the URL of an API server: its scheme is `kubernetes.internal`
  = help: use http or https
checkout.yaml:4:5: error[FL013] this is no certificate
  = help: write the certificate in PEM, or the `certificate-authority-data` of a kubeconfig
checkout.yaml:5:7: error[FL013] the call must prove itself in one way
  = help: write `{ bearer: KEY }`, `{ basic: KEY }`, or `{ header: NAME, secret: KEY }`
checkout.yaml:11:20: error[FL012] the call does not say which namespace
  = help: add `namespace: checkout`, or an input for it
checkout.yaml:11:31: error[FL020] there is no Cluster `prd`
  = help: did you mean `prod`?
checkout.yaml:11:58: error[FL013] `previous` is for `read: logs`
  = help: leave it out
checkout.yaml:11:71: error[FL016] a call cannot give 5000 lines of a container
  = help: write 1 to 1000; leave it out for 100
checkout.yaml:11:94: error[FL013] `a=b` is not the key of a label
  = help: write one such as `app.kubernetes.io/name`
checkout.yaml:17:61: error[FL013] nodes are in no namespace
  = help: leave it out"##;

    a_cluster_is_not_entered_unencrypted_but_on_this_machine: r##"kind: Cluster
name: plain
url: http://kubernetes.internal:6443
auth: { bearer: k8s }
---
kind: Cluster
name: eks
url: http://10.0.0.1
eks: { name: shop }
---
kind: Cluster
name: local
url: http://127.0.0.1:8001
auth: { bearer: k8s }
---
kind: Cluster
name: sure
url: https://kubernetes.internal:6443
auth: { bearer: k8s }
"##, r##"checkout.yaml:3:6: error[FL013] what proves a call would go to `http://kubernetes.internal:6443` unencrypted
  = help: use https; http is for a loopback address only
checkout.yaml:8:6: error[FL013] what proves a call would go to `http://10.0.0.1` unencrypted
  = help: use https; http is for a loopback address only"##;

    what_is_wrong_with_a_cluster_of_eks: r##"kind: Cluster
name: prod
auth: { bearer: k8s }
eks: { name: "shop/1", region: "eu central", account: shop }
---
kind: Cluster
name: nowhere
---
kind: Task
name: nodes
access: read-only
title: Look at the nodes
run: { kubernetes: { cluster: prod, read: nodes } }
---
kind: Command
name: triage
description: Is checkout up
tasks: [{ id: b, task: nodes }]
"##, r##"checkout.yaml:3:7: error[FL013] a Cluster has `auth` or `eks`, not both
  = help: leave it out: a cluster of EKS is entered as the role that asks
checkout.yaml:4:14: error[FL013] `shop/1` is not the name of a cluster of EKS
  = help: 1 to 100 letters, digits, `-` and `_`; it cannot be filled from an input
checkout.yaml:4:32: error[FL013] `eu central` is not an AWS region
  = help: write it as eu-central-1; it cannot be filled from an input
checkout.yaml:4:55: error[FL020] there is no Account `shop`
  = help: the catalog has no Account yet: write one
checkout.yaml:6:1: error[FL012] nothing says how calls prove themselves
  = help: add `auth: { bearer: KEY }`, or `eks: { name: ... }` for a cluster of EKS
checkout.yaml:6:1: error[FL012] nothing says where its API server is
  = help: add `url: https://...`"##;

    what_is_wrong_with_calls_of_pagerduty_and_github: r##"kind: Task
name: incident
access: read-only
inputs: { text: { type: string, pattern: "[a-z]+" } }
title: Read the incident
run: { pagerduty: { incident: Q1, secret: "a b", url: "https://${{ inputs.text }}/", last: 8000h } }
---
kind: Task
name: changes
access: read-only
title: Look at the changes
run: { github: { repository: acme, secret: "", last: 0s } }
---
kind: Command
name: triage
description: Is checkout up
tasks: [{ id: a, task: incident, with: { text: a } }, { id: b, task: changes }]
"##, r##"checkout.yaml:6:43: error[FL074] this is not the name of a key in the secret
  = help: use letters, digits, `-` and `_`; the value itself stands in the secret, never here
checkout.yaml:6:55: error[FL083] `inputs.text` would choose the host
  = help: declare the input as `type: host`, or give it an `enum`
checkout.yaml:6:92: error[FL016] incidents of the last 8000h cannot be told
  = help: write up to 720h; leave it out for 168h
checkout.yaml:12:30: error[FL013] `acme` is not a repository
  = help: write it as `owner/name`
checkout.yaml:12:44: error[FL074] this is not the name of a key in the secret
  = help: use letters, digits, `-` and `_`; the value itself stands in the secret, never here
checkout.yaml:12:54: error[FL016] what has changed in the last 0s cannot be told
  = help: write up to 720h; leave it out for 24h"##;
}

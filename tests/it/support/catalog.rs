//! The scenarios' catalog.

use std::path::Path;

use catalog::Catalog;
use inbox::{Inbox, ModelServer, Wire};

use super::shop::Shop;

/// The service of the captured webhooks.
pub const CAPTURED_SERVICE: &str = "PNE3JZM";

/// The Slack channels of the documents below.
pub const CHANNELS: &[&str] = &["read", "captured", "pages", "chat", "shadow", "misfit", "nightly", "alarms", "storm"];

/// When the Schedule below is due. The emulator knows no time zones and reads it an hour later, which is long ago too.
pub const NIGHTLY_AT: &str = "2024-01-31T03:00:00Z";

/// Writes the documents into `folder` and checks them as a user would.
pub fn write(folder: &Path, shop: &Shop, inbox: &Inbox, models: &ModelServer) -> Catalog {
    let documents = DOCUMENTS
        .replace("SHOP_URL", shop.url())
        .replace("CLOSED_PORT", &shop.closed_port().to_string())
        .replace("WEBHOOK_URL", &inbox.webhook("team"))
        .replace("MESSAGES_URL", &models.url(Wire::Anthropic))
        .replace("COMPLETIONS_URL", &models.url(Wire::Openai))
        .replace("CAPTURED_SERVICE", CAPTURED_SERVICE);
    std::fs::write(folder.join("catalog.yaml"), documents).unwrap();
    let loaded = catalog::load_dir(folder);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "the scenarios' catalog has problems:\n{}", problems.join("\n"));
    loaded.catalog.expect("a catalog without problems")
}

const DOCUMENTS: &str = r##"
kind: Source
name: pagerduty
type: pagerduty
verify: { secret: pagerduty-signing }
---
kind: Source
name: slack
type: slack
verify: { secret: slack-signing }
commands:
  - { command: triage, channels: [C0ASKED001, C0THREAD01], assistant: cathy }
  - { command: triage, channels: [C0STOPPED1] }
  - { command: glance, channels: [C0ASKED001], users: [U0OTHER001] }
---
kind: Workflow
name: captured
trigger: { sources: [pagerduty], when: 'alert.service.id == "CAPTURED_SERVICE"' }
investigate: { command: triage, with: { incident: "${{ alert.external_id }}" } }
deliver:
  - slack: { channel: "#captured" }
  - pagerduty: { note: true }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty], when: 'alert.service.id == "PCHKOUT"' }
investigate: { command: triage, with: { incident: "${{ alert.external_id }}" }, assistant: cathy }
deliver:
  - slack: { channel: "#pages" }
  - pagerduty: { note: true }
  - webhook: { url: "WEBHOOK_URL", secret: team-webhook }
---
kind: Workflow
name: chat-only
trigger: { sources: [pagerduty], when: 'alert.service.id == "PCHAT"' }
investigate: { command: triage, with: { incident: "${{ alert.external_id }}" } }
deliver:
  - slack: { channel: "#chat" }
---
kind: Workflow
name: conditional
trigger: { sources: [pagerduty], when: 'alert.service.id == "PWHEN"' }
investigate: { command: triage, with: { incident: "${{ alert.external_id }}" } }
deliver:
  - slack: { channel: "#told" }
    when: run.worst_severity <= 2
    text: "<!subteam^S0123ABCD> ${{ run.issue_count }} found: ${{ alert.title }}"
  - pagerduty: { note: true }
    when: run.worst_severity > 2
---
kind: Workflow
name: mailed
trigger: { sources: [pagerduty], when: 'alert.service.id == "PMAIL"' }
investigate: { command: triage, with: { incident: "${{ alert.external_id }}" } }
deliver:
  - e-mail: { to: [oncall@example.org], from: firstlook@ops.example.com }
---
kind: Workflow
name: shadowed
mode: shadow
trigger: { sources: [pagerduty], when: 'alert.service.id == "PSHADOW"' }
investigate: { command: triage, with: { incident: "${{ alert.external_id }}" } }
deliver:
  - slack: { channel: "#shadow" }
---
kind: Workflow
name: misfit
trigger: { sources: [pagerduty], when: 'alert.service.id == "PMISFIT"' }
investigate: { command: narrow, with: { incident: "${{ alert.external_id }}" } }
deliver:
  - slack: { channel: "#misfit" }
---
kind: Schedule
name: nightly
schedule: at(2024-01-31T04:00:00)
timezone: Europe/Berlin
command: triage
with: { incident: NIGHTLY }
deliver:
  - slack: { channel: "#nightly" }
---
kind: Source
name: alarms
type: cloudwatch
verify: { scheme: iam }
---
kind: Workflow
name: alarms
trigger: { sources: [alarms] }
investigate: { command: triage, with: { incident: "${{ alert.title }}" } }
deliver:
  - slack: { channel: "#alarms" }
---
kind: Workflow
name: flood
trigger: { sources: [pagerduty], when: 'alert.service.id == "PFLOOD"' }
investigate: { command: glance }
---
kind: Workflow
name: capped
trigger: { sources: [pagerduty], when: 'alert.service.id == "PCAPPED"' }
investigate: { command: glance }
deliver:
  - slack: { channel: "#storm" }
limits: { runs_per_hour: 5, max_open: 50 }
---
kind: Workflow
name: few
trigger: { sources: [pagerduty], when: 'alert.service.id == "PFEW"' }
investigate: { command: enter, with: { incident: "${{ alert.external_id }}" } }
deliver:
  - slack: { channel: "#storm" }
limits: { max_open: 1 }
---
kind: Workflow
name: together
trigger: { sources: [pagerduty], when: 'alert.service.id == "PTOGETHER"' }
incident: { key: "${{ alert.service.id }}" }
investigate: { command: glance }
deliver:
  - slack: { channel: "#storm" }
---
kind: Workflow
name: again
trigger: { sources: [pagerduty], events: [triggered, reopened], when: 'alert.service.id == "PAGAIN"' }
investigate: { command: glance }
deliver:
  - slack: { channel: "#storm" }
---
kind: Model
name: messages
provider: anthropic
id: claude-of-the-scenarios
url: "MESSAGES_URL"
secret: model-key
price: { input: 3, output: 15 }
---
kind: Model
name: completions
provider: openai
id: gpt-of-the-scenarios
url: "COMPLETIONS_URL"
secret: model-key
price: { input: 1, output: 4 }
---
kind: Model
name: converse
provider: bedrock
id: eu.anthropic.claude-of-the-scenarios-v1:0
region: eu-central-1
price: { input: 3, output: 15 }
---
kind: Assistant
name: messages-reader
model: messages
limits: { time: 20s }
tasks: [shop]
---
kind: Assistant
name: completions-reader
model: completions
limits: { time: 20s }
tasks: [shop]
---
kind: Assistant
name: converse-reader
model: converse
limits: { time: 20s }
tasks: [shop]
---
kind: Workflow
name: read-by-messages
trigger: { sources: [pagerduty], when: 'alert.service.id == "PMESSAGES"' }
investigate: { command: triage, with: { incident: "${{ alert.external_id }}" }, assistant: messages-reader }
deliver:
  - slack: { channel: "#read" }
---
kind: Workflow
name: stopped
trigger: { sources: [pagerduty], when: 'alert.service.id == "PSTOPPED"' }
investigate: { command: triage, with: { incident: "${{ alert.external_id }}" }, assistant: messages-reader }
deliver:
  - slack: { channel: C0STOPPED1 }
---
kind: Workflow
name: read-by-completions
trigger: { sources: [pagerduty], when: 'alert.service.id == "PCOMPLETIONS"' }
investigate: { command: triage, with: { incident: "${{ alert.external_id }}" }, assistant: completions-reader }
deliver:
  - slack: { channel: "#read" }
---
kind: Workflow
name: read-by-converse
trigger: { sources: [pagerduty], when: 'alert.service.id == "PCONVERSE"' }
investigate: { command: triage, with: { incident: "${{ alert.external_id }}" }, assistant: converse-reader }
deliver:
  - slack: { channel: "#read" }
---
kind: Workflow
name: cloud
trigger: { sources: [pagerduty], when: 'alert.service.id == "PCLOUD"' }
investigate: { command: cloud }
deliver:
  - slack: { channel: "#storm" }
---
kind: Command
name: cloud
description: What the account has
tasks:
  - { id: queues, task: queues }
  - { id: keys, task: keys }
  - { id: depth, task: depth }
  - { id: gone, task: gone }
  - { id: invocations, task: invocations }
  - { id: alarms, task: alarms }
---
kind: Task
name: depth
access: read-only
title: Check the queue of investigate
run: { sqs: { queue: firstlook-investigate } }
---
kind: Task
name: gone
access: read-only
title: Check a queue that is not there
run: { sqs: { queue: gone } }
---
kind: Task
name: invocations
access: read-only
title: Check how often ingest is invoked
run:
  cloudwatch-metrics:
    namespace: AWS/Lambda
    metric: Invocations
    dimensions: { FunctionName: firstlook-ingest }
    statistic: Sum
---
kind: Task
name: alarms
access: read-only
title: Check the alarms of the stack
run: { cloudwatch-alarms: { prefix: firstlook- } }
---
kind: Task
name: queues
access: read-only
title: Check that there are queues
resource: the account
run: { aws-api: { service: sqs, operation: ListQueues } }
issues:
  - when: result.body.QueueUrls.size() == 0
    severity: 2
    title: The account has no queue
    expected: the queues of the stack
    actual: "${{ result.body.QueueUrls.size() }} queues"
    next_steps: [Look for the stack `firstlook` in CloudFormation and deploy it again.]
---
kind: Task
name: keys
access: read-only
title: Check that there are keys
run: { aws-api: { service: kms, operation: ListKeys } }
---
kind: Assistant
name: cathy
model: none
---
kind: Command
name: triage
description: Is the shop up
parameters:
  incident: { type: string, pattern: "[A-Za-z0-9]{1,40}" }
tasks:
  - { id: front, task: shop, with: { incident: "${{ params.incident }}", check: front } }
  - { id: orders, task: shop, with: { incident: "${{ params.incident }}", check: orders } }
  - { id: db, task: port, with: { host: "127.0.0.1", port: CLOSED_PORT } }
  - id: stock
    task: shop
    needs: [orders]
    when: "steps.orders.issues.size() > 0"
    with: { incident: "${{ params.incident }}", check: stock }
---
kind: Command
name: glance
description: Does the database take connections
tasks:
  - { id: db, task: port, with: { host: "127.0.0.1", port: CLOSED_PORT } }
---
kind: Command
name: enter
description: Does the shop let anybody in, however long that takes
parameters:
  incident: { type: string, pattern: "[A-Za-z0-9]{1,40}" }
tasks:
  - { id: door, task: door, with: { incident: "${{ params.incident }}" } }
---
kind: Command
name: narrow
description: A Command whose parameter fits no incident of the scenarios
parameters:
  incident: { type: string, pattern: "[0-9]{2}" }
tasks:
  - { id: front, task: shop, with: { incident: "${{ params.incident }}", check: front } }
---
kind: Task
name: shop
access: read-only
inputs:
  incident: { type: string, pattern: "[A-Za-z0-9]{1,40}" }
  check: { type: string, pattern: "[a-z]{1,20}" }
title: "Check that `${{ inputs.check }}` of the shop is up"
resource: "shop/${{ inputs.check }}"
run: { http: { url: "SHOP_URL/checks/${{ inputs.incident }}/${{ inputs.check }}", timeout: 5s } }
issues:
  - when: result.status >= 500
    severity: 2
    title: "`${{ inputs.check }}` of the shop answers ${{ result.status }}"
    expected: "200"
    actual: "${{ result.status }}: ${{ result.body }}"
    next_steps: ["Read the log of `${{ inputs.check }}` for the minute before the page."]
---
kind: Task
name: door
access: read-only
inputs: { incident: { type: string, pattern: "[A-Za-z0-9]{1,40}" } }
title: "Wait at the door of the shop"
resource: shop/door
run: { http: { url: "SHOP_URL/checks/${{ inputs.incident }}/door", timeout: 30s } }
issues:
  - when: result.status >= 500
    severity: 3
    title: "The door of the shop answers ${{ result.status }}"
    expected: "200"
    actual: "${{ result.status }}"
    next_steps: ["Look at the newest deploy of the shop."]
---
kind: Task
name: port
access: read-only
inputs:
  host: { type: host }
  port: { type: integer, min: 1, max: 65535 }
title: "Check that `${{ inputs.host }}:${{ inputs.port }}` takes connections"
resource: "${{ inputs.host }}:${{ inputs.port }}"
run: { tcp: { host: "${{ inputs.host }}", port: "${{ inputs.port }}", timeout: 2s } }
issues:
  - when: "!result.connected"
    severity: 1
    title: "The database at `${{ inputs.host }}:${{ inputs.port }}` refuses connections"
    expected: "a connection within 2 s"
    actual: "${{ result.error }}"
    next_steps: ["Look whether the database process runs.", "Look at its newest restart and its disk."]
"##;

/// The secret's keys that these documents and the outlets want. `signing` is PagerDuty's, or the live ones with the
/// newest first.
pub fn secrets(signing: serde_json::Value) -> serde_json::Value {
    serde_json::json!({
        "pagerduty-signing": signing,
        "slack-signing": super::slack::SIGNING_SECRET,
        "slack-bot-token": "xoxb-of-the-scenarios",
        "pagerduty-api-key": "pd-key-of-the-scenarios",
        "team-webhook": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "model-key": "sk-of-the-scenarios",
        "console-link-key": "link-key-of-the-scenarios",
    })
}

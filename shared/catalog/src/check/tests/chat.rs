//! What may be run from Slack.

bad! {
    fl075_who_may_run_what_from_where: r##"kind: Source
name: pagerduty
type: pagerduty
verify: { secret: pagerduty-signing }
commands: [{ command: triage, channels: [C0123ABCD] }]
---
kind: Source
name: slack
type: slack
verify: { secret: slack-signing }
commands:
  - { command: triage, channels: [] }
  - { command: triage, channels: ["#ops", C012], users: ["@ann"] }
  - { command: triage, channels: [C0123ABCD, D0123ABCD], users: [U0123ABCD, W0123ABCD], assistant: cathy }
  - { command: triage, channels: [C0123ABCD, D0123ABCD], users: [U0123ABCD, W0123ABCD], assistant: cathy }
  - { command: triagee, channels: [C0123ABCD], assistant: nobody }
"##, r##"checkout.yaml:5:11: error[FL075] nobody can ask `pagerduty` for a Command
  = help: name it in a Workflow, or in a Source of `type: slack`
checkout.yaml:12:34: error[FL075] `triage` may be run from nowhere
  = help: name the channels from which it may be: `channels: [C0123ABCD]`
checkout.yaml:13:35: error[FL075] `#ops` is not the id of a Slack channel
  = help: write its id, such as C0123ABCD: Slack shows it under the channel's details
checkout.yaml:13:43: error[FL075] `C012` is not the id of a Slack channel
  = help: write its id, such as C0123ABCD: Slack shows it under the channel's details
checkout.yaml:13:58: error[FL075] `@ann` is not the id of a Slack member
  = help: write its id, such as U0123ABCD: Slack shows it under the member's details
checkout.yaml:15:5: error[FL075] this entry stands above already
  = help: take one of them out
checkout.yaml:16:16: error[FL020] there is no Command `triagee`
  = help: did you mean `triage`?
checkout.yaml:16:59: error[FL020] there is no Assistant `nobody`
  = help: there are `cathy`"##;

    a_slack_source_opens_nothing_and_is_used_without_a_workflow: r##"kind: Source
name: slack
type: slack
verify: { secret: slack-signing }
commands: [{ command: triage, channels: [C0123ABCD], assistant: quiet }]
---
kind: Assistant
name: quiet
model: none
---
kind: Source
name: talk
type: slack
verify: { secret: slack-signing, scheme: slack }
---
kind: Workflow
name: chat
trigger: { sources: [pagerduty, slack] }
investigate: { command: triage }
priority: 2
"##, r##"checkout.yaml:18:33: error[FL056] Slack tells of no incident, so `slack` opens no investigation
  = help: say under `commands` of the Source who may run the Command from which channel"##;
}

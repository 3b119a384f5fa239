//! Models.

bad! {
    fl110_what_a_provider_needs_and_what_it_has_no_use_for: r##"kind: Model
name: none
provider: anthropic
id: claude-sonnet-4-5
region: eu-central-1
limit_key: max_tokens
---
kind: Model
name: own
provider: openai
id: qwen3
cache: true
---
kind: Model
name: rock
provider: bedrock
id: eu.anthropic.claude-sonnet-4-5-20250929-v1:0
url: https://bedrock.example
secret: aws
---
kind: Assistant
name: cathy
model: own
---
kind: Assistant
name: bob
model: rock
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage, assistant: cathy }
---
kind: Workflow
name: others
priority: 1
trigger: { sources: [pagerduty] }
investigate: { command: triage, assistant: bob }
"##, r##"checkout.yaml:2:7: warning[FL026] no Assistant reads with the Model `none`
  = help: name it in `model`, or take it out
checkout.yaml:2:7: error[FL110] `none` is what an Assistant without a model says, so no Model can be called that
  = help: give it another name
checkout.yaml:3:11: error[FL110] a Model of `anthropic` needs `secret`
  = help: add `secret: <key>`; the API key stands in the secret under that key
checkout.yaml:5:9: error[FL110] a Model of `anthropic` has no `region`
  = help: leave it out: only `bedrock` has regions
checkout.yaml:6:12: error[FL110] a Model of `anthropic` has no `limit_key`
  = help: leave it out: only servers of `openai` differ in it
checkout.yaml:10:11: error[FL110] a Model of `openai` needs `url`
  = help: write `url: https://api.openai.com/v1`, or that of your own server
checkout.yaml:12:8: error[FL110] a Model of `openai` has no `cache`
  = help: leave it out: such servers keep what they read by themselves
checkout.yaml:16:11: error[FL110] a Model of `bedrock` needs `region`
  = help: add the region whose Bedrock is asked, such as `region: eu-central-1`
checkout.yaml:18:6: error[FL110] a Model of `bedrock` has no `url`
  = help: leave it out: the region says where it is asked
checkout.yaml:19:9: error[FL110] a Model of `bedrock` has no `secret`
  = help: leave it out: requests are signed with the function's role"##;

    i9_fl111_urls_that_are_not_encrypted_or_have_a_password: r##"kind: Model
name: clear
provider: openai
id: m
url: http://10.0.0.7:8000/v1
---
kind: Model
name: local
provider: openai
id: m
url: http://127.0.0.1:11434/v1
---
kind: Model
name: user
provider: openai
id: m
url: https://user:hunter2@models.internal/v1
---
kind: Model
name: query
provider: anthropic
id: m
url: https://models.internal/?key=1
---
kind: Model
name: nothing
provider: openai
id: m
url: models.internal
secret: "sk-hunter2!"
---
kind: Model
name: chosen
provider: openai
id: m
url: "https://${{ alert.labels.host }}/v1"
"##, r##"checkout.yaml:2:7: warning[FL026] no Assistant reads with the Model `clear`
  = help: name it in `model`, or take it out
checkout.yaml:5:6: error[FL111] a model cannot be asked at `http://10.0.0.7:8000/v1`: it is not encrypted
  = help: write the API's base, such as `https://api.openai.com/v1`; http is for a loopback address only, and keys stand in the secret
checkout.yaml:8:7: warning[FL026] no Assistant reads with the Model `local`
  = help: name it in `model`, or take it out
checkout.yaml:14:7: warning[FL026] no Assistant reads with the Model `user`
  = help: name it in `model`, or take it out
checkout.yaml:17:6: error[FL111] a model cannot be asked at that URL: a password in it would be seen
  = help: write the API's base, such as `https://api.openai.com/v1`; http is for a loopback address only, and keys stand in the secret
checkout.yaml:20:7: warning[FL026] no Assistant reads with the Model `query`
  = help: name it in `model`, or take it out
checkout.yaml:23:6: error[FL111] a model cannot be asked at `https://models.internal/?key=1`: it goes on behind the path
  = help: write the API's base, such as `https://api.openai.com/v1`; http is for a loopback address only, and keys stand in the secret
checkout.yaml:26:7: warning[FL026] no Assistant reads with the Model `nothing`
  = help: name it in `model`, or take it out
checkout.yaml:29:6: error[FL111] a model cannot be asked at `models.internal`: it is not a URL
  = help: write the API's base, such as `https://api.openai.com/v1`; http is for a loopback address only, and keys stand in the secret
checkout.yaml:30:9: error[FL074] this is not the name of a key in the secret
  = help: use letters, digits, `-` and `_`; the value itself stands in the secret, never here
checkout.yaml:33:7: warning[FL026] no Assistant reads with the Model `chosen`
  = help: name it in `model`, or take it out
checkout.yaml:36:6: error[FL111] a model cannot be asked at `https://${{ alert.labels.host }}/v1`: it is not a URL
  = help: write the API's base, such as `https://api.openai.com/v1`; http is for a loopback address only, and keys stand in the secret"##;

    i12_fl112_a_limit_in_money_without_a_price_and_fl020_a_model_that_is_not_there: r##"kind: Model
name: sonnet
provider: anthropic
id: claude-sonnet-4-5
secret: anthropic-api-key
---
kind: Assistant
name: cathy
model: sonnet
limits: { usd: 0.5 }
---
kind: Assistant
name: bob
model: sonett
limits: { usd: 0.5 }
---
kind: Workflow
name: pages
trigger: { sources: [pagerduty] }
investigate: { command: triage, assistant: cathy }
limits: { usd_per_day: 5 }
---
kind: Workflow
name: others
priority: 1
trigger: { sources: [pagerduty] }
investigate: { command: triage, assistant: bob }
"##, r##"checkout.yaml:10:16: error[FL112] the money cannot be counted: the Model `sonnet` has no price
  = help: add `price: { input: 3, output: 15 }` to it, in USD for a million tokens; a model of your own costs 0
checkout.yaml:14:8: error[FL020] there is no Model `sonett`
  = help: did you mean `sonnet`?
checkout.yaml:21:24: error[FL112] the money cannot be counted: the Model `sonnet` has no price
  = help: add `price: { input: 3, output: 15 }` to it, in USD for a million tokens; a model of your own costs 0"##;

    fl013_a_model_whose_values_cannot_be: r##"kind: Model
name: sonnet
provider: antropic
id: claude sonnet
secret: anthropic-api-key
price: { input: -3, output: 15 }
max_output_tokens: 0
"##, r##"checkout.yaml:3:11: error[FL013] `provider` cannot be `antropic`
  = help: did you mean `anthropic`?
checkout.yaml:4:5: error[FL013] `id` cannot be `claude sonnet`
  = help: What the provider calls it: a model's id, or with `bedrock` an inference profile's id or ARN.
checkout.yaml:6:17: error[FL013] `price.input` cannot be -3
  = help: US dollars for a million tokens read.
checkout.yaml:7:20: error[FL013] `max_output_tokens` cannot be 0
  = help: The most tokens that it can write in one answer; default: as many as the engine asks for."##;
}

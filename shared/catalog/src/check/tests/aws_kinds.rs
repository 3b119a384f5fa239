//! The AWS kinds that have checks of their own.

bad! {
    cloudwatch_logs_out_of_bounds: r##"kind: Task
name: errors
access: read-only
inputs: { id: { type: string, pattern: "[a-z]+" }, n: { type: integer }, one: { type: string, enum: [a, b] } }
title: "Look at the errors"
run:
  cloudwatch-logs:
    log_groups: ["a b", "/aws/lambda/${{ inputs.id }}", a, b]
    last: 200h
    limit: 0
    query: "filter n > ${{ inputs.n }} and ${{ inputs.one }} = 1 and a like /${{ inputs.id }}/ | limit ${{ inputs.id }}"
    patterns: { baseline: 0s, top: 51 }
    timeout: 31s
issues:
  - { when: result.patterns.size() > 0, severity: 2, title: "Errors in a log group", next_steps: ["Look."] }
"##, r##"checkout.yaml:2:7: warning[FL026] no Command, Slx or Assistant runs the Task `errors`
  = help: name it in a Command, or take it out
checkout.yaml:8:5: error[FL013] a call has either a `query` or `patterns`
  = help: write `query: ...`, or `patterns: {}` for the error patterns
checkout.yaml:8:17: error[FL016] there are 4 log groups
  = help: write 1 to 3
checkout.yaml:8:18: error[FL013] `a b` cannot be asked for
  = help: write a log group's name or ARN, such as `/aws/lambda/orders`
checkout.yaml:9:11: error[FL016] a window cannot be 200h long
  = help: write more than nothing and at most 168h
checkout.yaml:10:12: error[FL016] 0 is out of bounds
  = help: write a number from 1 to 1000
checkout.yaml:11:12: error[FL083] `inputs.id` stands outside of quotes and could be a part of the query
  = help: put it in quotes, or make it an `integer`, `number`, `boolean` or `duration`, or give it an `enum`
checkout.yaml:12:27: error[FL016] a window cannot be 0s long
  = help: write more than nothing and at most 168h
checkout.yaml:12:36: error[FL016] 51 is out of bounds
  = help: write a number from 1 to 50
checkout.yaml:13:14: error[FL016] a call cannot wait for 31s
  = help: write more than nothing and at most 30s, or leave it out
checkout.yaml:15:13: error[FL031] `result` has no `patterns`
  = help: it has `elapsed_ms`, `matched`, `notes`, `rows`, `scanned`, `scanned_bytes`, `status`, `truncated`, `value`"##;

    i8_cloudwatch_logs_values_that_could_change_a_query: r##"kind: Task
name: errors
access: read-only
inputs: { id: { type: string }, n: { type: integer } }
title: "Look at the errors"
run:
  cloudwatch-logs:
    log_groups: [orders]
    query: "fields a/b | filter a = '${{ inputs.id }}'"
---
kind: Task
name: more
access: read-only
inputs: { id: { type: string }, n: { type: integer } }
title: "Look at the errors"
run:
  cloudwatch-logs:
    log_groups: [orders]
    query: "${{ inputs.id }}"
---
kind: Task
name: most
access: read-only
inputs: { id: { type: string }, n: { type: integer } }
title: "Look at the errors"
run:
  cloudwatch-logs:
    log_groups: [orders]
    query: "parse @message '${{ inputs.id }} *' as x | filter `${{ inputs.id }}` = ${{ inputs.n }} or x like /[${{ inputs.id }}]/"
issues:
  - { when: "result.value > 3 || result.rows[0].x == 1 || result.pattern == 2", severity: 2, title: "Errors in a log group", next_steps: ["Look."] }
"##, r##"checkout.yaml:2:7: warning[FL026] no Command, Slx or Assistant runs the Task `errors`
  = help: name it in a Command, or take it out
checkout.yaml:9:12: error[FL083] `inputs.id` stands behind a `/` that may be a division or begin an expression
  = help: put the filters with values before it
checkout.yaml:12:7: warning[FL026] no Command, Slx or Assistant runs the Task `more`
  = help: name it in a Command, or take it out
checkout.yaml:19:12: error[FL083] `inputs.id` stands outside of quotes and could be a part of the query
  = help: put it in quotes, or make it an `integer`, `number`, `boolean` or `duration`, or give it an `enum`
checkout.yaml:22:7: warning[FL026] no Command, Slx or Assistant runs the Task `most`
  = help: name it in a Command, or take it out
checkout.yaml:29:12: error[FL083] `inputs.id` stands in a string of `parse`, where `*` would match anything
  = help: write `parse` with an expression between slashes, where the value is matched literally
checkout.yaml:29:12: error[FL083] `inputs.id` would change the meaning of what is around it
  = help: close the quotes, and put the value outside of escapes, `[ ]`, `{ }`, `\Q` and the heads of groups
checkout.yaml:29:12: error[FL083] `inputs.id` would choose a field
  = help: write the field, or give the input an `enum`
checkout.yaml:31:13: error[FL031] `result` has no `pattern`
  = help: it has `elapsed_ms`, `matched`, `notes`, `rows`, `scanned`, `scanned_bytes`, `status`, `truncated`, `value`"##;

    ecs_out_of_bounds: r##"kind: Task
name: look
access: read-only
inputs: { id: { type: string, pattern: "[a-z]+" } }
title: "Look at something"
run:
  ecs:
    cluster: "a/b"
    services: ["${{ inputs.id }}", "arn:aws:ecs:eu-west-1:1:service/a/b", "c d", a, a, a, a, a, a, a, a]
    stopped: 0
    account: nobody
    region: "${{ inputs.id }}"
issues:
  - { when: "result.services[0].runing < 3 || result.stopped[0].containers[0].exit_code == 137", severity: 2, title: "Something is wrong", next_steps: ["Look."] }
"##, r##"checkout.yaml:2:7: warning[FL026] no Command, Slx or Assistant runs the Task `look`
  = help: name it in a Command, or take it out
checkout.yaml:8:14: error[FL013] `a/b` cannot be asked for
  = help: write a name such as `shop`, or an ARN
checkout.yaml:9:15: error[FL016] there are 11 services
  = help: write at most 10, or none for all of the cluster
checkout.yaml:9:75: error[FL013] `c d` cannot be asked for
  = help: write a name such as `shop`, or an ARN
checkout.yaml:10:14: error[FL016] 0 is out of bounds
  = help: write a number from 1 to 50
checkout.yaml:11:14: error[FL020] there is no Account `nobody`
  = help: the catalog has no Account yet: write one
checkout.yaml:12:13: error[FL013] `${{ inputs.id }}` is not an AWS region
  = help: write it as eu-central-1; it cannot be filled from an input
checkout.yaml:14:13: error[FL031] `the operand` has no `runing`
  = help: did you mean `running`?"##;

    cloudtrail_out_of_bounds: r##"kind: Task
name: look
access: read-only
inputs: { id: { type: string, pattern: "[a-z]+" } }
title: "Look at something"
run:
  cloudtrail:
    resource: "${{ params.id }}"
    resource_type: service
    source: ecs
    last: 3000h
    limit: 201
issues:
  - { when: "result.changes[0].request == 1", severity: 2, title: "Something is wrong", next_steps: ["Look."] }
"##, r##"checkout.yaml:2:7: warning[FL026] no Command, Slx or Assistant runs the Task `look`
  = help: name it in a Command, or take it out
checkout.yaml:8:15: error[FL082] `params` cannot stand here
  = help: declare an input, and give it its value in the Command's `with`
checkout.yaml:9:20: error[FL013] `service` is not a type of resource
  = help: write it as `AWS::ECS::Service`
checkout.yaml:10:13: error[FL013] `ecs` is not the source of an event
  = help: write it as `ecs.amazonaws.com`
checkout.yaml:11:11: error[FL016] a window cannot be 3000h long
  = help: write more than nothing and at most 2160h
checkout.yaml:12:12: error[FL016] 201 is out of bounds
  = help: write a number from 1 to 200
checkout.yaml:14:13: error[FL031] `the operand` has no `request`
  = help: it has `at`, `details`, `error`, `id`, `resource`, `resources`, `service`, `source_ip`, `what`, `who`"##;

    lambda_health_out_of_bounds: r##"kind: Task
name: look
access: read-only
inputs: { id: { type: string, pattern: "[a-z]+" } }
title: "Look at something"
run:
  lambda-health:
    function: "a b"
    qualifier: "a:b"
    last: 25h
issues:
  - { when: "result.errors.now > 3 || result.errors.then > 3", severity: 2, title: "Something is wrong", next_steps: ["Look."] }
"##, r##"checkout.yaml:2:7: warning[FL026] no Command, Slx or Assistant runs the Task `look`
  = help: name it in a Command, or take it out
checkout.yaml:8:15: error[FL013] `a b` cannot be asked for
  = help: write the function's name, such as `orders`, or its ARN
checkout.yaml:9:16: error[FL013] `a:b` cannot be asked for
  = help: write an alias such as `live`, or a version's number
checkout.yaml:10:11: error[FL016] a window cannot be 25h long
  = help: write more than nothing and at most 24h
checkout.yaml:12:13: error[FL031] `result.errors` has no `then`
  = help: it has `before`, `now`"##;

    i7_lambda_is_read_only_by_its_name: r##"kind: Task
name: look
access: read-only
inputs: { id: { type: string, pattern: "[a-z]+" } }
title: "Look at something"
run:
  lambda:
    function: check-orders
    read_only: "true"
    qualifier: "a b"
    inputs: { a: "${{ inputs.id }}", b: "${{ alert.title }}" }
issues:
  - { when: "result.findings[0].severity < 3 || result.finding == 1", severity: 2, title: "Something is wrong", next_steps: ["Look."] }
"##, r##"checkout.yaml:2:7: warning[FL026] no Command, Slx or Assistant runs the Task `look`
  = help: name it in a Command, or take it out
checkout.yaml:9:16: error[FL013] `read_only` is `true` and not the function `check-orders`
  = help: make sure that the function changes nothing, and repeat its name: Firstlook cannot know
checkout.yaml:10:16: error[FL013] `a b` is neither a version nor an alias
  = help: write an alias such as `live`, or a version's number
checkout.yaml:11:41: error[FL082] `alert` cannot stand here
  = help: declare an input, and give it its value in the Command's `with`
checkout.yaml:13:13: error[FL031] `result` has no `finding`
  = help: did you mean `findings`?"##;

    i8_lambda_is_not_chosen_by_an_input: r##"kind: Task
name: look
access: read-only
inputs: { id: { type: string, pattern: "[a-z]+" } }
title: "Look at something"
run:
  lambda:
    function: "${{ inputs.id }}"
    read_only: "${{ inputs.id }}"
issues:
  - { when: "result.worst == 1", severity: 2, title: "Something is wrong", next_steps: ["Look."] }
"##, r##"checkout.yaml:2:7: warning[FL026] no Command, Slx or Assistant runs the Task `look`
  = help: name it in a Command, or take it out
checkout.yaml:8:15: error[FL013] `${{ inputs.id }}` is not the name of a function
  = help: write its name or ARN here: it cannot be filled from an input"##;
}

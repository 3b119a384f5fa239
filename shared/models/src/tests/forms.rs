//! From a turn to JSON, and from JSON to an answer.

use std::time::Duration;

use catalog::model::Model;
use engine::model::{Message, Part, Speaker, Stop, Tool, Turn, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{call, model, name, result, says, text, tool};
use crate::{anthropic, bedrock, fault::Broken, openai, said::said};

fn conversation() -> Vec<Message> {
    let thinking = json!({"type": "thinking", "thinking": "Look first.", "signature": "c2ln"});
    vec![
        says(Speaker::User, &[text("An alert fired."), text("  \n")]),
        says(
            Speaker::Assistant,
            &[
                Part::Opaque { value: thinking },
                text("I look."),
                call("c1", "look", json!({"service": "checkout"})),
                call("c2", "look", json!("not an object")),
            ],
        ),
        says(Speaker::User, &[text("Two tools answered.")]),
        says(Speaker::User, &[result("c1", "5 of 5 pods crash", false), result("c2", "", true)]),
    ]
}

fn turn<'t>(
    model: &'t domain::Name,
    messages: &'t [Message],
    tools: &'t [Tool],
    must_use: Option<&'t str>,
) -> Turn<'t> {
    let within = Duration::from_secs(60);
    Turn { model, system: "Read the evidence.", messages, tools, must_use, max_tokens: 2000, within }
}

fn of(value: Value) -> Model {
    let mut value = value;
    value["name"] = json!("reader");
    model(value)
}

/// The whole conversation in the format of one provider.
fn sent(request: fn(&Model, &Turn<'_>) -> Value, model: Value, must_use: Option<&str>) -> Value {
    let (reader, messages, tools) = (name("reader"), conversation(), [tool("look"), tool("answer")]);
    request(&of(model), &turn(&reader, &messages, &tools, must_use))
}

#[test]
fn a_turn_in_the_form_of_messages() {
    let model = json!({"provider": "anthropic", "id": "claude-sonnet-4-5", "max_output_tokens": 1500});
    insta::assert_json_snapshot!(sent(anthropic::request, model, Some("answer")));
}

#[test]
fn a_turn_in_the_form_of_chat_completions() {
    let model = json!({"provider": "openai", "id": "qwen3", "url": "http://127.0.0.1:11434/v1"});
    insta::assert_json_snapshot!(sent(openai::request, model, Some("answer")));
}

#[test]
fn a_turn_in_the_form_of_converse() {
    let model = json!({"provider": "bedrock", "id": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"});
    insta::assert_json_snapshot!(sent(bedrock::request, model, Some("answer")));
}

#[test]
fn a_turn_for_a_model_of_bedrock_that_can_be_told_less() {
    let model = json!({"provider": "bedrock", "id": "meta.llama3-3-70b-instruct-v1:0"});
    insta::assert_json_snapshot!(sent(bedrock::request, model, Some("answer")));
}

#[test]
fn what_is_kept_by_the_provider_is_marked_where_it_may_be() {
    let marks = |request: fn(&Model, &Turn<'_>) -> Value, model: Value, word: &str| {
        sent(request, model, None).to_string().matches(word).count()
    };
    let claude = |cache: Value| json!({"provider": "anthropic", "id": "claude-sonnet-4-5", "cache": cache});
    assert_eq!(marks(anthropic::request, claude(Value::Null), "cache_control"), 2);
    assert_eq!(marks(anthropic::request, claude(json!(false)), "cache_control"), 0);
    for (id, cache, points) in [
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", None, 2),
        (
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-20250514-v1:0",
            None,
            2,
        ),
        ("us.amazon.nova-pro-v1:0", None, 2),
        ("anthropic.claude-3-haiku-20240307-v1:0", None, 0),
        ("mistral.mistral-large-2407-v1:0", None, 0),
        ("arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abcdefghijkl", None, 0),
        ("arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abcdefghijkl", Some(true), 2),
        ("us.amazon.nova-pro-v1:0", Some(false), 0),
    ] {
        let model = json!({"provider": "bedrock", "id": id, "cache": cache});
        assert_eq!(marks(bedrock::request, model, "cachePoint"), points, "{id}");
    }
}

#[test]
fn the_limit_of_an_answer_has_the_name_that_the_server_knows() {
    let key = |url: &str, limit_key: Value| {
        let model = json!({"provider": "openai", "id": "m", "url": url, "limit_key": limit_key});
        let body = sent(openai::request, model, None);
        ["max_tokens", "max_completion_tokens"].into_iter().filter(|key| body.get(*key).is_some()).collect::<Vec<_>>()
    };
    assert_eq!(key("https://api.openai.com/v1", Value::Null), ["max_completion_tokens"]);
    assert_eq!(key("https://team.openai.azure.com/openai/v1", Value::Null), ["max_completion_tokens"]);
    assert_eq!(key("https://notopenai.com/v1", Value::Null), ["max_tokens"]);
    assert_eq!(key("http://127.0.0.1:8080/v1", Value::Null), ["max_tokens"]);
    assert_eq!(key("https://gateway.internal/v1", json!("max_completion_tokens")), ["max_completion_tokens"]);
    assert_eq!(key("https://api.openai.com/v1", json!("max_tokens")), ["max_tokens"]);
}

#[test]
fn an_id_of_bedrock_is_one_piece_of_the_path() {
    let path = |id: &str| bedrock::path(&of(json!({"provider": "bedrock", "id": id})));
    assert_eq!(path("amazon.nova-pro-v1:0"), "/model/amazon.nova-pro-v1%3A0/converse");
    assert_eq!(
        path("arn:aws:bedrock:eu-west-1::x/y?z"),
        "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A%3Ax%2Fy%3Fz/converse"
    );
}

#[test]
fn when_no_tool_is_on_offer_any_more_the_ones_that_were_called_are_still_known() {
    let (reader, messages) = (name("reader"), conversation());
    let turn = turn(&reader, &messages, &[], None);
    let messages = anthropic::request(&of(json!({"provider": "anthropic", "id": "m"})), &turn);
    assert_eq!((&messages["tools"][0]["name"], &messages["tool_choice"]), (&json!("look"), &json!({"type": "none"})));
    let converse = bedrock::request(&of(json!({"provider": "bedrock", "id": "m"})), &turn);
    assert_eq!(converse.pointer("/toolConfig/tools/0/toolSpec/name"), Some(&json!("look")));
}

/// An answer of Chat Completions to a conversation of four messages.
fn completed(body: Value) -> Result<engine::model::Answered, Broken> {
    let (reader, messages) = (name("reader"), conversation());
    openai::answered(body, &turn(&reader, &messages, &[], None), 300)
}

fn message(message: Value, stop: &str) -> Value {
    json!({"choices": [{"index": 0, "message": message, "finish_reason": stop}],
           "usage": {"prompt_tokens": 9, "completion_tokens": 3}})
}

#[test]
fn servers_of_chat_completions_differ_and_all_are_read() {
    let called = |arguments: Value, id: Value| {
        let calls = json!([{"id": id, "type": "function", "function": {"name": "look", "arguments": arguments}}]);
        completed(message(json!({"role": "assistant", "content": null, "tool_calls": calls}), "stop")).unwrap()
    };
    for (arguments, read) in [
        (json!("{\"service\": \"checkout\"}"), json!({"service": "checkout"})),
        (json!({"service": "checkout"}), json!({"service": "checkout"})),
        (json!(""), json!({})),
        (Value::Null, json!({})),
        (json!("{\"service\": "), json!("{\"service\": ")),
        (json!("[1]"), json!("[1]")),
        (json!("\"twice\""), json!("\"twice\"")),
    ] {
        let answer = called(arguments.clone(), json!("c9"));
        assert_eq!(answer.parts, [call("c9", "look", read)], "{arguments}");
        assert_eq!(answer.stop, Stop::Tools, "whatever `finish_reason` says");
    }
    for none in [Value::Null, json!("")] {
        assert_eq!(called(json!("{}"), none).parts, [call("call_4_0", "look", json!({}))]);
    }
    for content in [json!("Yes."), json!([{"type": "text", "text": "Yes."}])] {
        let answer = completed(message(json!({"role": "assistant", "content": content}), "stop")).unwrap();
        assert_eq!((answer.parts, answer.stop), (vec![text("Yes.")], Stop::End));
    }
    let empty = completed(message(json!({"role": "assistant", "content": null}), "tool_calls")).unwrap();
    assert_eq!((empty.parts, empty.stop), (vec![], Stop::End), "who calls nothing does not wait for tools");
}

#[test]
fn thoughts_are_given_back_as_they_came_and_to_nobody_else() {
    let extra = json!({"google": {"thought_signature": "c2ln"}});
    let calls = json!([{"id": "c1", "type": "function", "extra_content": extra,
                        "function": {"name": "look", "arguments": "{}"}}]);
    let said = json!({"role": "assistant", "content": "", "reasoning_content": "Look first.", "unknown": 1, "tool_calls": calls});
    let answer = completed(message(said, "tool_calls")).unwrap();
    let messages = [
        says(Speaker::User, &[text("Go.")]),
        Message { speaker: Speaker::Assistant, parts: answer.parts },
        says(Speaker::User, &[result("c1", "ok", false)]),
    ];
    let reader = name("reader");
    let model = of(json!({"provider": "openai", "id": "m", "url": "https://m.internal/v1"}));
    let back = openai::request(&model, &turn(&reader, &messages, &[tool("look")], None));
    let back = &back["messages"][2];
    assert_eq!(back["reasoning_content"], "Look first.");
    assert_eq!(back["tool_calls"][0]["extra_content"], extra);
    assert!(back.get("unknown").is_none(), "{back}");
}

#[test]
fn i12_what_was_used_is_read_fully_and_no_token_twice() {
    let body = json!({"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}], "usage": {
        "prompt_tokens": 1000, "completion_tokens": 30, "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 20}}});
    let read = Usage { input: 300, output: 30, cache_read: 600, cache_write: 100 };
    assert_eq!(completed(body).unwrap().usage, read);

    let deepseek = json!({"choices": [{"message": {"content": "Yes."}}], "usage": {
        "prompt_tokens": 1000, "completion_tokens": 30, "prompt_cache_hit_tokens": 400, "prompt_cache_miss_tokens": 600}});
    let read = Usage { input: 600, output: 30, cache_read: 400, cache_write: 0 };
    assert_eq!(completed(deepseek).unwrap().usage, read);

    let body = json!({"content": [], "stop_reason": "end_turn", "usage": {
        "input_tokens": 3, "output_tokens": 30, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 600}});
    let read = Usage { input: 3, output: 30, cache_read: 600, cache_write: 100 };
    assert_eq!(anthropic::answered(body, 0).unwrap().usage, read);

    let body = json!({"output": {"message": {"role": "assistant", "content": []}}, "stopReason": "end_turn", "usage": {
        "inputTokens": 3, "outputTokens": 30, "totalTokens": 733, "cacheReadInputTokens": 600, "cacheWriteInputTokens": 100}});
    assert_eq!(bedrock::answered(&body, 0).unwrap().usage, read);

    // Nobody counted, and it is not taken to be free.
    let body = json!({"choices": [{"message": {"content": "Yes, it is."}, "finish_reason": "stop"}], "usage": null});
    assert_eq!(completed(body).unwrap().usage, Usage { input: 150, output: 6, ..Usage::default() });
}

#[test]
fn why_it_stopped_is_read_in_every_format() {
    let anthropic = |stop: &str| {
        let content = json!([{"type": "text", "text": "Hm."}]);
        anthropic::answered(json!({"content": content, "stop_reason": stop}), 0).unwrap().stop
    };
    let bedrock = |stop: &str| {
        let content = json!([{"text": "Hm."}]);
        let body = json!({"output": {"message": {"content": content}}, "stopReason": stop});
        bedrock::answered(&body, 0).unwrap().stop
    };
    let openai = |stop: &str| completed(message(json!({"content": "Hm."}), stop)).unwrap().stop;
    for (stop, read) in [
        ("end_turn", Stop::End),
        ("stop_sequence", Stop::End),
        ("pause_turn", Stop::End),
        ("max_tokens", Stop::Length),
        ("model_context_window_exceeded", Stop::Length),
        ("refusal", Stop::Refused),
        ("something_new", Stop::End),
    ] {
        assert_eq!(anthropic(stop), read, "{stop}");
    }
    for (stop, read) in [
        ("end_turn", Stop::End),
        ("max_tokens", Stop::Length),
        ("guardrail_intervened", Stop::Refused),
        ("content_filtered", Stop::Refused),
        ("malformed_tool_use", Stop::End),
    ] {
        assert_eq!(bedrock(stop), read, "{stop}");
    }
    for (stop, read) in [("stop", Stop::End), ("length", Stop::Length), ("content_filter", Stop::Refused)] {
        assert_eq!(openai(stop), read, "{stop}");
    }
    let refused = completed(message(json!({"content": null, "refusal": "I will not."}), "stop")).unwrap();
    assert_eq!((refused.stop, refused.parts), (Stop::Refused, vec![text("I will not.")]));
}

#[test]
fn a_gateway_that_answers_200_and_an_error_has_failed() {
    let body = json!({"error": {"code": 502, "message": "upstream is away"}});
    assert_eq!(completed(body), Err(Broken::Said("upstream is away".to_owned())));
    assert_eq!(completed(json!({"choices": []})), Err(Broken::OtherForm));
    assert_eq!(anthropic::answered(json!({"type": "message"}), 0), Err(Broken::OtherForm));
    assert_eq!(bedrock::answered(&Value::Null, 0), Err(Broken::OtherForm));
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z ]{0,8}".prop_map(Value::from),
    ];
    let keys = prop_oneof![
        Just("choices"),
        Just("message"),
        Just("content"),
        Just("tool_calls"),
        Just("function"),
        Just("arguments"),
        Just("name"),
        Just("id"),
        Just("type"),
        Just("text"),
        Just("output"),
        Just("toolUse"),
        Just("usage"),
        Just("input"),
        Just("error"),
        Just("prompt_tokens"),
        Just("extra_content"),
    ];
    leaf.prop_recursive(6, 48, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_an_answer_or_none_and_what_was_read_can_be_sent_again(body in json_value()) {
        let (reader, messages) = (name("reader"), conversation());
        let turn = turn(&reader, &messages, &[], None);
        let answers = [anthropic::answered(body.clone(), 0), bedrock::answered(&body, 0), openai::answered(body, &turn, 0)];
        for answer in answers.into_iter().flatten() {
            let calls = answer.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
            prop_assert!(calls || answer.stop != Stop::Tools);
            let again = [says(Speaker::User, &[text("Go.")]), Message { speaker: Speaker::Assistant, parts: answer.parts }];
            let turn = Turn { messages: &again, ..turn };
            for (provider, request) in [
                ("anthropic", anthropic::request as fn(&Model, &Turn<'_>) -> Value), ("openai", openai::request), ("bedrock", bedrock::request),
            ] {
                let request = request(&of(json!({"provider": provider, "id": "m"})), &turn);
                prop_assert!(request.is_object());
            }
        }
    }

    #[test]
    fn the_sides_take_turns_whatever_was_said(speakers in prop::collection::vec((any::<bool>(), "[a ]{0,2}"), 0..12)) {
        let messages: Vec<Message> = speakers
            .iter()
            .map(|(user, words)| says(if *user { Speaker::User } else { Speaker::Assistant }, &[text(words)]))
            .collect();
        let all = said(&messages);
        prop_assert!(all.iter().all(|said| !said.parts.is_empty()));
        prop_assert!(all.windows(2).all(|pair| pair[0].speaker != pair[1].speaker));
    }
}

//! Whole turns against the server that speaks all three formats, and refuses what the real ones refuse.

use engine::model::{Message, Part, Speaker, Stop};
use inbox::{Piece, Reply, Wire};
use serde_json::json;

use super::{
    KEY, Rotating, WIRES, ask, ask_with, call, model, models, name, open, reader, result, says, server, text, tool,
};

#[tokio::test]
async fn a_conversation_with_tools_goes_to_its_end_in_every_format() {
    for wire in WIRES {
        let server = server().await;
        server.take_key(KEY);
        let models = open(&server, wire);
        let arguments = json!({"service": "checkout"});
        server.script([
            Reply::Says { text: "I look.".to_owned(), calls: vec![("look".to_owned(), arguments.clone()); 2] },
            Reply::CallsBadly { name: "look".to_owned(), arguments: "{\"service\": ".to_owned() },
            Reply::call("answer", json!({"summary": "Down."})),
        ]);
        let tools = [tool("look"), tool("answer")];
        let mut messages = vec![says(Speaker::User, &[text("Is checkout up?")])];
        for expected in [3, 1, 1] {
            let must_use = (messages.len() == 5).then_some("answer");
            let answer = ask_with(&models, &messages, &tools, must_use).await.unwrap();
            assert_eq!((answer.parts.len(), answer.stop), (expected, Stop::Tools), "{wire:?}");
            let results: Vec<Part> = answer
                .parts
                .iter()
                .filter_map(|part| match part {
                    Part::ToolCall { id, arguments, .. } => Some(result(id, "", !arguments.is_object())),
                    _ => None,
                })
                .collect();
            messages.push(Message { speaker: Speaker::Assistant, parts: answer.parts });
            messages.push(says(Speaker::User, &results));
        }
        assert_eq!(messages[1].parts[0], text("I look."));
        let Part::ToolCall { arguments: called, .. } = &messages[1].parts[1] else { panic!("{wire:?}") };
        assert_eq!(*called, arguments);
        let Part::ToolCall { arguments: bad, .. } = &messages[3].parts[0] else { panic!("{wire:?}") };
        assert_eq!(*bad, json!("{\"service\": "), "as the text that it is, for the engine to answer with an error");

        let calls = server.calls();
        let last = &calls[2].heard;
        assert_eq!(last.system, "Read the evidence.");
        assert_eq!((last.max_tokens, last.must_use.as_deref()), (1000, Some("answer")));
        assert_eq!(last.tools, ["look", "answer"]);
        let Piece::Result { text: said, is_error, .. } = &last.turns[4].1[0] else { panic!("{:?}", last.turns) };
        assert!(*is_error && said.contains("(nothing)"), "{wire:?}: {said}");
        assert_eq!((server.paid(), server.paid_twice().len(), server.unsaid()), (3, 0, 0));
    }
}

#[tokio::test]
async fn a_refusal_a_cut_and_silence_are_told_apart() {
    for wire in WIRES {
        let server = server().await;
        let models = open(&server, wire);
        server.script([
            Reply::Refuses("I will not.".to_owned()),
            Reply::CutOff("It is because".to_owned()),
            Reply::Empty,
            Reply::text("  \n"),
        ]);
        let answer = ask(&models).await.unwrap();
        assert_eq!((answer.stop, answer.parts), (Stop::Refused, vec![text("I will not.")]), "{wire:?}");
        let answer = ask(&models).await.unwrap();
        assert_eq!((answer.stop, answer.parts), (Stop::Length, vec![text("It is because")]), "{wire:?}");
        for _ in 0..2 {
            let answer = ask(&models).await.unwrap();
            assert_eq!((answer.stop, answer.parts), (Stop::End, vec![]), "{wire:?}");
        }
    }
}

#[tokio::test]
async fn i12_what_was_read_before_is_read_from_the_cache_and_counted_as_that() {
    for wire in [Wire::Anthropic, Wire::Bedrock] {
        let server = server().await;
        let models = open(&server, wire);
        server.script([Reply::text("One."), Reply::text("Two."), Reply::Uncounted("Three.".to_owned())]);
        let first = ask(&models).await.unwrap().usage;
        assert!(first.cache_write > 0 && first.cache_read == 0 && first.output > 0, "{wire:?}: {first:?}");
        let second = ask(&models).await.unwrap().usage;
        assert_eq!((second.cache_read, second.cache_write), (first.cache_write, 0), "{wire:?}");
        let uncounted = ask(&models).await.unwrap().usage;
        assert!(uncounted.input > first.cache_write && uncounted.output > 0, "{wire:?}: {uncounted:?}");
    }
}

#[tokio::test]
async fn a_key_that_was_rotated_is_read_anew_once() {
    for wire in [Wire::Anthropic, Wire::Openai] {
        let server = server().await;
        server.take_key("the-new-one");
        server.script([Reply::text("Yes.")]);
        let secrets = Rotating::of(&["the-old-one", "the-new-one"]);
        let models = models(&server, reader(&server, wire), secrets);
        assert_eq!(ask(&models).await.unwrap().parts, [text("Yes.")], "{wire:?}");
        let statuses: Vec<_> = server.calls().iter().map(|call| call.status).collect();
        assert_eq!((statuses, server.paid()), (vec![Some(401), Some(200)], 1));
    }
}

#[tokio::test]
async fn a_server_of_ones_own_needs_no_key() {
    let server = server().await;
    server.script([Reply::text("Yes.")]);
    let own = model(json!({"name": "reader", "provider": "openai", "id": "m", "url": server.url(Wire::Openai)}));
    let models = models(&server, own, Rotating::of(&[]));
    assert_eq!(ask(&models).await.unwrap().parts, [text("Yes.")]);
    assert!(!server.calls()[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn i9_keys_are_sent_in_their_header_and_nowhere_else() {
    for wire in WIRES {
        let server = server().await;
        let models = open(&server, wire);
        server.script([Reply::text("Yes.")]);
        ask(&models).await.unwrap();
        let call = &server.calls()[0];
        let seen = format!("{:?} {:?} {models:?}", call.headers, call.body);
        assert!(!seen.contains(KEY) && !seen.contains("a-session-token"), "{wire:?}: {seen}");
    }
}

#[tokio::test]
async fn a_tool_that_the_model_asks_for_keeps_its_id() {
    let server = server().await;
    let models = open(&server, Wire::Anthropic);
    server.script([Reply::call("look", json!({"service": "a"}))]);
    let answer = ask(&models).await.unwrap();
    assert_eq!(answer.parts, [call("toolu_0001_0", "look", json!({"service": "a"}))]);
    assert_eq!(server.calls()[0].headers["anthropic-version"], "2023-06-01");
    assert_eq!(name("reader").as_str(), "reader");
}

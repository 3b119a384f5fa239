//! Whether a Model can be asked, seen without a turn.

use insta::assert_snapshot;
use ports::Standing;

use super::*;

async fn seen(server: &ModelServer, model: Model, key: &'static str) -> String {
    let models = models(server, model.clone(), Rotating::of(&[key]));
    let check = models.check(&model).await;
    assert_eq!((server.calls().len(), server.paid()), (0, 0), "it asked for a turn");
    let text = match check.standing {
        Standing::Ok => format!("ok    {}", check.what),
        Standing::Mend(advice) => format!("mend  {}\n      {advice}", check.what),
        Standing::Unreachable(why) => format!("away  {}\n      {why}", check.what),
        Standing::CannotTell => format!("?     {}", check.what),
    };
    assert!(!text.contains(KEY), "{text}");
    text.replace(&server.address().to_string(), "SERVER")
}

#[tokio::test]
async fn i12_a_model_is_seen_without_paying_and_each_fault_has_its_mend() {
    let mut text = Vec::new();
    for wire in WIRES {
        let server = server().await;
        server.take_key(KEY);
        let reader = reader(&server, wire);
        server.serve_models(&[reader.id.as_str(), "another"]);
        text.push(format!("== {wire:?}"));
        text.push(seen(&server, reader.clone(), KEY).await);
        if wire != Wire::Bedrock {
            text.push(seen(&server, reader.clone(), "another-key").await);
        }
        server.serve_models(&["another"]);
        text.push(seen(&server, reader.clone(), KEY).await);
    }
    let server = server().await;
    text.push("== elsewhere".to_owned());
    let at = |wire, url: &str| Model { url: Some(url.to_owned()), ..reader(&server, wire) };
    text.push(seen(&server, at(Wire::Openai, "http://127.0.0.1:1/v1"), KEY).await);
    // A gateway of Anthropic's form without the list, and a server that lists nothing.
    text.push(seen(&server, at(Wire::Anthropic, &format!("{}/gateway", server.url(Wire::Anthropic))), KEY).await);
    text.push(seen(&server, reader(&server, Wire::Openai), KEY).await);
    let bought = "arn:aws:bedrock:eu-central-1:123456789012:provisioned-model/abcdefghijkl";
    text.push(seen(&server, Model { id: bought.to_owned(), ..reader(&server, Wire::Bedrock) }, KEY).await);
    assert_snapshot!("checks", text.join("\n"));
}

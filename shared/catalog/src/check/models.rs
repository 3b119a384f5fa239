//! Models, and who reads with them.

use domain::Name;
use url::Url;

use super::{Desk, Spot, delivery::is_safe, sources::secret_key};
use crate::{
    model::{Model, ModelRef, Provider},
    problem::Code,
    schema::DocKind,
};

pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, model) in &catalog.models {
        let spot = Spot::new(DocKind::Model, name);
        if name.as_str() == ModelRef::NONE {
            let message = "`none` is what an Assistant without a model says, so no Model can be called that";
            desk.report(&spot.to("name"), Code::ModelFields, message, "give it another name");
        }
        fields(desk, &spot, model);
        if let (Some(url), true) = (&model.url, model.provider != Provider::Bedrock) {
            address(desk, &spot.to("url"), url);
        }
        if let (Some(key), true) = (&model.secret, model.provider != Provider::Bedrock) {
            secret_key(desk, &spot.to("secret"), key);
        }
    }
    for (name, assistant) in &catalog.assistants {
        let spot = Spot::new(DocKind::Assistant, name);
        let Some(model) = assistant.model.name() else { continue };
        desk.refers(&spot.to("model"), DocKind::Model, model);
        if assistant.limits.usd.is_some() {
            priced(desk, &spot.to("limits.usd"), model);
        }
    }
    for (name, workflow) in &catalog.workflows {
        let assistant = workflow.investigate.assistant.as_ref().and_then(|name| catalog.assistants.get(name));
        let model = assistant.and_then(|assistant| assistant.model.name());
        if let (Some(model), true) = (model, workflow.limits.usd_per_day.is_some()) {
            priced(desk, &Spot::new(DocKind::Workflow, name).to("limits.usd_per_day"), model);
        }
    }
}

/// What the provider needs beside the model's id, and what it has no use for.
fn fields(desk: &mut Desk<'_>, spot: &Spot<'_>, model: &Model) {
    let provider = model.provider;
    let (is_openai, is_bedrock) = (provider == Provider::Openai, provider == Provider::Bedrock);
    let needs = [
        ("url", is_openai && model.url.is_none(), "write `url: https://api.openai.com/v1`, or that of your own server"),
        (
            "secret",
            provider == Provider::Anthropic && model.url.is_none() && model.secret.is_none(),
            "add `secret: <key>`; the API key stands in the secret under that key",
        ),
        (
            "region",
            is_bedrock && model.region.is_none(),
            "add the region whose Bedrock is asked, such as `region: eu-central-1`",
        ),
    ];
    for (key, _, help) in needs.into_iter().filter(|(_, lacks, _)| *lacks) {
        let message = format!("a Model of `{}` needs `{key}`", provider.as_str());
        desk.report(&spot.to("provider"), Code::ModelFields, message, help);
    }
    let odd = [
        ("url", is_bedrock && model.url.is_some(), "leave it out: the region says where it is asked"),
        ("secret", is_bedrock && model.secret.is_some(), "leave it out: requests are signed with the function's role"),
        ("region", !is_bedrock && model.region.is_some(), "leave it out: only `bedrock` has regions"),
        ("cache", is_openai && model.cache.is_some(), "leave it out: such servers keep what they read by themselves"),
        ("limit_key", !is_openai && model.limit_key.is_some(), "leave it out: only servers of `openai` differ in it"),
    ];
    for (key, _, help) in odd.into_iter().filter(|(_, stands, _)| *stands) {
        let message = format!("a Model of `{}` has no `{key}`", provider.as_str());
        desk.report(&spot.to(key), Code::ModelFields, message, help);
    }
}

/// Evidence and an API key go there, so it is encrypted or stays on this machine.
fn address(desk: &mut Desk<'_>, spot: &Spot<'_>, text: &str) {
    let wrong = match text.parse::<Url>() {
        Err(_) => "it is not a URL",
        Ok(_) if text.contains("${{") => "no expression can stand in it",
        Ok(url) if !url.username().is_empty() || url.password().is_some() => "a password in it would be seen",
        Ok(url) if url.query().is_some() || url.fragment().is_some() => "it goes on behind the path",
        Ok(_) if !is_safe(text) => "it is not encrypted",
        Ok(_) => return,
    };
    // What may have a password in it is not repeated.
    let place = if text.contains('@') { "that URL".to_owned() } else { format!("`{}`", crate::bind::cut(text)) };
    let message = format!("a model cannot be asked at {place}: {wrong}");
    let help = "write the API's base, such as `https://api.openai.com/v1`; http is for a loopback address only, and keys \
                stand in the secret";
    desk.report(spot, Code::ModelUrl, message, help);
}

/// A limit in money holds only for a Model with a price.
pub(super) fn priced(desk: &mut Desk<'_>, spot: &Spot<'_>, model: &Name) {
    if desk.catalog.models.get(model).is_some_and(|model| model.price.is_none()) {
        let message = format!("the money cannot be counted: the Model `{model}` has no price");
        let help =
            "add `price: { input: 3, output: 15 }` to it, in USD for a million tokens; a model of your own costs 0";
        desk.report(spot, Code::NoPrice, message, help);
    }
}

//! Sources.

use super::{Desk, Spot, chat, names::Variables, types::Type};
use crate::{
    model::{AlertMap, Scheme, Source, SourceType},
    problem::Code,
    schema::DocKind,
};

pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, source) in &catalog.sources {
        let spot = Spot::new(DocKind::Source, name);
        if let Some(key) = &source.verify.secret {
            secret_key(desk, &spot.to("verify.secret"), key);
        }
        scheme(desk, &spot, source);
        chat::check(desk, &spot, source);
        match source.source_type {
            SourceType::Webhook => webhook(desk, &spot, source),
            _ => known(desk, &spot, source),
        }
    }
}

/// A sender whose form is known says what its bodies mean by itself.
fn known(desk: &mut Desk<'_>, spot: &Spot<'_>, source: &Source) {
    let extra = [("key", source.key.is_some()), ("map", source.map.is_some())];
    for (key, _) in extra.into_iter().filter(|(_, stands)| *stands) {
        let sender = source.source_type.as_str();
        let message = format!("`{key}` is for `type: webhook`: how `{sender}` names and fills an event is known");
        desk.report(&spot.to(key), Code::KnownSource, message, "leave it out");
    }
}

fn scheme(desk: &mut Desk<'_>, spot: &Spot<'_>, source: &Source) {
    let sender = source.source_type.as_str();
    let ways = source.source_type.schemes();
    let listed: Vec<String> = ways.iter().map(|scheme| format!("`{}`", scheme.as_str())).collect();
    let Some(scheme) = source.scheme() else {
        let help = format!("add `scheme:` with one of {}", listed.join(", "));
        desk.report(
            &spot.to("verify"),
            Code::IncompleteWebhook,
            "a webhook source must say how its requests are verified",
            help,
        );
        return;
    };
    if !ways.contains(&scheme) {
        let message = format!("`{sender}` cannot prove itself by `{}`", scheme.as_str());
        let help = match listed.as_slice() {
            [_] => "leave it out: it has one way, which is known".to_owned(),
            ways => format!("say one of {}, or leave it out for the first", ways.join(", ")),
        };
        desk.report(&spot.to("verify.scheme"), Code::KnownSource, message, help);
        return;
    }
    fields(desk, spot, source, scheme);
    let header = &source.verify.header;
    match (scheme, header) {
        (Scheme::HmacSha256, None) if source.source_type.hmac_header().is_none() => {
            let help = "add `header: X-Hub-Signature-256`, or whatever the sender calls it";
            let message = "`hmac-sha256` needs the header that has the signature";
            desk.report(&spot.to("verify"), Code::SchemeHeader, message, help);
        }
        (Scheme::HmacSha256 | Scheme::Bearer, Some(header)) if !is_token(header) => {
            let message = format!("`{}` is not the name of a header", crate::bind::cut(header));
            desk.report(&spot.to("verify.header"), Code::SchemeHeader, message, "use letters, digits and dashes");
        }
        (Scheme::HmacSha256 | Scheme::Bearer, _) | (_, None) => {}
        (_, Some(_)) => {
            let help = "leave it out: only `hmac-sha256` and `bearer` leave open which header it is";
            let message = format!("`{}` knows by itself where it stands in a request", scheme.as_str());
            desk.report(&spot.to("verify.header"), Code::SchemeHeader, message, help);
        }
    }
}

/// What a scheme needs beside its name, and what it has no use for.
fn fields(desk: &mut Desk<'_>, spot: &Spot<'_>, source: &Source, scheme: Scheme) {
    let word = scheme.as_str();
    let code = Code::VerifyFields;
    match &source.verify.secret {
        None if scheme.needs_secret() => {
            let message = format!("`{word}` needs the key of the secret that the sender knows");
            desk.report(&spot.to("verify"), code, message, "add `secret: <key>`; the value stands in the secret");
        }
        Some(_) if !scheme.needs_secret() => {
            let message = format!("`{word}` proves the sender without a secret");
            desk.report(&spot.to("verify.secret"), code, message, "leave it out");
        }
        _ => {}
    }
    match (scheme, source.verify.topics.is_empty()) {
        (Scheme::Sns, true) => {
            let help = "add `topics: [arn:aws:sns:...]`, or say `scheme: iam` for what comes by EventBridge or from the \
                        alarm itself";
            let message = "SNS signs for everybody's topics, so yours must be named";
            desk.report(&spot.to("verify"), code, message, help);
        }
        (Scheme::Sns, false) | (_, true) => {}
        (_, false) => {
            let message = format!("`topics` are for `sns`, and this source is proven by `{word}`");
            desk.report(&spot.to("verify.topics"), code, message, "leave them out");
        }
    }
    let iam = |other: &&Source| other.source_type == source.source_type && other.scheme() == Some(Scheme::Iam);
    let first = desk.catalog.sources.values().find(iam).map(|first| first.name.clone());
    if let (Scheme::Iam, Some(first)) = (scheme, first.filter(|first| *first != source.name)) {
        let message = format!("`{first}` takes all that comes without a URL, so nothing would reach this source");
        desk.report(&spot.to("verify.scheme"), code, message, "keep one of the two, and tell alarms apart in `when`");
    }
}

fn webhook(desk: &mut Desk<'_>, spot: &Spot<'_>, source: &Source) {
    let variables = Variables::new([("body", Type::Any), ("headers", Type::Free(Box::new(Type::Text)))]);
    if let Some(key) = &source.key {
        let body = Variables::new([("body", Type::Any)]);
        desk.expression(&spot.to("key"), key, &body);
    }
    let Some(map) = &source.map else {
        let help = "add `map: { external_id: body.id, title: body.title }`; each is CEL over `body` and `headers`";
        desk.report(spot, Code::IncompleteWebhook, "a webhook source must say what the fields of its body mean", help);
        return;
    };
    let AlertMap { external_id, title, event, description, severity, service, labels, link, started_at } = map;
    let text = [
        ("external_id", Some(external_id)),
        ("title", Some(title)),
        ("event", event.as_ref()),
        ("description", description.as_ref()),
        ("severity", severity.as_ref()),
        ("service", service.as_ref()),
        ("link", link.as_ref()),
    ];
    let labels = ("labels", labels.as_ref(), Type::Free(Box::new(Type::Any)));
    // A text or a number.
    let started_at = ("started_at", started_at.as_ref(), Type::Any);
    for (key, expression, wanted) in
        text.map(|(key, expression)| (key, expression, Type::Text)).into_iter().chain([labels, started_at])
    {
        let Some(expression) = expression else { continue };
        let spot = spot.to("map").key(key);
        let gives = desk.expression(&spot, expression, &variables).and_then(|named| named.gives);
        if let Some(gives) = gives.filter(|gives| !gives.fits(&wanted)) {
            let message = format!("`{key}` must be {}, and this is {}", wanted.what(), gives.what());
            let help = if wanted == Type::Text { "put it into `string(...)`" } else { "name a map of the body" };
            desk.report(&spot, Code::TypeMismatch, message, help);
        }
    }
}

/// The name of an HTTP header.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The name of a key within the secret.
pub(super) fn secret_key(desk: &mut Desk<'_>, spot: &Spot<'_>, key: &str) {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if key.is_empty() || !key.bytes().all(legal) {
        // Not repeated: it may be the secret itself.
        let help = "use letters, digits, `-` and `_`; the value itself stands in the secret, never here";
        desk.report(spot, Code::SecretKey, "this is not the name of a key in the secret", help);
    }
}

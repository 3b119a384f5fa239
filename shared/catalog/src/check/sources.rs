//! Sources.

use super::{Desk, Spot, names::Variables, types::Type};
use crate::{
    model::{AlertMap, Scheme, Source, SourceType},
    problem::Code,
    schema::DocKind,
};

pub(super) fn check(desk: &mut Desk<'_>) {
    let catalog = desk.catalog;
    for (name, source) in &catalog.sources {
        let spot = Spot::new(DocKind::Source, name);
        secret_key(desk, &spot.to("verify.secret"), &source.verify.secret);
        match source.source_type {
            SourceType::Pagerduty => pagerduty(desk, &spot, source),
            SourceType::Webhook => webhook(desk, &spot, source),
        }
    }
}

fn pagerduty(desk: &mut Desk<'_>, spot: &Spot<'_>, source: &Source) {
    let extra = [
        ("verify.scheme", source.verify.scheme.is_some()),
        ("verify.header", source.verify.header.is_some()),
        ("key", source.key.is_some()),
        ("map", source.map.is_some()),
    ];
    for (key, _) in extra.into_iter().filter(|(_, stands)| *stands) {
        let message = format!("`{key}` is for `type: webhook`: how PagerDuty signs, names and fills an event is known");
        desk.report(&spot.to(key), Code::PagerDutySource, message, "leave it out");
    }
}

fn webhook(desk: &mut Desk<'_>, spot: &Spot<'_>, source: &Source) {
    match (source.verify.scheme, &source.verify.header) {
        (None, _) => {
            let help = "add `scheme: standard-webhooks`, `hmac-sha256` or `bearer`";
            let message = "a webhook source must say how its requests are verified";
            desk.report(&spot.to("verify"), Code::IncompleteWebhook, message, help);
        }
        (Some(Scheme::HmacSha256), None) => {
            let help = "add `header: X-Hub-Signature-256`, or whatever the sender calls it";
            desk.report(
                &spot.to("verify"),
                Code::HmacHeader,
                "`hmac-sha256` needs the header that has the signature",
                help,
            );
        }
        (Some(Scheme::StandardWebhooks), Some(_)) => {
            let help = "leave it out: its headers are webhook-id, webhook-timestamp and webhook-signature";
            desk.report(
                &spot.to("verify.header"),
                Code::HmacHeader,
                "`standard-webhooks` names its headers itself",
                help,
            );
        }
        (_, Some(header)) if !is_token(header) => {
            let message = format!("`{}` is not the name of a header", crate::bind::cut(header));
            desk.report(&spot.to("verify.header"), Code::HmacHeader, message, "use letters, digits and dashes");
        }
        _ => {}
    }
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
        ("started_at", started_at.as_ref()),
    ];
    let labels = ("labels", labels.as_ref(), Type::Free(Box::new(Type::Any)));
    for (key, expression, wanted) in
        text.map(|(key, expression)| (key, expression, Type::Text)).into_iter().chain([labels])
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
fn is_token(text: &str) -> bool {
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

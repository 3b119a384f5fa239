//! What a preview says is what is sent: of each kind of outlet, the preview beside the request that then came.

use domain::{OutletSpec, PagerDutySpec, SlackSpec, Target, WebhookSpec};
use inbox::{Arrival, Endpoint, Inbox, Moment, Service};
use schemars::schema_for;
use serde_json::Value;

use super::{common, inbox, keys, open, post, views};
use crate::Post;

/// The one request by which a post was made.
fn sent(inbox: &Inbox, endpoint: Endpoint) -> Arrival {
    let arrived = |request: &Arrival| request.endpoint == endpoint && request.moment == Moment::Arrived;
    let requests: Vec<Arrival> = inbox.requests().into_iter().filter(arrived).collect();
    assert_eq!(requests.len(), 1, "{endpoint:?}");
    requests.into_iter().next().unwrap()
}

/// The body of the request is the preview's, and so is what its headers say; what proves the sender is only named there.
fn compare(post: &Post<'_>, request: &Arrival) {
    let kind = post.target.spec.outlet.kind();
    let preview = crate::preview(post).unwrap();
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(preview.body, body, "{kind}");
    for (name, value) in &preview.headers {
        let came =
            request.headers.get(&name.to_lowercase()).unwrap_or_else(|| panic!("{kind}: no {name}: {request:?}"));
        if !value.contains("signed with") {
            assert_eq!(value, came, "{kind}: {name}");
        }
    }
    let says = |name: &str| name == "from" || name.starts_with("webhook-");
    let known = |name: &str| preview.headers.iter().any(|(header, _)| header.to_lowercase() == name);
    let unsaid: Vec<&String> = request.headers.keys().filter(|name| says(name) && !known(name)).collect();
    assert!(unsaid.is_empty(), "{kind}: {unsaid:?}");
}

#[tokio::test]
async fn i4_each_outlet_sends_what_its_preview_shows() {
    let mut kinds = Vec::new();
    for subject in common::subjects().await {
        let (outlet, view) = (subject.open().await, common::view());
        let post = post(&view, &subject.target);
        outlet.post(&post).await.unwrap();
        compare(&post, &sent(&subject.inbox, Endpoint::Post(subject.service)));
        kinds.push(subject.target.spec.outlet.kind());
    }
    let inbox = inbox().await;
    let (url, secret) = (inbox.webhook("team"), "hook-key".to_owned());
    let from = Some("firstlook@example.com".to_owned());
    for (spec, endpoint) in [
        (OutletSpec::Slack(SlackSpec::channel("#checkout-oncall")), Endpoint::SlackPost),
        (OutletSpec::PagerDuty(PagerDutySpec { note: true, from }), Endpoint::PagerDutyPost),
        (OutletSpec::Webhook(WebhookSpec { url, secret }), Endpoint::Webhook),
    ] {
        let (view, target): (_, Target) = (views::concluded(), views::target(spec));
        let outlet = open(&inbox, keys(), &target.spec.outlet).await.unwrap();
        let post = post(&view, &target);
        outlet.post(&post).await.unwrap();
        compare(&post, &sent(&inbox, endpoint));
        kinds.push(target.spec.outlet.kind());
    }
    let all = schema_for!(OutletSpec);
    let all = all.get("oneOf").and_then(Value::as_array).unwrap();
    assert_eq!(kinds.len(), all.len(), "{kinds:?}: a kind is left out");
    assert_eq!(inbox.posts().iter().filter(|post| post.service == Service::Slack).count(), 1);
}

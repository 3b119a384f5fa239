use jiff::Timestamp;
use net::NotReached;
use ports::SetupCheck;

use crate::webhook::Webhook;

pub(crate) async fn check(outlet: &Webhook, _: Timestamp) -> Vec<SetupCheck> {
    let what = format!("the receiver {}", net::where_to(&outlet.url));
    let certificate = if outlet.url.scheme() == "https" { ", and its certificate is good" } else { "" };
    vec![match outlet.http.reach(&outlet.url).await {
        Ok(()) => SetupCheck::ok(format!("{what} takes connections{certificate}")),
        Err(NotReached::NoConnection { why, .. }) => SetupCheck::unreachable(what, why),
        Err(NotReached::NoTls { why, .. }) => SetupCheck::mend(what, format!("{why}: mend the receiver's TLS")),
    }]
}

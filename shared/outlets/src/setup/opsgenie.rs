//! Source: Opsgenie's OpenAPI document, `GET /v2/alerts`.

use http::header;
use jiff::Timestamp;
use ports::SetupCheck;

use super::{Unread, read};
use crate::{opsgenie::Opsgenie, place::under};

pub(crate) async fn check(outlet: &Opsgenie, _: Timestamp) -> Vec<SetupCheck> {
    match alerts(outlet).await {
        Ok(()) => vec![
            SetupCheck::ok("the key is taken and reads alerts"),
            SetupCheck::cannot_tell(format!(
                "whether the key may add notes: {} says that only when one is added",
                outlet.who
            )),
        ],
        Err(unread) => vec![unread.about("the key")],
    }
}

async fn alerts(outlet: &Opsgenie) -> Result<(), Unread> {
    let mut url = under(&outlet.base, ["v2", "alerts"])?;
    url.query_pairs_mut().append_pair("limit", "1");
    let read = read(&outlet.api, outlet.who, &url, &["/message"], |http, key| {
        let key = outlet.api.header(format!("GenieKey {}", key.expose()))?;
        Ok(http.get(&url).header(header::AUTHORIZATION, key))
    })
    .await?;
    read.or(|status| match status.as_u16() {
        402 => "the account's plan has no such API".to_owned(),
        _ => format!(
            "put the key of an API integration that may create and read under `{}` in the secret; in the EU, `api` of the target is \
             https://api.eu.opsgenie.com",
            outlet.api.name()
        ),
    })
    .map(drop)
}

//! How calls prove themselves.

use std::collections::BTreeMap;

use super::{
    Desk, Spot,
    sources::{is_token, secret_key},
};
use crate::{
    expr::Template,
    headers::{ROUTING, refused_header},
    model::{Auth, AuthForm},
    problem::Code,
};

/// Looks at `auth` of the call at `spot`, which sends these `headers` too.
pub(super) fn check(desk: &mut Desk<'_>, spot: &Spot<'_>, auth: Option<&Auth>, headers: &BTreeMap<String, Template>) {
    let Some(auth) = auth else { return };
    let spot = spot.to("auth");
    let Some(form) = auth.form() else {
        let help = "write `{ bearer: KEY }`, `{ basic: KEY }`, or `{ header: NAME, secret: KEY }`";
        desk.report(&spot, Code::BadValue, "the call must prove itself in one way", help);
        return;
    };
    let key = match form {
        AuthForm::Bearer(_) => "bearer",
        AuthForm::Basic(_) => "basic",
        AuthForm::Header(name, _) => {
            let lower = name.to_ascii_lowercase();
            if !is_token(name) || ROUTING.contains(&lower.as_str()) || refused_header(name).is_some() {
                let message = format!("`{}` is not a header that can have a secret", crate::bind::cut(name));
                desk.report(&spot.to("header"), Code::BadValue, message, "write one such as `X-Api-Key`");
            }
            "secret"
        }
    };
    secret_key(desk, &spot.to(key), form.key());
    if let Some((header, _)) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(form.header())) {
        let message = format!("`auth` sets the header `{}`, which stands in `headers` too", crate::bind::cut(header));
        desk.report(&spot, Code::BadValue, message, "take it out of `headers`");
    }
}

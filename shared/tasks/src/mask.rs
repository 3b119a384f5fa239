//! What a recorded call does not show (I9).

use url::Url;

const MASK: &str = "***";

/// A URL as it may be shown: without the user, the fragment, and the values of what is named like a secret in the query.
pub(crate) fn url(url: &Url) -> String {
    let mut shown = url.clone();
    if !shown.username().is_empty() || shown.password().is_some() {
        // These fail only where a URL can have no user, and then it has none.
        let _ = shown.set_password(None);
        let _ = shown.set_username(MASK);
    }
    shown.set_fragment(None);
    let query = shown.query().map(|query| query.split('&').map(pair).collect::<Vec<_>>().join("&"));
    shown.set_query(query.as_deref());
    shown.into()
}

/// The same for text that should be a URL.
pub(crate) fn url_text(text: &str) -> String {
    text.trim().parse().map_or_else(|_| "(not a URL)".to_owned(), |parsed| url(&parsed))
}

fn pair(pair: &str) -> String {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    let decoded: String = form_urlencoded::parse(name.as_bytes()).map(|(name, _)| name.to_lowercase()).collect();
    if is_secret(&decoded) && name.len() < pair.len() { format!("{name}={MASK}") } else { pair.to_owned() }
}

/// Whether what has this name, in lower case, is like a secret. Rather one too many.
fn is_secret(name: &str) -> bool {
    ["token", "key", "secret", "sig", "passw", "pwd", "auth", "credential", "session", "jwt"]
        .iter()
        .any(|part| name.contains(part))
        || matches!(name, "pass" | "code" | "sid")
}

/// The value of a response's header as it may be shown, by its name in lower case.
pub(crate) fn header(name: &str, value: &str) -> String {
    let secret =
        ["cookie", "token", "secret", "passw", "api-key", "apikey", "session", "csrf", "credential", "signature"]
            .iter()
            .any(|part| name.contains(part))
            || matches!(name, "authorization" | "proxy-authorization" | "authentication-info");
    match name {
        _ if secret => MASK.to_owned(),
        "location" | "content-location" | "refresh" | "link" => match value.parse::<Url>() {
            Ok(parsed) => url(&parsed),
            // A relative one, or several: only the query could have a secret in it.
            Err(_) => match value.split_once('?') {
                Some((path, query)) => format!("{path}?{}", query.split('&').map(pair).collect::<Vec<_>>().join("&")),
                None => value.to_owned(),
            },
        },
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i9_a_url_shows_no_secret() {
        for (given, shown) in [
            ("https://a.example/x?y=1&z=%20#f", "https://a.example/x?y=1&z=%20"),
            ("https://user:hunter2@a.example/", "https://***@a.example/"),
            ("https://hunter2@a.example/", "https://***@a.example/"),
            ("https://a.example/?token=hunter2&x=1", "https://a.example/?token=***&x=1"),
            ("https://a.example/?X-Amz-Signature=hunter2", "https://a.example/?X-Amz-Signature=***"),
            ("https://a.example/?api%5Fkey=hunter2", "https://a.example/?api%5Fkey=***"),
            ("https://a.example/?%74oken=hunter2=hunter2", "https://a.example/?%74oken=***"),
            ("https://a.example/?key", "https://a.example/?key"),
            ("https://a.example/?code=hunter2&country_code=49", "https://a.example/?code=***&country_code=49"),
        ] {
            assert_eq!(url_text(given), shown);
        }
        assert_eq!(url_text("hunter2"), "(not a URL)");
    }

    #[test]
    fn i9_a_header_shows_no_secret() {
        assert_eq!(header("set-cookie", "session=hunter2"), "***");
        assert_eq!(header("x-auth-token", "hunter2"), "***");
        assert_eq!(header("location", "https://a.example/?token=hunter2"), "https://a.example/?token=***");
        assert_eq!(header("location", "/login?next=/&token=hunter2"), "/login?next=/&token=***");
        assert_eq!(header("www-authenticate", "Basic realm=\"ops\""), "Basic realm=\"ops\"");
        assert_eq!(header("server", "nginx"), "nginx");
    }
}

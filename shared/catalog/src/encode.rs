//! Values within a URL: each is one piece of it.

use std::borrow::Cow;

use crate::expr::{ExprError, Part, Scope, Template};

/// `value` percent-encoded, so that it adds no segment, no query, no fragment and no host: only ASCII letters and
/// digits, `-`, `_`, `~`, and dots beside other characters stay as they are.
///
/// A value of dots alone becomes `%252E` for each: a URL reads `%2E%2E` as `..`, a way up
/// ([WHATWG URL](https://url.spec.whatwg.org/#double-dot-path-segment)).
#[must_use]
pub fn encoded(value: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'.');
    if value.bytes().all(|byte| byte == b'.') {
        return if value.is_empty() { Cow::Borrowed(value) } else { Cow::Owned("%252E".repeat(value.len())) };
    }
    if value.bytes().all(plain) {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        if plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    Cow::Owned(text)
}

/// The value of a URL parameter. One `${{ CEL }}` and nothing else is a URL already; in any other text each value behind
/// the host is one [`encoded`] piece. Those before its end are whole: the check lets only the catalog's own stand there.
pub(crate) fn url(template: &Template, scope: &Scope) -> Result<serde_json::Value, ExprError> {
    let parts = template.parts()?;
    if parts.len() < 2 {
        return template.value(scope);
    }
    let behind = behind_host(parts);
    let escape = |place: usize, value: &str| match place >= behind {
        true => encoded(value).into_owned(),
        false => value.to_owned(),
    };
    template.render_each(scope, escape).map(serde_json::Value::String)
}

/// The place of the first part that comes after the text which ends the host, by what is written and not by values.
fn behind_host(parts: &[Part]) -> usize {
    let mut begin = String::new();
    for (place, part) in parts.iter().enumerate() {
        match part {
            Part::Text(text) => begin.push_str(text),
            // A URL that begins with a value has its scheme and host from it.
            Part::Value(_) if place == 0 => begin.push_str("x://x"),
            Part::Value(_) => begin.push('x'),
        }
        if begin.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?', '#'])) {
            return place + 1;
        }
    }
    parts.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i8_a_value_is_one_piece_of_a_path() {
        for (value, wanted) in [
            ("shop-a_1~b", "shop-a_1~b"),
            ("v1.2", "v1.2"),
            ("../admin", "..%2Fadmin"),
            ("a?x=1#y@z:8", "a%3Fx%3D1%23y%40z%3A8"),
            ("%2e", "%252e"),
            ("", ""),
        ] {
            assert_eq!(encoded(value), wanted);
        }
        for value in [".", "..", "%2e%2E", "../..", "a/../..", "\\..\\", "?", "#", "é\n"] {
            let url = url::Url::parse(&format!("https://a.internal/one/{}/two", encoded(value))).unwrap();
            let segments: Vec<&str> = url.path_segments().unwrap().collect();
            assert_eq!((segments.len(), segments[0], segments[2]), (3, "one", "two"), "{value:?}: {url}");
            assert_eq!((url.query(), url.fragment(), url.host_str()), (None, None, Some("a.internal")), "{value:?}");
        }
    }
}

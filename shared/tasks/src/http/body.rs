//! A body as evidence.

use net::Body;
use serde_json::Value;

use super::BODY_CAP;
use crate::common::{one_line, whole_numbers};

/// The body as text, or what it is where it is not text.
pub(crate) fn text(body: &Body, content_type: &str) -> String {
    let bytes = body.bytes.as_slice();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        // The cap fell into the middle of a character.
        Err(error) if body.more && error.error_len().is_none() => {
            bytes.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())
        }
        Err(_) => None,
    };
    match text {
        Some(text) if !text.contains('\0') => text.to_owned(),
        _ if is_text(content_type) => {
            let mut text = String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}");
            // What stands for a byte that is no text takes three.
            text.truncate(text.floor_char_boundary(BODY_CAP));
            text
        }
        _ => {
            let size = match body.length {
                Some(length) => format!("{length} bytes"),
                None => format!("more than {BODY_CAP} bytes"),
            };
            let kind = if content_type.is_empty() { "unknown type".to_owned() } else { one_line(content_type, 100) };
            format!("(binary: {size}, {kind})")
        }
    }
}

fn is_text(content_type: &str) -> bool {
    let content_type = content_type.to_lowercase();
    content_type.starts_with("text/")
        || ["json", "xml", "javascript", "yaml", "charset="].iter().any(|part| content_type.contains(part))
}

/// The body as JSON, numbers whole where they are whole; null when it is not JSON, or not all of it was read.
pub(crate) fn json(body: &Body) -> Value {
    if body.more {
        return Value::Null;
    }
    serde_json::from_slice(&body.bytes).map_or(Value::Null, whole_numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn body(bytes: &[u8], more: bool) -> Body {
        Body { bytes: bytes.to_vec(), more, length: (!more).then_some(bytes.len() as u64) }
    }

    #[test]
    fn text_is_kept_and_what_is_not_text_is_described() {
        assert_eq!(text(&body("grün".as_bytes(), false), ""), "grün");
        assert_eq!(text(&body(b"", false), "image/png"), "");
        assert_eq!(text(&body(b"\x89PNG\r\n\x1a\n\0", false), "image/png"), "(binary: 9 bytes, image/png)");
        assert_eq!(text(&body(b"\0\x01", false), ""), "(binary: 2 bytes, unknown type)");
        assert_eq!(text(&body(b"\xff\xfe", true), "x\ny"), "(binary: more than 65536 bytes, x y)");
        // Latin-1 that says it is text is read as far as it goes.
        assert_eq!(text(&body(b"gr\xfcn", false), "text/html; charset=iso-8859-1"), "gr\u{fffd}n");
        // Cut in the middle of a character.
        assert_eq!(text(&body(b"gr\xc3", true), "application/octet-stream"), "gr");
        assert_eq!(
            text(&body(b"gr\xc3", false), "application/octet-stream"),
            "(binary: 3 bytes, application/octet-stream)"
        );
    }

    #[test]
    fn json_is_parsed_when_all_of_it_is_there() {
        assert_eq!(json(&body(br#"{"depth": 12.0, "rate": 0.5}"#, false)).to_string(), r#"{"depth":12,"rate":0.5}"#);
        assert_eq!(json(&body(b"[1]", true)), Value::Null);
        assert_eq!(json(&body(b"<html>", false)), Value::Null);
        assert_eq!(json(&body("[".repeat(100_000).as_bytes(), false)), Value::Null);
        assert_eq!(json(&body(b"", false)), json!(null));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>, more: bool, content_type: String) {
            let body = body(&bytes, more);
            let shown = text(&body, &content_type);
            prop_assert!(shown.len() <= BODY_CAP.max(500));
            prop_assert!(!shown.contains('\0'));
            json(&body);
        }

        #[test]
        fn a_cut_text_is_a_beginning_of_it(whole in "\\PC{0,50}", cut in 0usize..200) {
            let bytes = whole.as_bytes();
            let cut = cut.min(bytes.len());
            let shown = text(&body(&bytes[..cut], true), "text/plain");
            prop_assert!(whole.starts_with(&shown));
            prop_assert!(cut - shown.len() < 4);
        }
    }
}

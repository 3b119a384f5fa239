//! Texts of senders, cut to size. The caps bound a message on the queue: whatever a sender writes, an event with its
//! alert and its raw part stays below the 1 MiB that SQS takes.

use domain::Link;

/// Titles, summaries and label values, in bytes.
pub(crate) const LINE_CAP: usize = 1024;
/// Descriptions, in bytes.
pub(crate) const BLOCK_CAP: usize = 16 * 1024;
/// Ids that must stay whole, in bytes: what is longer is not taken, since half an id is another id.
pub(crate) const ID_CAP: usize = 512;
/// Names of services, teams, labels and kinds, in bytes.
pub(crate) const NAME_CAP: usize = 256;
/// Addresses of pages, in bytes.
const URL_CAP: usize = 2048;

/// One line of at most `cap` bytes: every run of white space and control characters is one space, and `…` stands where
/// it was cut.
pub(crate) fn line(text: &str, cap: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > cap {
            break;
        }
    }
    cut(line, cap)
}

/// Several lines of at most `cap` bytes, without control characters but for tabs and line ends.
pub(crate) fn block(text: &str, cap: usize) -> String {
    let visible = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    // A little more than fits, so that `cut` sees that there is more.
    let end = text.floor_char_boundary(cap.saturating_mul(2));
    let kept: String = text.get(..end).unwrap_or_default().chars().filter(visible).collect();
    cut(kept.trim().to_owned(), cap)
}

fn cut(mut text: String, cap: usize) -> String {
    const MARK: &str = "…";
    if text.len() > cap {
        text.truncate(text.floor_char_boundary(cap.saturating_sub(MARK.len())));
        text.push_str(MARK);
    }
    text
}

/// An id exactly as the sender wrote it, or why it cannot be one.
pub(crate) fn id(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        Err("is empty")
    } else if text.len() > ID_CAP {
        Err("is longer than 512 bytes")
    } else if text.chars().any(char::is_control) {
        Err("holds control characters")
    } else {
        Ok(text.to_owned())
    }
}

/// A link to a web page, or nothing when it is not one: `javascript:` has no business in a chat.
pub(crate) fn link(title: &str, url: &str) -> Option<Link> {
    let web = url.starts_with("https://") || url.starts_with("http://");
    let plain = url.len() <= URL_CAP && !url.chars().any(|c| c.is_control() || c.is_whitespace());
    (web && plain).then(|| Link { title: title.to_owned(), url: url.to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line(" a\r\n\tb\u{0}c  ", 99), "a b c");
        assert_eq!(line("abcdefghij", 9), "abcdef…");
        assert_eq!(line("äöü", 5), "ä…");
    }

    #[test]
    fn an_id_is_whole_or_nothing() {
        assert_eq!(id("Q1 x").as_deref(), Ok("Q1 x"));
        for bad in ["", "  ", "a\nb", &"x".repeat(513)] {
            assert!(id(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_web_pages_are_links() {
        assert!(link("t", "https://example.com/a?b=c").is_some());
        for bad in ["javascript:alert(1)", "ftp://x", "https://a b", "https://a\nb", ""] {
            assert!(link("t", bad).is_none(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn texts_keep_their_caps(text: String, cap in 3_usize..64) {
            prop_assert!(line(&text, cap).len() <= cap);
            prop_assert!(block(&text, cap).len() <= cap);
            prop_assert!(!line(&text, cap).chars().any(char::is_control));
        }
    }
}

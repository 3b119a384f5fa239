//! Untrusted text on its way to people.

/// `text` on one line: every run of white space and control characters is one space.
pub(crate) fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !steers(*c)));
    }
    line
}

/// `text` with its lines, each as [`line`] has it; empty ones are left out.
pub(crate) fn lines(text: &str) -> String {
    text.lines().map(line).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Invisible characters that change the order or the look of what stands around them, so that a text could make ours
/// read differently: directional marks, embeddings, overrides, isolates, and the byte order mark. Right-to-left letters
/// need none of them.
fn steers(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}')
}

/// How much of a limit a character uses up.
pub(crate) type Cost = fn(char) -> usize;

/// Says that something is missing.
const MORE: &str = " …";

/// `text`, or as much of it as costs at most `most`: up to the last whole sentence if that is at least half of it, else
/// the last whole word, then `…`. The flag says whether something is missing.
pub(crate) fn cut(text: &str, most: usize, cost: Cost) -> (String, bool) {
    if weight(text, cost) <= most {
        return (text.to_owned(), false);
    }
    let room = most.saturating_sub(weight(MORE, cost));
    let mut used = 0;
    let end = text
        .char_indices()
        .find(|(_, c)| {
            used += cost(*c);
            used > room
        })
        .map_or(text.len(), |(at, _)| at);
    let kept = text.get(..end).unwrap_or_default();
    let rest = text.get(end..).unwrap_or_default();
    let sentence = kept
        .char_indices()
        .filter(|(_, c)| matches!(c, '.' | '!' | '?' | '。' | '\n'))
        .map(|(at, c)| at + c.len_utf8())
        .rfind(|at| {
            let next = kept.get(*at..).and_then(|rest| rest.chars().next()).or_else(|| rest.chars().next());
            next.is_none_or(char::is_whitespace) || kept.get(..*at).is_some_and(|kept| kept.ends_with(['\n', '。']))
        })
        .filter(|at| at * 2 >= end);
    let word = kept.rfind(char::is_whitespace).filter(|at| at * 2 >= end);
    let kept = kept.get(..sentence.or(word).unwrap_or(end)).unwrap_or_default();
    (format!("{}{MORE}", kept.trim_end()), true)
}

/// What `text` costs.
pub(crate) fn weight(text: &str, cost: Cost) -> usize {
    text.chars().map(cost).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(_: char) -> usize {
        1
    }

    #[test]
    fn a_line_is_one_line_and_reads_in_its_own_order() {
        assert_eq!(line(" a\r\n\tb\u{0}c "), "a b c");
        assert_eq!(line("safe\u{202E}txt.exe \u{2066}x"), "safetxt.exe x");
        assert_eq!(line("תקלה: שירות"), "תקלה: שירות");
        assert_eq!(lines("a\n\n b \r\nc"), "a\nb\nc");
    }

    #[test]
    fn a_cut_is_made_at_a_sentence_else_at_a_word() {
        assert_eq!(cut("One. Two is long. Three", 19, one), ("One. Two is long. …".to_owned(), true));
        assert_eq!(cut("Version 1.2.3 is broken here", 20, one), ("Version 1.2.3 is …".to_owned(), true));
        assert_eq!(cut("aaaaaaaaaa", 6, one), ("aaaa …".to_owned(), true));
        assert_eq!(cut("fits", 4, one), ("fits".to_owned(), false));
    }

    proptest! {
        #[test]
        fn a_cut_keeps_the_limit(text in "\\PC{0,80}", most in 2_usize..60) {
            let (kept, missing) = cut(&text, most, char::len_utf16);
            prop_assert!(weight(&kept, char::len_utf16) <= most);
            prop_assert_eq!(missing, kept != text);
        }
    }
}

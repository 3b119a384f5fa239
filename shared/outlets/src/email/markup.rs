//! Text on its way into HTML that mail programs show.

use maud::{Markup, PreEscaped, Render, html};

/// `text`, escaped, in which no mail program finds an address to make a link of: what looks like one is in several elements. What
/// is copied out of it is the text itself.
pub(crate) fn unlinked(text: &str) -> Markup {
    let mut markup = String::with_capacity(text.len() + 32);
    let mut plain = String::new();
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        let joins = match c {
            // `evil.example`, `12.5` not.
            '.' => before.is_alphanumeric() && next.is_alphabetic(),
            '@' => !before.is_whitespace() && !next.is_whitespace(),
            // `https://`, `mailto:x`, `tel:1`.
            ':' => before.is_alphabetic() && (next == '/' || next.is_alphanumeric()),
            _ => false,
        };
        if joins {
            plain.as_str().render_to(&mut markup);
            plain.clear();
            markup.push_str("<span>");
            markup.push(c);
            markup.push_str("</span>");
        } else {
            plain.push(c);
        }
        before = c;
    }
    plain.as_str().render_to(&mut markup);
    PreEscaped(markup)
}

/// `text` with its line breaks.
pub(crate) fn broken(text: &str) -> Markup {
    html! {
        @for (at, line) in text.lines().enumerate() {
            @if at > 0 { br; }
            (unlinked(line))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a reader sees of it, and the texts of its elements.
    fn read(markup: &str) -> (String, Vec<String>) {
        let texts: Vec<String> = markup
            .split('<')
            .map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text))
            .map(|text| text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
            .collect();
        (texts.concat(), texts)
    }

    #[test]
    fn what_looks_like_an_address_is_in_several_elements() {
        for text in
            ["see https://evil.example/x?a=1&b=2", "write to a@evil.example", "www.evil.example", "mailto:a@b.example"]
        {
            let markup = unlinked(text).into_string();
            let (whole, texts) = read(&markup);
            assert_eq!(whole, text);
            assert!(texts.iter().all(|text| !text.contains("://") && !text.contains(".e")), "{texts:?}");
            assert!(texts.iter().all(|text| text == "@" || !text.contains('@')), "{texts:?}");
        }
        assert_eq!(unlinked("took 12.5 s at 08:00 <b>").into_string(), "took 12.5 s at 08:00 &lt;b&gt;");
    }

    proptest! {
        #[test]
        fn any_text_reads_as_itself(text in "\\PC{0,80}") {
            let markup = unlinked(&text).into_string();
            prop_assert_eq!(read(&markup).0, text);
            let tags = markup.matches('<').count();
            prop_assert_eq!(markup.matches("<span>").count() + markup.matches("</span>").count(), tags);
        }
    }
}

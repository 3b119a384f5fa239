//! Slack's markup as HTML (source: docs.slack.dev/messaging/formatting-message-text). Whatever the text is, what comes out is
//! well-formed, holds no tag but those below, and links to nothing but `http`, `https` and `mailto`.

use maud::{Markup, PreEscaped, Render, html};

/// The text of an `mrkdwn` object.
#[must_use]
pub fn drawn(text: &str) -> Markup {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("```") {
        let Some((code, after)) = after.split_once("```") else { break };
        lines(before, &mut out);
        out.push_str("<pre>");
        literal(code.trim_matches('\n'), &mut out);
        out.push_str("</pre>");
        rest = after;
    }
    lines(rest, &mut out);
    PreEscaped(out)
}

/// The text of a `plain_text` object: nothing in it is markup, but its three escapes are read.
#[must_use]
pub fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn literal(text: &str, out: &mut String) {
    plain(text).render_to(out);
}

fn lines(text: &str, out: &mut String) {
    let mut quoted = false;
    let mut whole = false;
    let text = text.strip_prefix('\n').unwrap_or(text);
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if text.is_empty() {
            break;
        }
        let quote = line.strip_prefix("&gt;&gt;&gt;").inspect(|_| whole = true).or_else(|| line.strip_prefix("&gt;"));
        let inside = quote.is_some() || whole;
        if inside != quoted {
            out.push_str(if inside { "<blockquote>" } else { "</blockquote>" });
            quoted = inside;
        }
        let line = quote.map_or(line, str::trim_start);
        let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let numbered = digits.len() < line.len() && digits.starts_with(". ");
        let hangs = line.starts_with("• ") || line.starts_with("- ") || numbered;
        out.push_str(if hangs { "<div class=\"hangs\">" } else { "<div>" });
        let chars: Vec<char> = line.chars().collect();
        inline(&chars, 0, out);
        out.push_str("</div>");
    }
    if quoted {
        out.push_str("</blockquote>");
    }
}

/// The markers, each a bit of what is open already, and their elements.
const MARKERS: [(char, u8, &str); 3] = [('*', 1, "b"), ('_', 2, "i"), ('~', 4, "s")];

/// A line, in which the markers of `open` are not looked for any more: they do not nest in themselves. So it goes three deep.
fn inline(line: &[char], open: u8, out: &mut String) {
    let mut open = open;
    let mut plain = String::new();
    let mut at = 0;
    while let Some(&c) = line.get(at) {
        let rest = line.get(at + 1..).unwrap_or_default();
        let found = match c {
            '`' => rest.iter().position(|other| *other == '`').filter(|end| *end > 0).map(|end| {
                let mut code = "<code>".to_owned();
                literal(&text(rest.get(..end)), &mut code);
                (code + "</code>", end + 2)
            }),
            '<' => rest
                .iter()
                .position(|other| *other == '>')
                .filter(|end| *end > 0)
                .map(|end| (reference(&text(rest.get(..end))).into_string(), end + 2)),
            _ => MARKERS.iter().find(|(marker, bit, _)| *marker == c && open & bit == 0).and_then(|(_, bit, tag)| {
                if !may_open(line, at) {
                    return None;
                }
                match closing(rest, c) {
                    Some(end) => {
                        let mut inner = format!("<{tag}>");
                        inline(rest.get(..end).unwrap_or_default(), open | bit, &mut inner);
                        Some((format!("{inner}</{tag}>"), end + 2))
                    }
                    None => {
                        // Nor does a later one of this line find its end.
                        open |= bit;
                        None
                    }
                }
            }),
        };
        match found {
            Some((markup, length)) => {
                literal(&plain, out);
                plain.clear();
                out.push_str(&markup);
                at += length;
            }
            None => {
                plain.push(c);
                at += 1;
            }
        }
    }
    literal(&plain, out);
}

fn text(chars: Option<&[char]>) -> String {
    chars.unwrap_or_default().iter().collect()
}

/// A marker opens at a word's beginning.
fn may_open(line: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| line.get(before));
    let next = line.get(at + 1);
    before.is_none_or(|c| !c.is_alphanumeric()) && next.is_some_and(|c| !c.is_whitespace() && Some(c) != line.get(at))
}

/// Where a marker closes: at a word's end, and not in code.
fn closing(rest: &[char], marker: char) -> Option<usize> {
    let mut code = false;
    for (at, &c) in rest.iter().enumerate() {
        if c == '`' {
            code = !code;
        }
        let before = at.checked_sub(1).and_then(|before| rest.get(before));
        let ends = before.is_some_and(|c| !c.is_whitespace()) && rest.get(at + 1).is_none_or(|c| !c.is_alphanumeric());
        if c == marker && !code && ends {
            return Some(at);
        }
    }
    None
}

/// What stands in angle brackets: a link, or somebody or something of Slack's.
fn reference(inside: &str) -> Markup {
    let (target, label) = inside.split_once('|').map_or((inside, None), |(target, label)| (target, Some(plain(label))));
    let target = plain(target);
    let named = |sign: &str, bare: &str| {
        let name = label.clone().unwrap_or_else(|| bare.to_owned());
        html! { span.mention { (sign) (name.trim_start_matches(sign)) } }
    };
    let mut rest = target.chars();
    match (rest.next(), rest.as_str()) {
        (Some('@'), bare) => named("@", bare),
        (Some('#'), bare) => named("#", bare),
        // A date is shown as the fallback has it; `<!here>` and groups are mentions.
        (Some('!'), bare) if bare.starts_with("date^") => html! { (label.unwrap_or_default()) },
        (Some('!'), bare) => named("@", bare),
        _ => html! { (link(&target, label.as_deref().unwrap_or(&target))) },
    }
}

/// A link that opens beside the inbox, where its scheme may stand in one; else its label.
#[must_use]
pub fn link(target: &str, label: &str) -> Markup {
    let opens = ["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme));
    html! {
        @if opens { a href=(target) target="_blank" rel="noreferrer noopener" { (label) } }
        @else { (label) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::{Reader, events::Event};

    use super::*;

    fn is(text: &str, markup: &str) {
        assert_eq!(drawn(text).into_string(), markup, "{text}");
    }

    #[test]
    fn markup_reads_as_slack_shows_it() {
        is("*bold* _it_ ~gone~ `a*b*`", "<div><b>bold</b> <i>it</i> <s>gone</s> <code>a*b*</code></div>");
        is("*a _b_ c*", "<div><b>a <i>b</i> c</b></div>");
        is("2 * 3 * 4 and snake_case_name", "<div>2 * 3 * 4 and snake_case_name</div>");
        is("*open, `never * closed`", "<div>*open, <code>never * closed</code></div>");
        is("a &lt;b&gt; &amp;amp;", "<div>a &lt;b&gt; &amp;amp;</div>");
        is("one\n• two\n1. three", "<div>one</div><div class=\"hangs\">• two</div><div class=\"hangs\">1. three</div>");
        is("&gt; said\nnot", "<blockquote><div>said</div></blockquote><div>not</div>");
        is("```\na *b* &lt;c&gt;\n``` d", "<pre>a *b* &lt;c&gt;</pre><div> d</div>");
        is("", "");
    }

    #[test]
    fn references_are_links_and_mentions() {
        is(
            "<https://x.example/?a=1&amp;b=2|Open \"it\">",
            "<div><a href=\"https://x.example/?a=1&amp;b=2\" target=\"_blank\" rel=\"noreferrer noopener\">Open &quot;it&quot;</a></div>",
        );
        is("<javascript:alert(1)|x> <data:text/html,x>", "<div>x data:text/html,x</div>");
        is(
            "<@U1> <#C1|ops> <!here> <!date^1^{date}|8 o'clock>",
            "<div><span class=\"mention\">@U1</span> <span class=\"mention\">#ops</span> <span class=\"mention\">@here</span> 8 o'clock</div>",
        );
        is("a < b and c", "<div>a &lt; b and c</div>");
    }

    /// The text of well-formed markup with no tag but ours.
    fn well_formed(markup: &str) -> String {
        let document = format!("<r>{markup}</r>");
        let mut reader = Reader::from_str(&document);
        reader.config_mut().check_end_names = true;
        let (mut seen, mut depth) = (String::new(), 0);
        loop {
            match reader.read_event().unwrap_or_else(|error| panic!("{error}: {markup}")) {
                Event::Start(tag) => {
                    depth += 1;
                    let name = tag.name().as_ref().to_owned();
                    assert!(
                        ["r", "div", "pre", "blockquote", "b", "i", "s", "code", "a", "span"].contains(&name.as_str()),
                        "{name}"
                    );
                    for attribute in tag.attributes() {
                        let attribute = attribute.unwrap_or_else(|error| panic!("{error}: {markup}"));
                        let value = attribute.value.to_string();
                        match attribute.key.as_ref() {
                            "href" => assert!(value.starts_with("http") || value.starts_with("mailto:"), "{value}"),
                            "class" | "target" | "rel" => {}
                            other => panic!("{other:?}"),
                        }
                    }
                }
                Event::End(_) => depth -= 1,
                Event::Text(text) => seen.push_str(&text),
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(depth, 0, "{markup}");
        seen
    }

    proptest! {
        #[test]
        fn any_text_gives_well_formed_markup(text in "\\PC{0,120}") {
            well_formed(&drawn(&text).into_string());
        }

        #[test]
        fn markers_in_any_order_give_well_formed_markup(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "*", "_", "~", "`", "```", "<", ">", "|", "&gt;", "&amp;", "&lt;", "\n", " ", "a", "b1", "• ", "1. ", "@",
                    "#", "!", "http://", "\"", "'", "\"><script>", "&", "é", "🔴",
                ]),
                0..40,
            )
        ) {
            well_formed(&drawn(&pieces.concat()).into_string());
        }

        #[test]
        fn text_without_markup_reads_as_itself(text in "[a-zA-Z0-9 .,:;()é]{0,60}") {
            let seen = well_formed(&drawn(&text).into_string());
            prop_assert_eq!(seen, text);
        }
    }
}

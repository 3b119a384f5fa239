//! Values within a PromQL or LogQL query: each is the literal value of a label, or text of a line, and nothing else.
//!
//! What is a string, a comment and an escape is as Prometheus reads it: `lexInsideBraces`, `lexString` and `lexEscape` of
//! its `promql/parser/lex.go`; regular expressions are [RE2](https://github.com/google/re2/wiki/Syntax). Loki reads words by
//! Go's `text/scanner` (`pkg/logql/syntax/lex.go`), which skips `//` and `/* */` and takes `'` for one character, and takes
//! escapes from Prometheus's `strutil.Unquote`; a query that has one of the former outside of quotes takes no values.

use regex_syntax::ast::{self, Ast, Visitor};

use crate::expr::{ExprError, Part, Scope, Template};

/// Stands for a value while the text around it is looked at; a private character, so that hardly a query has it.
pub(crate) const PLACEHOLDER: char = '\u{f5a7}';

/// The languages of queries that are read alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    PromQl,
    LogQl,
}

/// The stages of a LogQL pipeline in which what stands behind `=` is not the value of a label to be compared.
const NO_FILTERS: [&str; 11] = [
    "json",
    "logfmt",
    "label_format",
    "line_format",
    "pattern",
    "regexp",
    "unpack",
    "unwrap",
    "decolorize",
    "drop",
    "keep",
];

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Outside of all quotes: it is a part of the query.
    Open,
    /// In backticks, which know no escapes. The check refuses it.
    Raw,
    /// In quotes that are not the value of a label matcher.
    Argument(char),
    /// In these quotes behind `=` or `!=` in a selector.
    Equal(char),
    /// In these quotes behind `=~` or `!~` in a selector.
    Pattern(char),
    /// In quotes, but within an escape, a class or another construct whose meaning it would change, or the quotes do not
    /// end. Only [`checked`] tells it apart.
    Within,
}

/// The PromQL query with the values of `template` in place. A value in quotes is escaped for them, and behind `=~` or `!~` it is
/// a literal of the regular expression too. Outside of quotes it stands as it is: the check lets no free text stand there.
///
/// # Errors
/// [`ExprError`].
pub fn query(template: &Template, scope: &Scope) -> Result<String, ExprError> {
    rendered(Language::PromQl, template, scope)
}

/// The same for LogQL, where text may also stand in a line filter (`|=`, `!=`, `|~`, `!~`) or a label filter.
///
/// # Errors
/// [`ExprError`].
pub fn logql(template: &Template, scope: &Scope) -> Result<String, ExprError> {
    rendered(Language::LogQl, template, scope)
}

fn rendered(language: Language, template: &Template, scope: &Scope) -> Result<String, ExprError> {
    let places = scan(language, template.parts()?).places;
    template.render_each(scope, |part, value| {
        match places.iter().find(|(of, _)| *of == part).map_or(Place::Open, |(_, place)| *place) {
            Place::Open => value.to_owned(),
            Place::Raw => value.replace('`', ""),
            Place::Argument(quote) | Place::Equal(quote) => quoted(value, quote),
            Place::Pattern(quote) => quoted(&regex::escape(value), quote),
            Place::Within => String::new(),
        }
    })
}

/// The place of each value, by the number of its part.
pub(crate) fn checked(language: Language, parts: &[Part]) -> Vec<(usize, Place)> {
    let Scan { mut places, strings, odd } = scan(language, parts);
    if odd {
        places.iter_mut().for_each(|(_, place)| *place = Place::Within);
    }
    for string in strings.iter().filter(|string| !(string.closed && is_literal(string))) {
        for (_, place) in places.iter_mut().filter(|(part, _)| string.values.contains(part)) {
            *place = Place::Within;
        }
    }
    places
}

/// `value` as the inside of a string in `quote`. Another quote may not be escaped there, U+FFFD stands for broken UTF-8,
/// and a line's end would end the string.
fn quoted(value: &str, quote: char) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            c if c == quote => text.extend(['\\', c]),
            c if c.is_control() || c == '\u{fffd}' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

#[derive(Default)]
struct Scan {
    /// The values' parts and places, in order.
    places: Vec<(usize, Place)>,
    /// The strings that have values.
    strings: Vec<Quoted>,
    /// Whether something stands in it that the server may read otherwise.
    odd: bool,
}

/// A string of the query.
struct Quoted {
    place: Place,
    /// Its inside as it is written, with placeholders.
    body: String,
    /// Its values' parts.
    values: Vec<usize>,
    closed: bool,
}

/// What the scanner is in.
enum At {
    Code,
    Comment,
    String(char, Quoted),
}

/// The stage of a LogQL pipeline that is being read.
#[derive(Default)]
struct Stage {
    /// Whether there is one.
    stands: bool,
    /// Its first word, as far as it was read.
    word: String,
    ended: bool,
}

impl Stage {
    fn read(&mut self, c: char) {
        match c {
            '|' => *self = Self { stands: true, ..Self::default() },
            '{' | '[' | ')' => *self = Self::default(),
            c if c.is_ascii_alphanumeric() || c == '_' => {
                if !self.ended {
                    self.word.push(c);
                }
            }
            _ => self.ended = !self.word.is_empty(),
        }
    }

    /// Whether labels are compared in it.
    fn compares(&self) -> bool {
        self.stands && !NO_FILTERS.contains(&self.word.as_str())
    }
}

fn scan(language: Language, parts: &[Part]) -> Scan {
    let mut found = Scan::default();
    let mut at = At::Code;
    let mut selector = false;
    let mut escaped = false;
    // The operator that was read last, and nothing but spaces since.
    let mut operator = String::new();
    let mut stage = Stage::default();
    let logs = language == Language::LogQl;
    for (number, part) in parts.iter().enumerate() {
        let Part::Text(text) = part else {
            match &mut at {
                At::String(_, string) => {
                    string.body.push(PLACEHOLDER);
                    string.values.push(number);
                    found.places.push((number, string.place));
                    escaped = false;
                }
                At::Code | At::Comment => {
                    operator.clear();
                    found.places.push((number, Place::Open));
                }
            }
            continue;
        };
        for c in text.chars() {
            at = match at {
                At::Comment if matches!(c, '\n' | '\r') => At::Code,
                At::Comment => At::Comment,
                At::String(quote, mut string) => {
                    if c == quote && !escaped {
                        string.closed = true;
                        found.strings.extend(Some(string).filter(|string| !string.values.is_empty()));
                        operator.clear();
                        At::Code
                    } else {
                        escaped = c == '\\' && !escaped && quote != '`';
                        string.body.push(c);
                        At::String(quote, string)
                    }
                }
                At::Code => match c {
                    '#' => At::Comment,
                    '\'' if logs => {
                        found.odd = true;
                        At::Code
                    }
                    '"' | '\'' | '`' => {
                        let place = match operator.as_str() {
                            _ if c == '`' => Place::Raw,
                            "=" | "!=" if selector => Place::Equal(c),
                            "=~" | "!~" if selector => Place::Pattern(c),
                            // Filters of lines, and of labels behind a `|`.
                            "|=" if logs => Place::Equal(c),
                            "|~" if logs => Place::Pattern(c),
                            "!=" if logs && (stage.compares() || !stage.stands) => Place::Equal(c),
                            "!~" if logs && (stage.compares() || !stage.stands) => Place::Pattern(c),
                            "=" if logs && stage.compares() => Place::Equal(c),
                            "=~" if logs && stage.compares() => Place::Pattern(c),
                            _ => Place::Argument(c),
                        };
                        escaped = false;
                        At::String(c, Quoted { place, body: String::new(), values: vec![], closed: false })
                    }
                    c => {
                        if logs {
                            found.odd |= matches!(c, '/' | '*') && operator.ends_with('/');
                            stage.read(c);
                        }
                        match c {
                            '|' if logs => operator.push(c),
                            '=' | '!' | '~' | '<' | '>' | '+' | '-' | '*' | '/' | '%' | '^' => operator.push(c),
                            c if c.is_whitespace() => {}
                            _ => operator.clear(),
                        }
                        selector = c == '{' || (selector && c != '}');
                        At::Code
                    }
                },
            };
        }
    }
    if let At::String(_, string) = at {
        found.strings.extend(Some(string).filter(|string| !string.values.is_empty()));
    }
    found
}

/// Whether each value in the string stands for its own characters.
fn is_literal(string: &Quoted) -> bool {
    let wanted = string.values.len();
    let text = match string.place {
        Place::Raw => Some(string.body.clone()),
        _ => unescaped(&string.body),
    };
    let Some(text) = text else { return false };
    match string.place {
        Place::Pattern(_) => literals(&text) == Some(wanted),
        _ => text.chars().filter(|c| *c == PLACEHOLDER).count() == wanted,
    }
}

/// How many placeholders are literals of this regular expression; `None` when it is none.
pub(crate) fn literals(pattern: &str) -> Option<usize> {
    let pattern = ast::parse::Parser::new().parse(pattern).ok()?;
    ast::visit(&pattern, Literals(0)).ok()
}

/// What the inside of a quoted string says; `None` when an escape is none.
fn unescaped(body: &str) -> Option<String> {
    let mut text = String::with_capacity(body.len());
    let mut rest = body.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let (first, digits, radix) = match rest.next()? {
            'a' => ('\u{7}', 0, 16),
            'b' => ('\u{8}', 0, 16),
            'f' => ('\u{c}', 0, 16),
            'n' => ('\n', 0, 16),
            'r' => ('\r', 0, 16),
            't' => ('\t', 0, 16),
            'v' => ('\u{b}', 0, 16),
            c @ ('\\' | '"' | '\'') => (c, 0, 16),
            c @ '0'..='7' => (c, 2, 8),
            'x' => ('0', 2, 16),
            'u' => ('0', 4, 16),
            'U' => ('0', 8, 16),
            _ => return None,
        };
        if digits == 0 {
            text.push(first);
            continue;
        }
        let mut number = first.to_digit(radix)?;
        for _ in 0..digits {
            number = number.checked_mul(radix)?.checked_add(rest.next()?.to_digit(radix)?)?;
        }
        text.push(char::from_u32(number)?);
    }
    Some(text)
}

/// Counts the placeholders that are literals of an expression: not in a class, an escape, a name or a comment.
struct Literals(usize);

impl Visitor for Literals {
    type Output = usize;
    type Err = ();

    fn finish(self) -> Result<usize, ()> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), ()> {
        if let Ast::Literal(literal) = ast
            && literal.kind == ast::LiteralKind::Verbatim
            && literal.c == PLACEHOLDER
        {
            self.0 += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! Values within a query of CloudWatch Logs Insights: each is literal text and nothing else.
//!
//! How a string of that language escapes a quote is not documented (docs.aws.amazon.com, CWL_QuerySyntax). So a value in
//! a string has neither quote nor backslash, else the query is not made; and behind `like`, `=~` and in `parse` a value
//! within `/.../` has every character that means anything as `\xHH`, which every engine of regular expressions reads alike.

use std::cell::RefCell;

use crate::{
    expr::{ExprError, Part, Scope, Template},
    promql::{PLACEHOLDER, literals},
};

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Outside of all quotes: it is a part of the query.
    Open,
    /// In a string that is compared.
    Text,
    /// In a regular expression.
    Pattern,
    /// In backticks: the name of a field.
    Field,
    /// In a string of `parse`, where `*` stands for anything.
    Glob,
    /// In an expression or string whose meaning it would change, or that does not end. Only [`checked`] tells it apart.
    Within,
    /// Behind a `/` that may be a division or begin an expression.
    Unclear,
}

/// The query with the values of `template` in place: in strings as they are, in regular expressions as literals.
///
/// # Errors
/// [`ExprError`], also when a value for a string has quotes, a backslash or a control character.
pub fn insights(template: &Template, scope: &Scope) -> Result<String, ExprError> {
    let parts = template.parts()?;
    let places = scan(parts).places;
    let refused = RefCell::new(None);
    let text = template.render_each(scope, |part, value| {
        match places.iter().find(|(of, _)| *of == part).map_or(Place::Open, |(_, place)| *place) {
            Place::Open => value.to_owned(),
            Place::Pattern => literal(value),
            Place::Text | Place::Field | Place::Glob | Place::Within | Place::Unclear => {
                if value.contains(['"', '\'', '`', '\\']) || value.chars().any(char::is_control) {
                    refused.replace(Some(part));
                }
                value.to_owned()
            }
        }
    })?;
    match refused.into_inner().and_then(|part| parts.get(part)) {
        Some(Part::Value(expression)) => Err(ExprError::Evaluation {
            expression: expression.source().to_owned(),
            reason:
                "a quote, a backslash or a line's end cannot stand in a string of Logs Insights: write `like /.../`"
                    .to_owned(),
            absent: false,
        }),
        _ => Ok(text),
    }
}

/// The place of each value, by the number of its part.
pub(crate) fn checked(parts: &[Part]) -> Vec<(usize, Place)> {
    let Scan { mut places, quoted } = scan(parts);
    for one in quoted.iter().filter(|one| !one.is_literal()) {
        for (_, place) in places.iter_mut().filter(|(part, _)| one.values.contains(part)) {
            *place = Place::Within;
        }
    }
    places
}

/// `value` as a literal of a regular expression between slashes.
fn literal(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            c if c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | ':' | '@' | ',') => text.push(c),
            c if c.is_ascii() => text.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => text.push_str(&format!("\\x{{{:x}}}", u32::from(c))),
        }
    }
    text
}

#[derive(Default)]
struct Scan {
    /// The values' parts and places, in order.
    places: Vec<(usize, Place)>,
    /// The strings and expressions that have values.
    quoted: Vec<Quoted>,
}

/// A string or an expression.
struct Quoted {
    close: char,
    place: Place,
    /// Its inside as it is written, with placeholders.
    body: String,
    values: Vec<usize>,
    closed: bool,
    escaped: bool,
}

impl Quoted {
    /// Whether each value in it stands for its own characters.
    fn is_literal(&self) -> bool {
        match self.place {
            Place::Pattern => self.closed && literals(&self.body) == Some(self.values.len()),
            // What a backslash would do here is not known.
            _ => self.closed && !self.body.contains('\\'),
        }
    }
}

enum At {
    Code,
    Comment,
    Quoted(Quoted),
}

fn scan(parts: &[Part]) -> Scan {
    let mut found = Scan::default();
    let mut at = At::Code;
    let mut code = Code::default();
    for (number, part) in parts.iter().enumerate() {
        let Part::Text(text) = part else {
            match &mut at {
                At::Quoted(quoted) => {
                    quoted.body.push(PLACEHOLDER);
                    quoted.values.push(number);
                    quoted.escaped = false;
                    found.places.push((number, quoted.place));
                }
                At::Code | At::Comment => {
                    found.places.push((number, if code.unclear { Place::Unclear } else { Place::Open }));
                    code.read('0');
                }
            }
            continue;
        };
        for c in text.chars() {
            at = match at {
                At::Comment if matches!(c, '\n' | '\r') => At::Code,
                At::Comment => At::Comment,
                At::Quoted(mut quoted) => {
                    if c == quoted.close && !quoted.escaped {
                        quoted.closed = true;
                        found.quoted.extend(Some(quoted).filter(|quoted| !quoted.values.is_empty()));
                        code.read('"');
                        At::Code
                    } else {
                        quoted.escaped = c == '\\' && !quoted.escaped;
                        quoted.body.push(c);
                        At::Quoted(quoted)
                    }
                }
                At::Code if c == '#' => At::Comment,
                At::Code => match code.opens(c) {
                    Some(place) => At::Quoted(Quoted {
                        close: c,
                        place,
                        body: String::new(),
                        values: vec![],
                        closed: false,
                        escaped: false,
                    }),
                    None => {
                        code.read(c);
                        At::Code
                    }
                },
            };
        }
    }
    if let At::Quoted(quoted) = at {
        found.quoted.extend(Some(quoted).filter(|quoted| !quoted.values.is_empty()));
    }
    found
}

/// What was read outside of quotes, as far as it decides what comes next.
#[derive(Default)]
struct Code {
    /// The command: the first word since the last `|`.
    command: String,
    /// The last word, in lower case, and whether it may go on.
    word: String,
    goes_on: bool,
    /// The last two characters that are no spaces.
    last: [char; 2],
    /// Whether the last character is a space.
    space: bool,
    /// Whether a `/` was read that may have begun an expression.
    unclear: bool,
}

impl Code {
    /// What `c` opens here.
    fn opens(&self, c: char) -> Option<Place> {
        let place = match c {
            '"' | '\'' if self.command == "parse" => Place::Glob,
            '"' | '\'' => Place::Text,
            '`' => Place::Field,
            // `like` stands alone before it; `parse` has a field between them.
            '/' if self.word == "like" && self.last[1] == 'e' => Place::Pattern,
            '/' if self.last == ['=', '~'] => Place::Pattern,
            '/' if self.command == "parse" && self.space && self.word != "parse" => Place::Pattern,
            _ => return None,
        };
        Some(if self.unclear { Place::Unclear } else { place })
    }

    fn read(&mut self, c: char) {
        if c == '/' {
            self.unclear = true;
        }
        self.space = c.is_whitespace();
        if self.space {
            self.goes_on = false;
            return;
        }
        self.last = [self.last[1], c.to_ascii_lowercase()];
        if c == '|' {
            self.command.clear();
            self.word.clear();
            self.goes_on = false;
        } else if c.is_alphanumeric() || matches!(c, '_' | '@' | '.') {
            if !self.goes_on {
                self.word.clear();
            }
            let first = self.command.is_empty() || (self.goes_on && self.command == self.word);
            self.word.push(c.to_ascii_lowercase());
            self.goes_on = true;
            if first {
                self.command.clone_from(&self.word);
            }
        } else {
            self.goes_on = false;
        }
    }
}

#[cfg(test)]
mod tests;

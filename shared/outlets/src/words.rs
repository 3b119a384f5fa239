//! What a team says above the report. Its own words are the catalog's and stand as written; a value in them is somebody else's
//! text, and stays text in every outlet.

use domain::{Piece, Words};

use crate::text::{Cost, cut, line};

/// The most that the own words cost, and all values together, and one of them: `check` refuses longer words, and a value must
/// not push the report away.
const OWN: usize = 1000;
const VALUES: usize = 600;
const VALUE: usize = 300;

/// `words` with each piece cut to its room: own ones as `own` makes them, values on one line as `value` makes them.
pub(crate) fn written(
    words: &Words,
    cost: Cost,
    own: impl Fn(&str) -> String,
    value: impl Fn(&str) -> String,
) -> Vec<(bool, String)> {
    let (mut own_room, mut value_room) = (OWN, VALUES);
    let written = words.0.iter().map(|piece| match piece {
        Piece::Own(text) => {
            let (kept, _) = cut(text, own_room, cost);
            own_room = own_room.saturating_sub(crate::text::weight(&kept, cost));
            (true, own(&kept))
        }
        Piece::Value(text) => {
            let (kept, _) = cut(&line(text), VALUE.min(value_room), cost);
            value_room = value_room.saturating_sub(crate::text::weight(&kept, cost));
            (false, value(&kept))
        }
    });
    written.collect()
}

/// A line of a team's words, clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub text: String,
    /// Whether all of it is the catalog's.
    pub own: bool,
}

/// The lines of `words`, where nothing needs escaping. None of them can be taken for a marker, by which a post is found again.
pub(crate) fn lines(words: Option<&Words>) -> Vec<Line> {
    let Some(words) = words else { return vec![] };
    let mut lines = vec![Line { text: String::new(), own: true }];
    for (own, text) in written(words, |_| 1, str::to_owned, str::to_owned) {
        for (at, part) in text.split('\n').enumerate() {
            if at > 0 {
                lines.push(Line { text: String::new(), own: true });
            }
            if let Some(last) = lines.last_mut().filter(|_| !part.is_empty()) {
                last.text.push_str(part);
                last.own &= own;
            }
        }
    }
    for one in &mut lines {
        one.text = line(&one.text);
        if one.text.starts_with("Firstlook run_") {
            one.text.insert_str(0, "> ");
        }
    }
    lines.retain(|line| !line.text.is_empty());
    lines
}

/// The same as one text each.
pub(crate) fn plain(words: Option<&Words>) -> Vec<String> {
    lines(words).into_iter().map(|line| line.text).collect()
}

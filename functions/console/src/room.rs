//! How much room a page has. A RunSession may be of any size, and its page is not: each part has its share, what it does not
//! use is its successors', and what does not fit is counted and stands in the JSON.

use maud::{Markup, PreEscaped, Render, html};

use crate::words;

/// What a part may take that is not among its items: its title, and the lines that say what was left out.
const FRAME: usize = 420;

/// What is left for the parts that are still to be drawn, in bytes as they are sent.
#[derive(Debug, Default)]
pub(crate) struct Room(usize);

impl Room {
    /// Opens a part: with its share, and with what those before it have left.
    pub fn open(&mut self, share: usize) {
        self.0 += share.saturating_sub(FRAME);
    }

    /// Draws a part that has this share.
    pub fn part(&mut self, share: usize, draw: impl FnOnce(&mut Self) -> Markup) -> Markup {
        self.open(share);
        draw(self)
    }

    /// How much is left.
    pub fn left(&self) -> usize {
        self.0
    }

    /// `markup`, if it fits.
    pub fn fit(&mut self, markup: Markup) -> Option<Markup> {
        self.0 = self.0.checked_sub(size(&markup))?;
        Some(markup)
    }

    /// As many of `items` as fit, the first of them, and how many do not.
    pub fn fill<T>(&mut self, items: &[T], mut draw: impl FnMut(&T) -> Markup) -> Filled {
        let mut drawn = String::new();
        for (place, item) in items.iter().enumerate() {
            match self.fit(draw(item)) {
                Some(markup) => drawn.push_str(&markup.0),
                None => return Filled { drawn: PreEscaped(drawn), left: items.len() - place },
            }
        }
        Filled { drawn: PreEscaped(drawn), left: 0 }
    }

    /// The same in at most one part of `parts` of what is left: others come after it.
    pub fn fill_part<T>(&mut self, parts: usize, items: &[T], draw: impl FnMut(&T) -> Markup) -> Filled {
        let own = self.0 / parts;
        let mut room = Self(own);
        let filled = room.fill(items, draw);
        self.0 -= own - room.0;
        filled
    }
}

/// How many bytes `markup` is when it is sent.
pub(crate) fn size(markup: &Markup) -> usize {
    words::plain(&markup.0).len()
}

/// What a part shows of its items.
pub(crate) struct Filled {
    drawn: Markup,
    left: usize,
}

impl Filled {
    /// Whether there was nothing to show.
    pub fn is_empty(&self) -> bool {
        self.drawn.0.is_empty() && self.left == 0
    }

    /// How many are not shown.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Says what is not shown: `3 more issues stand in the JSON.`
    pub fn rest(&self, one: &str, many: &str, json: &str) -> Markup {
        html! {
            @if self.left > 0 {
                p.soft { (words::count(self.left, &format!("more {one} stands"), &format!("more {many} stand"))) " in " a href=(json) { "the JSON" } "." }
            }
        }
    }
}

impl Render for Filled {
    fn render_to(&self, buffer: &mut String) {
        self.drawn.render_to(buffer);
    }
}

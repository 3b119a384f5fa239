//! What a model read, in words, for all outlets alike. Every text in it is clean, none is cut.

use domain::{Claim, Reading};

use crate::text::{Cost, cut, line, weight};

/// A model's reading.
pub(crate) struct Read {
    /// Who is hurt, and how.
    pub impact: String,
    /// The title of the cause, with how sure it is, the cause, and what it rests on.
    pub cause: Option<(String, String, Vec<Point>)>,
    /// What else it may be; what was claimed and not shown says so.
    pub hypotheses: Vec<Point>,
    /// What it is not.
    pub ruled_out: Vec<Point>,
    /// What could not be read.
    pub gaps: Vec<Point>,
}

/// One line of a list. Where it cites something, what it cites is named at its end, however little room there is (I11).
#[derive(Debug, Clone)]
pub(crate) struct Point {
    text: String,
    /// The quote, and the step in which it stands.
    cites: Option<(String, String)>,
}

impl From<String> for Point {
    fn from(text: String) -> Self {
        Self { text, cites: None }
    }
}

impl Point {
    /// The least of a quote that says something.
    const QUOTE: usize = 20;

    fn citing(text: String, claim: &Claim) -> Self {
        Self { text, cites: Some((line(&claim.quote), line(claim.step.as_str()))) }
    }

    /// The same with `lead` before it.
    pub fn after(&self, lead: &str) -> Self {
        Self { text: format!("{lead}{}", self.text), cites: self.cites.clone() }
    }

    /// `It answers 503. "503 in 12 ms" [health]`
    pub fn whole(&self) -> String {
        match &self.cites {
            Some((quote, step)) => format!("{} \"{quote}\" [{step}]", self.text),
            None => self.text.clone(),
        }
    }

    /// As much of it as costs at most `most`, and whether something is missing: of what it says and of its quote, and never
    /// where that stands.
    pub fn cut(&self, most: usize, cost: Cost) -> (String, bool) {
        let whole = self.whole();
        let (Some((quote, step)), true) = (&self.cites, weight(&whole, cost) > most) else {
            return cut(&whole, most, cost);
        };
        let room = most.saturating_sub(weight(" \"\"", cost) + weight(step, cost) + weight(" []", cost));
        if room < 2 * Self::QUOTE {
            let room = most.saturating_sub(weight(step, cost) + weight(" []", cost));
            return (format!("{} [{step}]", cut(&self.text, room, cost).0), true);
        }
        let (text, _) = cut(&self.text, room - weight(quote, cost).min(room / 2), cost);
        let (quote, _) = cut(quote, room.saturating_sub(weight(&text, cost)), cost);
        (format!("{text} \"{quote}\" [{step}]"), true)
    }
}

impl Read {
    pub fn of(reading: &Reading) -> Self {
        let cause = reading.cause.as_ref().map(|cause| {
            let title = format!("Probable cause ({} confidence)", cause.confidence.as_str());
            (
                title,
                line(&cause.text),
                cause.claims.iter().map(|claim| Point::citing(line(&claim.text), claim)).collect(),
            )
        });
        let hypotheses = reading.hypotheses.iter().map(|other| match &other.demoted {
            Some(why) => format!("Not proven: {} ({})", line(&other.text), line(why)).into(),
            None => line(&other.text).into(),
        });
        let ruled_out = reading.ruled_out.iter().map(|out| {
            let text = format!("{}: {}", line(&out.text), line(&out.why.text));
            Point::citing(text, &out.why)
        });
        Self {
            impact: line(&reading.impact),
            cause,
            hypotheses: hypotheses.collect(),
            ruled_out: ruled_out.collect(),
            gaps: reading.gaps.iter().map(|gap| line(gap).into()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::StepId;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn i11_a_cut_keeps_the_limit_and_the_step(text in "\\PC{0,80}", quote in "\\PC{0,80}", most in 24_usize..200) {
            let claim = Claim { text: String::new(), step: StepId::new("a-step"), quote };
            let point = Point::citing(line(&text), &claim);
            let (kept, missing) = point.cut(most, char::len_utf16);
            prop_assert!(weight(&kept, char::len_utf16) <= most, "{kept}");
            prop_assert!(kept.ends_with(" [a-step]"), "{kept}");
            prop_assert_eq!(missing, kept != point.whole());
        }
    }

    #[test]
    fn i11_what_is_said_and_its_quote_share_the_room() {
        let claim = |quote: &str| Claim { text: String::new(), step: StepId::new("s"), quote: quote.to_owned() };
        let cut = |text: &str, quote: &str| Point::citing(text.to_owned(), &claim(quote)).cut(60, |_| 1).0;
        let (long, words) = ("a ".repeat(60), "b ".repeat(60));
        assert_eq!(cut("It is full.", "50 of 50"), "It is full. \"50 of 50\" [s]");
        assert!(cut("It is full.", words.trim()).starts_with("It is full. \"b b b b"));
        assert!(cut(long.trim(), "50 of 50").ends_with("a … \"50 of 50\" [s]"));
        let both = cut(long.trim(), words.trim());
        assert!(both.contains("a … \"b") && both.ends_with("b …\" [s]") && both.chars().count() <= 60, "{both}");
    }
}

//! What is wrong with a catalog: where, why, and the mend.

use std::{fmt, path::PathBuf};

use serde::{Serialize, Serializer};

/// Whether a catalog with this problem can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProblemSeverity {
    /// It cannot.
    Error,
    /// It can, but hardly does what was meant.
    Warning,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $severity:ident;)*) => {
        /// The kinds of problems. Each has a section in `docs/errors.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// `FL...`, as it is printed.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// How bad it is.
            #[must_use]
            pub fn severity(self) -> ProblemSeverity {
                match self {
                    $(Self::$name => ProblemSeverity::$severity,)*
                }
            }
        }
    };
}

codes! {
    /// A file cannot be read.
    UnreadableFile = "FL001", Error;
    /// A file is not YAML.
    YamlSyntax = "FL002", Error;
    /// A key stands twice.
    DuplicateKey = "FL003", Error;
    /// A document nests or repeats itself more than any catalog needs.
    TooComplex = "FL004", Error;
    /// A Markdown file has no front matter.
    FrontMatter = "FL005", Error;
    /// There are no documents.
    EmptyCatalog = "FL006", Error;
    /// A document is of no known kind.
    UnknownKind = "FL010", Error;
    /// A key that does not exist.
    UnknownKey = "FL011", Error;
    /// A key that must stand is missing.
    MissingKey = "FL012", Error;
    /// A value that its key cannot have.
    BadValue = "FL013", Error;
    /// Two documents of a kind have one name.
    DuplicateName = "FL014", Error;
    /// A test names an event file that is not there.
    MissingEventFile = "FL015", Error;
    /// A length of time, a rate or a sum is out of bounds.
    OutOfBounds = "FL016", Error;
    /// What a test gives is not shaped as a call, an alert or the Command's steps are.
    CaseShape = "FL017", Error;
    /// A name leads nowhere.
    UnknownReference = "FL020", Error;
    /// An entry names both a Task and Slxs, or neither.
    TaskOrSlx = "FL021", Error;
    /// Two entries have one id.
    DuplicateId = "FL022", Error;
    /// An entry needs one that does not stand before it.
    UnknownNeed = "FL023", Error;
    /// Entries need each other in a circle.
    NeedsCycle = "FL024", Error;
    /// A Command checks nothing.
    EmptyCommand = "FL025", Error;
    /// Nothing uses a document.
    Unused = "FL026", Warning;
    /// An expression is not CEL.
    ExpressionSyntax = "FL030", Error;
    /// An expression names what is not there.
    UnknownVariable = "FL031", Error;
    /// An expression calls what is not there.
    UnknownFunction = "FL032", Error;
    /// An expression compares what can never be equal, or gives another type than is wanted.
    TypeMismatch = "FL033", Error;
    /// A parameter without default is not given.
    UnboundParameter = "FL040", Error;
    /// A value is given to a parameter that does not exist.
    UnknownParameter = "FL041", Error;
    /// A written value does not fit its parameter.
    UnfitValue = "FL042", Error;
    /// A parameter's own definition contradicts itself.
    Parameter = "FL043", Error;
    /// A regular expression does not compile.
    Regex = "FL044", Error;
    /// A Workflow names no Command.
    WorkflowWithoutCommand = "FL050", Error;
    /// What to look at stands in a Workflow.
    InvestigationInWorkflow = "FL051", Error;
    /// A Workflow only passes the alert's own text on.
    Relay = "FL052", Error;
    /// Two Workflows may want the same event.
    Ambiguous = "FL053", Error;
    /// A clock stands in a Workflow.
    ClockInWorkflow = "FL054", Error;
    /// An event stands in a Schedule.
    EventInSchedule = "FL055", Error;
    /// A Workflow listens to events that open nothing.
    OpensNothing = "FL056", Error;
    /// A schedule is not one of EventBridge Scheduler.
    ScheduleSyntax = "FL060", Error;
    /// A time zone is not an IANA one.
    TimeZone = "FL061", Error;
    /// A `webhook` source lacks its map or scheme.
    IncompleteWebhook = "FL070", Error;
    /// The header that a scheme needs is missing, or one stands that it does not take.
    SchemeHeader = "FL071", Error;
    /// A source of a known sender says what only a `webhook` source can, or names a scheme that its sender does not have.
    KnownSource = "FL072", Error;
    /// A source says too little or too much for the way in which its sender proves itself: a secret, a topic, or a second
    /// source for what has no URL.
    VerifyFields = "FL073", Error;
    /// The key of a secret has characters that it cannot have.
    SecretKey = "FL074", Error;
    /// Who may run a Command from a chat is not said, or not by ids.
    ChatCommand = "FL075", Error;
    /// An alert or a result would choose a host or a URL.
    AlertChoosesTarget = "FL080", Error;
    /// Text of an alert or a result fills a parameter without a limit.
    UnlimitedText = "FL081", Error;
    /// A call uses something else than its inputs.
    CallBeyondInputs = "FL082", Error;
    /// A value would stand where it could change whom a call goes to, or what it asks.
    UnsafeInterpolation = "FL083", Error;
    /// A call would do more than read.
    NotReadOnly = "FL084", Error;
    /// An Issue rule says nothing to do next.
    NoNextSteps = "FL090", Error;
    /// The title of an Issue rule says too little.
    ShortTitle = "FL091", Warning;
    /// A next step does not say what to do.
    VagueNextStep = "FL092", Warning;
    /// An Issue rule does not say what was expected, or what was found.
    NoExpectation = "FL093", Warning;
    /// An Issue rule does not say which thing it is about.
    NamelessIssue = "FL094", Warning;
    /// A text was to be written later.
    Placeholder = "FL095", Warning;
    /// What is to be reproduced cannot be run.
    NotRunnable = "FL096", Warning;
    /// A Rule does nothing, or asks nothing.
    RuleWithoutEffect = "FL097", Warning;
    /// A Slack channel is not one.
    SlackChannel = "FL100", Error;
    /// The URL of a target is not fit for it.
    TargetUrl = "FL101", Error;
    /// A target has no ticket, alert or incident to write on.
    TargetTicket = "FL102", Error;
    /// A target stands twice.
    DuplicateTarget = "FL103", Error;
    /// Whom an e-mail comes from or goes to is not a list of plain addresses.
    TargetAddress = "FL104", Error;
    /// A Model says too little or too much for its provider.
    ModelFields = "FL110", Error;
    /// A Model's URL is not fit for it.
    ModelUrl = "FL111", Error;
    /// Money is limited that cannot be counted.
    NoPrice = "FL112", Error;
    /// A Redaction does not do what its cases say.
    Redaction = "FL120", Error;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file, as it was found.
    pub file: PathBuf,
    /// The line, from 1; 0 when it is about the whole file.
    pub line: u32,
    /// The column in characters, from 1; 0 when it is about the whole file.
    pub column: u32,
    /// Which kind of problem it is.
    pub code: Code,
    /// Whether the catalog can be used all the same.
    pub severity: ProblemSeverity,
    /// What is wrong, without a full stop.
    pub message: String,
    /// The mend.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        let severity = match self.severity {
            ProblemSeverity::Error => "error",
            ProblemSeverity::Warning => "warning",
        };
        write!(f, ": {severity}[{}] {}", self.code, self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  = help: {help}"),
            None => Ok(()),
        }
    }
}

/// The known word that `given` was probably meant to be.
pub(crate) fn nearest<'w>(given: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let limit = (given.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|word| (distance(given, word), word))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, word)| word)
}

/// How many characters must be changed, added, left out or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    // Longer words are never near, and the cost is their product.
    let letters = |word: &str| word.chars().take(64).map(|c| c.to_ascii_lowercase()).collect::<Vec<char>>();
    let (one, other) = (letters(one), letters(other));
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    let at =
        |rows: &[Vec<usize>], i: usize, j: usize| rows.get(i).and_then(|row| row.get(j)).copied().unwrap_or(usize::MAX);
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let changed = at(&rows, i, j) + usize::from(a != b);
            let left_out = at(&rows, i, j + 1) + 1;
            let added = row.last().copied().unwrap_or(usize::MAX - 1) + 1;
            let mut least = changed.min(left_out).min(added);
            if i > 0 && j > 0 && one.get(i - 1) == Some(b) && other.get(j - 1) == Some(a) {
                least = least.min(at(&rows, i - 1, j - 1).saturating_add(1));
            }
            row.push(least);
        }
        rows.push(row);
    }
    at(&rows, one.len(), other.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_only_when_it_is_near() {
        let known = ["trigger", "investigate", "deliver", "limits"];
        assert_eq!(nearest("triger", known), Some("trigger"));
        assert_eq!(nearest("delivre", known), Some("deliver"));
        assert_eq!(nearest("Limits", known), Some("limits"));
        assert_eq!(nearest("prompt", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn codes_are_unique_and_in_order() {
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(codes, sorted);
    }
}

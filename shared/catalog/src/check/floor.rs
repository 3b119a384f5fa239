//! The floor below which an Issue helps nobody: it names the thing and the fault, says what was expected and what was found,
//! and what to do next in whole sentences. All of it is warned of and nothing refused: whether a text helps, its readers say.

use super::{Desk, Spot};
use crate::{
    bind::cut,
    expr::{Part, Template},
    model::{IssueRule, Task},
    problem::Code,
};

/// The shortest next step that can say what to do with what, in characters.
const NEXT_STEP_LEAST: usize = 20;

/// Words of texts that were to be written later.
const LATER: [&str; 7] = ["TODO", "TBD", "FIXME", "XXX", "lorem ipsum", "<placeholder>", "changeme"];

/// Next steps that send the reader looking without saying for what.
const BARE: [&str; 8] = [
    "check logs",
    "check the logs",
    "check the log",
    "look at the logs",
    "look at logs",
    "investigate",
    "investigate further",
    "contact support",
];

/// Looks at all Issue rules of `task`.
pub(super) fn check(desk: &mut Desk<'_>, spot: &Spot<'_>, task: &Task) {
    for (place, rule) in task.issues.iter().enumerate() {
        issue(desk, &spot.to("issues").item(place), task, rule);
    }
}

fn issue(desk: &mut Desk<'_>, spot: &Spot<'_>, task: &Task, rule: &IssueRule) {
    if !has_value(&rule.title) && task.resource.is_none() {
        let help = "put the thing's name into it: `${{ inputs.name }} does not answer`, or give the Task a `resource`";
        desk.report(&spot.to("title"), Code::NamelessIssue, "nothing says which thing the Issue is about", help);
    }
    let empty = |template: &Option<Template>| template.as_ref().is_none_or(|text| text.source().trim().is_empty());
    let absent = match (empty(&rule.expected), empty(&rule.actual)) {
        (true, true) => Some(("expected", "the Issue has neither `expected` nor `actual`")),
        (true, false) => Some(("expected", "the Issue has no `expected`")),
        (false, true) => Some(("actual", "the Issue has no `actual`")),
        (false, false) => None,
    };
    if let Some((key, message)) = absent {
        let help =
            "say what a healthy answer is, and what came instead: `expected: 200`, `actual: ${{ result.status }}`";
        desk.report(&spot.to(key), Code::NoExpectation, message, help);
    }
    let texts = [
        ("title", Some(&rule.title)),
        ("expected", rule.expected.as_ref()),
        ("actual", rule.actual.as_ref()),
        ("details", rule.details.as_ref()),
        ("reproduce", rule.reproduce.as_ref()),
    ];
    for (key, template) in texts {
        placeholder(desk, &spot.to(key), template);
    }
    for (number, step) in rule.next_steps.iter().enumerate() {
        let spot = spot.to("next_steps").item(number);
        placeholder(desk, &spot, Some(step));
        next_step(desk, &spot, step);
    }
    if let Some(reproduce) = &rule.reproduce {
        runnable(desk, spot, reproduce);
    }
}

fn has_value(template: &Template) -> bool {
    template.parts().is_ok_and(|parts| parts.iter().any(|part| matches!(part, Part::Value(_))))
}

fn placeholder(desk: &mut Desk<'_>, spot: &Spot<'_>, template: Option<&Template>) {
    let Some(text) = template.map(Template::source) else { return };
    let stands = |word: &&&str| {
        let same_case = word.chars().all(|letter| !letter.is_ascii_lowercase());
        let words = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(|part| part == **word);
        if same_case { words(text) } else { text.to_lowercase().contains(**word) }
    };
    if let Some(word) = LATER.iter().find(stands) {
        let message = format!("`{word}` was to be written later");
        desk.report(spot, Code::Placeholder, message, "write it, or take it out");
    }
}

/// A whole sentence, with something to do in it.
fn next_step(desk: &mut Desk<'_>, spot: &Spot<'_>, step: &Template) {
    let text = step.source().trim();
    // That there is none at all is an error of its own.
    if text.is_empty() {
        return;
    }
    let plain = text.trim_end_matches(['.', '!']).to_lowercase();
    let message = if BARE.contains(&plain.as_str()) {
        format!("`{}` does not say for what to look", cut(text))
    } else if text.chars().count() < NEXT_STEP_LEAST && !has_value(step) {
        format!("`{}` hardly says what to do with what", cut(text))
    } else if text.starts_with(|first: char| first.is_lowercase())
        || !text.ends_with(['.', '!', '?', '`', ')', '}', '"'])
    {
        format!("`{}` is not a whole sentence", cut(text))
    } else {
        return;
    };
    let help = "write it for whoever was just woken: \"Compare the time of the first failure with the newest deploy.\"";
    desk.report(spot, Code::VagueNextStep, message, help);
}

/// Something to paste into a shell or a browser, and no sentence.
fn runnable(desk: &mut Desk<'_>, spot: &Spot<'_>, reproduce: &Template) {
    let text = reproduce.source().trim();
    let first = text.split_whitespace().next().unwrap_or_default();
    let is_command = first.starts_with("${{")
        || !first.is_empty() && first.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:$~{}%?=&".contains(c));
    let is_sentence = first.starts_with(|c: char| c.is_ascii_uppercase()) && !first.contains('=') && text.contains(' ');
    if !is_command || is_sentence || text.ends_with('.') {
        let message = format!("`{}` is nothing to run or to open", cut(text));
        let help = "write a command or a URL, or leave it out for the call itself";
        desk.report(&spot.to("reproduce"), Code::NotRunnable, message, help);
    }
}

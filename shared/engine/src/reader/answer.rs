//! The model's answer: one object, held against its schema and then against the evidence (I11).

use domain::{Cause, Claim, Confidence, Hypothesis, Reading, RuledOut, Step, StepId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{prompt, quotes};
use crate::{Redactor, findings, model::Tool};

/// The tool by which the model answers.
pub const TOOL: &str = "answer";

const SUMMARY_CAP: usize = 240;
const TEXT_CAP: usize = 500;
const QUOTE_CAP: usize = 400;
const MOST_CLAIMS: usize = 6;
const MOST: usize = 8;

/// The answer as the model wrote it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    summary: String,
    #[serde(default)]
    impact: String,
    #[serde(default)]
    probable_cause: Option<GivenCause>,
    #[serde(default)]
    other_hypotheses: Vec<String>,
    #[serde(default)]
    ruled_out: Vec<GivenRuledOut>,
    #[serde(default)]
    gaps: Vec<String>,
    #[serde(default)]
    next_steps: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenCause {
    text: String,
    confidence: Confidence,
    #[serde(default)]
    claims: Vec<GivenClaim>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenClaim {
    text: String,
    step: String,
    quote: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenRuledOut {
    text: String,
    why: String,
    step: String,
    quote: String,
}

/// What the model is told of the tool.
#[must_use]
pub fn tool() -> Tool {
    let text = |about: &str| json!({"type": "string", "description": about});
    let list = |about: &str, items: Value| json!({"type": "array", "description": about, "items": items});
    let object = |properties: Value| {
        let required: Vec<&String> = properties.as_object().into_iter().flat_map(|map| map.keys()).collect();
        json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
    };
    let step = || text("The id of the step whose evidence shows it.");
    let quote = || text("What stands in that step's evidence, word for word, without anything left out.");
    let claim = object(json!({"text": text("The claim, one sentence."), "step": step(), "quote": quote()}));
    let mut cause = object(json!({
        "text": text("The cause, one or two sentences."),
        "confidence": {"type": "string", "enum": ["low", "medium", "high"]},
        "claims": list("What it rests on.", claim),
    }));
    if let Some(fields) = cause.as_object_mut() {
        fields.insert("type".to_owned(), json!(["object", "null"]));
    }
    let ruled_out = object(json!({
        "text": text("What was thought of."), "why": text("Why it is not so."), "step": step(), "quote": quote(),
    }));
    let parameters = object(json!({
        "summary": text("The answer in one line: what is wrong, with what, since when. At most 200 characters."),
        "impact": text("Who is hurt and how; what is not known of it."),
        "probable_cause": cause,
        "other_hypotheses": list("What else it may be.", json!({"type": "string"})),
        "ruled_out": list("What it is not.", ruled_out),
        "gaps": list("What could not be read, and what follows from that.", json!({"type": "string"})),
        "next_steps": list("What the engineer does next, most useful first, at most 6.", json!({"type": "string"})),
    }));
    Tool {
        name: TOOL.to_owned(),
        description:
            "Gives your answer. Call it once, when you are done. Each quote is looked for in the evidence of its \
                      step; a claim whose quote does not stand there is shown as unproven."
                .to_owned(),
        parameters,
    }
}

/// The answer in `arguments`.
///
/// # Errors
/// What does not fit the schema, for the model.
pub fn parse(arguments: &Value) -> Result<Given, String> {
    // Some models write the object as text.
    let read: Result<Given, serde_json::Error> = match arguments {
        Value::String(text) => serde_json::from_str(text),
        other => Given::deserialize(other),
    };
    let given = read.map_err(|error| format!("it does not fit the schema: {error}"))?;
    if given.summary.trim().is_empty() {
        return Err("`summary` is empty".to_owned());
    }
    if given.probable_cause.as_ref().is_some_and(|cause| cause.text.trim().is_empty()) {
        return Err("`probable_cause.text` is empty; give null where there is no probable cause".to_owned());
    }
    Ok(given)
}

/// What of `given` stands in `steps`, and the rest as hypotheses that say why. `fence` marks outside data and has no place
/// in an answer. What the team's Redactions mask is masked here too: a model may put together what stood apart.
#[must_use]
pub fn verify(given: &Given, steps: &[Step], fence: &str, redactor: &Redactor) -> Reading {
    let text = |text: &str, most: usize| clean(text, fence, redactor, most);
    let quote = |text: &str| quote(text, redactor);
    let demoted = |what: &str, why: String| Hypothesis { text: text(what, TEXT_CAP), demoted: Some(why) };
    let (mut unproven, mut cause) = (Vec::new(), None);
    if let Some(given) = &given.probable_cause {
        let mut claims = Vec::new();
        for claim in given.claims.iter().take(MOST_CLAIMS) {
            match shown(steps, &claim.step, &claim.quote) {
                Ok(step) => claims.push(Claim { text: text(&claim.text, TEXT_CAP), step, quote: quote(&claim.quote) }),
                Err(why) => unproven.push(demoted(&claim.text, why)),
            }
        }
        if claims.is_empty() {
            unproven.insert(0, demoted(&given.text, "none of its claims stands in the evidence".to_owned()));
        } else {
            // Where a part did not stand, the whole is not sure.
            let most = if unproven.is_empty() { Confidence::High } else { Confidence::Medium };
            let confidence = given.confidence.min(most);
            cause = Some(Cause { text: text(&given.text, TEXT_CAP), confidence, claims });
        }
    }
    let mut ruled_out = Vec::new();
    for other in given.ruled_out.iter().take(MOST) {
        match shown(steps, &other.step, &other.quote) {
            Ok(step) => {
                let why = Claim { text: text(&other.why, TEXT_CAP), step, quote: quote(&other.quote) };
                ruled_out.push(RuledOut { text: text(&other.text, TEXT_CAP), why });
            }
            Err(why) => unproven.push(demoted(&other.text, format!("the model ruled it out, but {why}"))),
        }
    }
    let others = given.other_hypotheses.iter().map(|other| Hypothesis { text: text(other, TEXT_CAP), demoted: None });
    let mut hypotheses: Vec<Hypothesis> = unproven.into_iter().chain(others.take(MOST)).collect();
    hypotheses.retain(|hypothesis| !hypothesis.text.is_empty());
    hypotheses.truncate(2 * MOST);
    let lines = |list: &[String]| {
        let mut lines: Vec<String> = Vec::new();
        for line in list.iter().map(|line| text(line, TEXT_CAP)) {
            if !line.is_empty() && !lines.contains(&line) && lines.len() < MOST {
                lines.push(line);
            }
        }
        lines
    };
    Reading {
        summary: text(&given.summary, SUMMARY_CAP),
        impact: text(&given.impact, TEXT_CAP),
        cause,
        hypotheses,
        ruled_out,
        gaps: lines(&given.gaps),
        next_steps: lines(&given.next_steps),
    }
}

/// The step that shows `quote`.
fn shown(steps: &[Step], id: &str, quote: &str) -> Result<StepId, String> {
    let Some(step) = steps.iter().find(|step| step.id.as_str() == id) else {
        return Err("this run has no step of the id that it names".to_owned());
    };
    quotes::check(quote, step).map(|()| step.id.clone()).map_err(str::to_owned)
}

/// One line of at most `most` bytes: nothing hidden, no fence, no secret, and no address that becomes a link. A URL in an
/// answer may be what an alert told the model to say, so it keeps its words and loses its scheme.
fn clean(text: &str, fence: &str, redactor: &Redactor, most: usize) -> String {
    let plain = prompt::plain(text, fence);
    let line = unlinked(plain.split_whitespace().collect::<Vec<_>>().join(" "));
    findings::cap(redactor.text(&line).into_owned(), most)
}

/// `line` with every URL without its scheme.
fn unlinked(mut line: String) -> String {
    while let Some(at) = line.find("://") {
        let scheme = line.get(..at).map_or(at, |before| {
            before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')).len()
        });
        line.replace_range(scheme..at + 3, "");
    }
    line
}

/// A quote as it is shown, once it was found in its evidence, which is redacted. A URL in it becomes no link either.
fn quote(quote: &str, redactor: &Redactor) -> String {
    let shown: String = quote.chars().filter(|c| !quotes::is_hidden(*c)).collect();
    findings::cap(redactor.text(&unlinked(shown.trim().to_owned())).into_owned(), QUOTE_CAP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::testing::step;

    fn steps() -> Vec<Step> {
        vec![
            step("health", "503 in 12 ms", json!({"status": 503, "body": "pool exhausted"})),
            step("queue", "0 messages wait", json!({"depth": 0})),
        ]
    }

    fn answer() -> Value {
        json!({
            "summary": "Checkout is down: its connection pool is exhausted",
            "impact": "Nobody can pay.",
            "probable_cause": {"text": "The pool is exhausted.", "confidence": "high", "claims": [
                {"text": "It answers 503.", "step": "health", "quote": "503 in 12 ms"},
                {"text": "It says so itself.", "step": "health", "quote": "\"body\": \"pool exhausted\""},
            ]},
            "other_hypotheses": ["A deploy"],
            "ruled_out": [{"text": "A full queue", "why": "It is empty.", "step": "queue", "quote": "0 messages wait"}],
            "gaps": ["No metrics"],
            "next_steps": ["Raise the pool.", "Raise the pool."],
        })
    }

    #[test]
    fn i11_an_answer_whose_quotes_stand_is_kept_whole() {
        let reading = verify(&parse(&answer()).unwrap(), &steps(), "0123abcd", &Redactor::default());
        let cause = reading.cause.unwrap();
        assert_eq!((cause.confidence, cause.claims.len()), (Confidence::High, 2));
        assert_eq!(reading.hypotheses, [Hypothesis { text: "A deploy".into(), demoted: None }]);
        assert_eq!((reading.ruled_out.len(), reading.gaps.len()), (1, 1));
        assert_eq!(reading.next_steps, ["Raise the pool."]);
        assert_eq!(parse(&json!(answer().to_string())).unwrap(), parse(&answer()).unwrap());
    }

    #[test]
    fn i11_a_claim_whose_quote_does_not_stand_is_a_hypothesis_and_makes_the_cause_less_sure() {
        let mut given = answer();
        given["probable_cause"]["claims"][1]["quote"] = json!("the database is on fire");
        given["ruled_out"][0]["step"] = json!("health");
        let reading = verify(&parse(&given).unwrap(), &steps(), "0123abcd", &Redactor::default());
        assert_eq!(reading.cause.as_ref().unwrap().confidence, Confidence::Medium);
        assert_eq!(reading.cause.unwrap().claims.len(), 1);
        assert!(reading.ruled_out.is_empty());
        let marked: Vec<bool> = reading.hypotheses.iter().map(|one| one.demoted.is_some()).collect();
        assert_eq!(marked, [true, true, false]);
    }

    #[test]
    fn i11_a_cause_without_a_claim_that_stands_is_a_hypothesis_and_the_summary_does_not_lead() {
        for claims in [json!([]), json!([{"text": "x", "step": "other-run", "quote": "503 in 12 ms"}])] {
            let mut given = answer();
            given["probable_cause"]["claims"] = claims;
            given["ruled_out"] = json!([]);
            let reading = verify(&parse(&given).unwrap(), &steps(), "0123abcd", &Redactor::default());
            assert!(reading.cause.is_none() && !reading.stands());
            assert_eq!(reading.hypotheses[0].text, "The pool is exhausted.");
            assert!(reading.hypotheses[0].demoted.is_some());
        }
    }

    #[test]
    fn what_does_not_fit_the_schema_is_said() {
        for (change, said) in [
            (json!({"summary": " "}), "`summary` is empty"),
            (json!({"verdict": "x"}), "unknown field `verdict`"),
            (json!({"probable_cause": {"text": "x", "confidence": "certain"}}), "unknown variant `certain`"),
            (json!({"ruled_out": [{"text": "x"}]}), "missing field `why`"),
        ] {
            let mut given = answer();
            for (key, value) in change.as_object().unwrap() {
                given[key] = value.clone();
            }
            let error = parse(&given).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert!(parse(&json!("not json")).is_err() && parse(&json!([1])).is_err());
    }

    #[test]
    fn i9_an_answer_is_masked_by_the_teams_own_patterns_too() {
        let catalog = serde_json::json!({
            "digest": "", "sources": {}, "workflows": {}, "commands": {}, "tasks": {}, "assistants": {}, "rules": {},
            "knowledge": {}, "schedules": {}, "slxs": {},
            "redactions": {"customers": {"name": "customers", "pattern": "C-[0-9]{6}", "masks": ["C-000000"]}},
        });
        let redactor = Redactor::of(&serde_json::from_value(catalog).unwrap());
        let mut given = answer();
        given["summary"] = json!("C-123456 cannot pay");
        given["gaps"] = json!(["What C-654321 saw; password=hunter2"]);
        let reading = verify(&parse(&given).unwrap(), &steps(), "fence", &redactor);
        assert_eq!(
            (reading.summary.as_str(), reading.gaps[0].as_str()),
            ("[redacted] cannot pay", "What [redacted] saw; password=[redacted]")
        );
    }

    #[test]
    fn i8_an_answer_is_plain_text_of_bounded_length() {
        let mut given = answer();
        given["summary"] = json!("<!channel> \u{202E}all is well, log in at https://evil.example/x?y now\nfencefence");
        given["impact"] = json!("x".repeat(100_000));
        given["next_steps"] = json!(vec!["javascript://evil.example run this"; 1]);
        given["other_hypotheses"] = json!((0..500).map(|n| format!("{n} password=hunter22")).collect::<Vec<_>>());
        let reading = verify(&parse(&given).unwrap(), &steps(), "fence", &Redactor::default());
        assert_eq!(reading.summary, "<!channel> all is well, log in at evil.example/x?y now");
        assert_eq!(reading.next_steps, ["evil.example run this"]);
        assert!(reading.impact.len() <= TEXT_CAP);
        assert!(reading.hypotheses.len() <= MOST && reading.hypotheses[0].text.contains("[redacted]"));
        assert!(serde_json::to_string(&reading).unwrap().len() < 30_000);
    }
}

//! The answers of the Prometheus HTTP API.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value, json};

use crate::common::{counted, number, one_line};

/// How many series are kept.
pub(super) const SERIES: usize = 50;
/// How many points of a series are kept.
pub(super) const POINTS: usize = 200;
/// How much of the server's own words is kept, in characters.
const WORDS: usize = 300;

/// Why there is no result.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoResult {
    /// The server says so itself, in the API's form: kind, words.
    Refused(u16, String, String),
    /// It is not the API that answered.
    NotTheApi(u16),
    /// It takes no more queries for now.
    Busy(u16),
    /// It wants other credentials, or none that we have.
    Denied(u16),
    /// It has the API's form, and something in it that the API does not have.
    Unreadable(String),
}

impl NoResult {
    /// In words, of the server at `place`.
    pub(crate) fn at(&self, place: &str) -> String {
        match self {
            Self::Refused(status, kind, words) => format!("{place} answered {status} ({kind}): {words}"),
            Self::NotTheApi(status) => format!(
                "{place} answered {status}, and not as the Prometheus HTTP API does: is the Task's url the server's \
                 base URL?"
            ),
            Self::Busy(status) => format!("{place} answered {status}: it takes no more queries for now"),
            Self::Denied(status) => format!("{place} answered {status}: it does not let this query in"),
            Self::Unreadable(what) => format!("{place} answered what the Prometheus HTTP API does not: {what}"),
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    status: String,
    #[serde(default)]
    data: Option<Value>,
    #[serde(default, rename = "errorType")]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

/// Seconds, and the value as text, since JSON has no `NaN`.
type Pair = (f64, String);

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Sample>),
    Matrix(Vec<Stream>),
    Scalar(Pair),
    String(Pair),
}

#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: Option<Pair>,
    histogram: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<Pair>,
    #[serde(default)]
    histograms: Vec<IgnoredAny>,
}

/// A value: a number, or what it is instead.
#[derive(Debug, Clone, PartialEq)]
struct Reading {
    value: Value,
    special: String,
}

impl Reading {
    fn none(special: &str) -> Self {
        Self { value: Value::Null, special: special.to_owned() }
    }

    fn of(text: &str) -> Result<(Self, f64), NoResult> {
        let parsed: f64 =
            text.parse().map_err(|_| NoResult::Unreadable(format!("`{}` as a value", one_line(text, 40))))?;
        let special = if parsed.is_nan() {
            "NaN"
        } else if parsed == f64::INFINITY {
            "+Inf"
        } else if parsed == f64::NEG_INFINITY {
            "-Inf"
        } else {
            ""
        };
        Ok((Self { value: number(parsed), special: special.to_owned() }, parsed))
    }

    fn in_words(&self) -> String {
        match &self.value {
            Value::Null => self.special.clone(),
            Value::String(text) => one_line(text, 80),
            value => value.to_string(),
        }
    }
}

/// One series, as rules see it.
struct Series {
    labels: BTreeMap<String, String>,
    newest: Reading,
    range: Option<Range>,
}

struct Range {
    first: Value,
    min: Value,
    max: Value,
    points: Vec<Value>,
    total: usize,
}

/// What a query found.
pub(crate) struct Found {
    series: Vec<Series>,
    total: usize,
    warnings: Vec<String>,
    notes: Vec<String>,
    ranged: bool,
}

impl Found {
    /// What CEL sees, without the time it took.
    pub(crate) fn into_result(self) -> Value {
        let newest = self.series.first().map_or_else(|| Reading::none(""), |series| series.newest.clone());
        json!({
            "series": self.series.into_iter().map(Series::into_value).collect::<Vec<_>>(),
            "series_total": self.total,
            "value": newest.value,
            "special": newest.special,
            "warnings": self.warnings,
            "notes": self.notes,
        })
    }

    /// `= 1284 (1 series)`, to stand behind the query.
    pub(crate) fn in_words(&self) -> String {
        let Some(first) = self.series.first() else { return "has no series".to_owned() };
        let count = counted(self.total, "series", "series");
        match &first.range {
            Some(range) if self.ranged && !range.min.is_null() => format!(
                "= {}, from {} to {} ({count}, {})",
                first.newest.in_words(),
                range.min,
                range.max,
                counted(range.total, "point", "points")
            ),
            _ => format!("= {} ({count})", first.newest.in_words()),
        }
    }
}

impl Series {
    fn into_value(self) -> Value {
        let mut value = Map::new();
        value.insert("labels".to_owned(), json!(self.labels));
        value.insert("value".to_owned(), self.newest.value);
        value.insert("special".to_owned(), Value::from(self.newest.special));
        if let Some(range) = self.range {
            value.insert("first".to_owned(), range.first);
            value.insert("min".to_owned(), range.min);
            value.insert("max".to_owned(), range.max);
            value.insert("points".to_owned(), Value::from(range.points));
        }
        Value::Object(value)
    }
}

/// Reads an answer. `ranged` says which of the two queries was asked.
pub(crate) fn read(status: u16, body: &[u8], ranged: bool) -> Result<Found, NoResult> {
    let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
        return Err(match status {
            401 | 403 | 407 => NoResult::Denied(status),
            429 => NoResult::Busy(status),
            _ => NoResult::NotTheApi(status),
        });
    };
    if envelope.status != "success" || !(200..300).contains(&status) {
        let kind = if envelope.error_type.is_empty() { "no reason" } else { envelope.error_type.as_str() };
        return Err(NoResult::Refused(status, one_line(kind, 40), one_line(&envelope.error, WORDS)));
    }
    let data = envelope.data.ok_or_else(|| NoResult::Unreadable("no data".to_owned()))?;
    let data: Data =
        serde_json::from_value(data).map_err(|error| NoResult::Unreadable(one_line(&error.to_string(), WORDS)))?;
    let mut found = Found { series: Vec::new(), total: 0, warnings: Vec::new(), notes: Vec::new(), ranged };
    let mut histograms = false;
    let mut longest = 0;
    match data {
        Data::Vector(samples) => {
            found.total = samples.len();
            for sample in samples.into_iter().take(SERIES) {
                histograms |= sample.histogram.is_some();
                let newest = match sample.value {
                    Some((_, text)) => Reading::of(&text)?.0,
                    None if sample.histogram.is_some() => Reading::none("histogram"),
                    None => return Err(NoResult::Unreadable("a sample without a value".to_owned())),
                };
                found.series.push(Series { labels: sample.metric, newest, range: None });
            }
        }
        Data::Matrix(streams) => {
            found.total = streams.len();
            for stream in streams.into_iter().take(SERIES) {
                histograms |= !stream.histograms.is_empty();
                longest = longest.max(stream.values.len());
                found.series.push(ranged_series(stream)?);
            }
        }
        Data::Scalar((_, text)) => {
            found.total = 1;
            let newest = Reading::of(&text)?.0;
            found.series.push(Series { labels: BTreeMap::new(), newest, range: None });
        }
        Data::String((_, text)) => {
            found.total = 1;
            let newest = Reading { value: Value::from(text), special: String::new() };
            found.series.push(Series { labels: BTreeMap::new(), newest, range: None });
        }
    }
    if found.total > SERIES {
        found.notes.push(format!("the first {SERIES} of {} series are kept", found.total));
    }
    if longest > POINTS {
        found.notes.push(format!(
            "of up to {longest} points of a series, {POINTS} are kept, evenly spread; first, min and max are of all"
        ));
    }
    if histograms {
        found.notes.push("native histograms are not read: use histogram_quantile() or histogram_count()".to_owned());
    }
    let words = envelope.warnings.iter().chain(&envelope.infos);
    found.warnings = words.take(20).map(|words| one_line(words, WORDS)).collect();
    Ok(found)
}

fn ranged_series(stream: Stream) -> Result<Series, NoResult> {
    let total = stream.values.len();
    let mut points = Vec::with_capacity(total.min(POINTS));
    let mut first = Value::Null;
    let mut newest = Reading::none(if stream.histograms.is_empty() { "" } else { "histogram" });
    let mut bounds: Option<(f64, f64)> = None;
    for (at, (seconds, text)) in stream.values.into_iter().enumerate() {
        let (reading, value) = Reading::of(&text)?;
        if at == 0 {
            first = reading.value.clone();
        }
        if value.is_finite() {
            bounds = Some(bounds.map_or((value, value), |(min, max)| (min.min(value), max.max(value))));
        }
        if is_kept(at, total) {
            points.push(json!([number(seconds), reading.value]));
        }
        newest = reading;
    }
    let (min, max) = bounds.map_or((Value::Null, Value::Null), |(min, max)| (number(min), number(max)));
    Ok(Series { labels: stream.metric, newest, range: Some(Range { first, min, max, points, total }) })
}

/// Whether the point at this place is one of those kept: all while they are few, else [`POINTS`] of them, evenly spread,
/// the first and the last among them.
pub(super) fn is_kept(at: usize, total: usize) -> bool {
    if total <= POINTS {
        return true;
    }
    // The kept ones are floor(i * (total - 1) / (POINTS - 1)) for each i.
    let (gaps, last) = (POINTS - 1, total - 1);
    let nearest = (at * gaps).div_ceil(last);
    nearest * last / gaps == at
}

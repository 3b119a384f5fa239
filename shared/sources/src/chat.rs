//! What people ask for in Slack: slash commands and mentions, read into words.

use std::collections::BTreeMap;

use catalog::model::Source;
use domain::{Act, ChatPlace, Mark, Press, ResponseUrl};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    body,
    json::{first, first_word, list, text, time, word},
    normalized::hash,
    senders::slack::{is_by_an_app, our_name},
    verify::VerifiedPayload,
};

/// How a request begins with which Slack looks at the certificate of a URL. It asks for nothing but an answer, and is not
/// signed everywhere.
pub const SSL_CHECK: &[u8] = b"ssl_check=1";

/// What a request of Slack is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromSlack {
    /// It asks whether the URL is ours; this is to be sent back.
    Challenge(String),
    /// Somebody asks for something.
    Asked(Box<Asked>),
    /// Somebody pressed one of our buttons.
    Pressed(Box<Press>),
    /// It is an event, as [`normalize`](crate::normalize) reads it, or something that nothing follows from.
    Event,
}

/// A slash command, or a mention that asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Where, and who.
    pub place: ChatPlace,
    /// What names the request: the same when it is sent again.
    pub request: String,
    /// When, by Slack's clock.
    pub at: Timestamp,
    /// What was written, as it was typed.
    pub words: String,
    /// How we were called: `/firstlook`, or `@` and the mention's name.
    pub called: String,
    /// Where an answer may be posted; a slash command has one.
    pub response_url: Option<ResponseUrl>,
    /// Whether the answer to the request itself is shown to who asked.
    pub slash: bool,
    /// Whether `place.thread` stands already; a mention outside of threads begins one with its own message.
    pub in_thread: bool,
}

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// What can be asked for.
    Help,
    /// The newest RunSessions.
    Last,
    /// A Command.
    Run {
        /// Its name, as it was written.
        command: String,
        /// Its parameters, as they were written.
        with: BTreeMap<String, String>,
    },
}

/// What a verified request of Slack is for.
#[must_use]
pub fn from_slack(source: &Source, payload: &VerifiedPayload<'_>, received_at: Timestamp) -> FromSlack {
    let Ok(body) = body::read(payload) else { return FromSlack::Event };
    let asked = match text(&body, "/type") {
        Some("url_verification") => {
            return text(&body, "/challenge").map_or(FromSlack::Event, |it| FromSlack::Challenge(it.to_owned()));
        }
        Some("block_actions") => {
            let press = press(source, &body, payload.signed_at().unwrap_or(received_at));
            return press.map_or(FromSlack::Event, |press| FromSlack::Pressed(Box::new(press)));
        }
        Some("event_callback") => mention(source, &body, received_at),
        None => slash(source, &body, payload, received_at),
        Some(_) => None,
    };
    asked.map_or(FromSlack::Event, |asked| FromSlack::Asked(Box::new(asked)))
}

fn slash(source: &Source, body: &Value, payload: &VerifiedPayload<'_>, received_at: Timestamp) -> Option<Asked> {
    let place = ChatPlace {
        source: source.name.clone(),
        channel: text(body, "/channel_id")?.to_owned(),
        channel_name: word(body, "/channel_name"),
        thread: text(body, "/thread_ts").map(str::to_owned),
        user: text(body, "/user_id")?.to_owned(),
        user_name: word(body, "/user_name"),
        // Slack takes slash commands only in the workspaces where the app is installed.
        outside: false,
    };
    Some(Asked {
        place,
        request: text(body, "/trigger_id").map_or_else(|| hash(payload.raw()), str::to_owned),
        // The same when the request is sent again, since it is signed.
        at: payload.signed_at().unwrap_or(received_at),
        words: plain(text(body, "/text").unwrap_or_default()),
        called: text(body, "/command")?.to_owned(),
        response_url: text(body, "/response_url").map(|url| ResponseUrl(url.to_owned())),
        slash: true,
        in_thread: text(body, "/thread_ts").is_some(),
    })
}

/// A mention that asks for something: by one of our words, or outside of a thread, where it can mean nothing else.
fn mention(source: &Source, body: &Value, received_at: Timestamp) -> Option<Asked> {
    let event = body.get("event").filter(|event| text(event, "/type") == Some("app_mention"))?;
    if is_by_an_app(body, event) {
        return None;
    }
    let said = text(event, "/text").unwrap_or_default();
    let words = plain(our_name(body, said).map_or(said, |(_, behind)| behind));
    let thread = text(event, "/thread_ts");
    let asks = words.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if thread.is_some() && !["run", "help", "last"].contains(&asks.as_str()) {
        return None;
    }
    Some(Asked {
        place: ChatPlace {
            source: source.name.clone(),
            channel: text(event, "/channel")?.to_owned(),
            channel_name: String::new(),
            thread: thread.or_else(|| text(event, "/ts")).map(str::to_owned),
            user: text(event, "/user")?.to_owned(),
            user_name: String::new(),
            outside: mentions_from_outside(body, event),
        },
        request: text(body, "/event_id")?.to_owned(),
        at: time(body, "/event_time").unwrap_or(received_at),
        words,
        called: "@firstlook".to_owned(),
        response_url: None,
        slash: false,
        in_thread: thread.is_some(),
    })
}

/// A button of ours: what it says is the run and nothing else. Whose message it stands on, and whether that is the run's, is
/// found out where the runs are.
fn press(source: &Source, body: &Value, at: Timestamp) -> Option<Press> {
    let action = list(body, "/actions").first()?;
    let act = match text(action, "/action_id")?.strip_prefix("firstlook_")? {
        "again" => Act::Again,
        "stop" => Act::Stop,
        rates => {
            let mark = rates.strip_prefix("rate_")?.replace('_', " ");
            Act::Rate { mark: Mark::ALL.into_iter().find(|known| known.as_str() == mark)? }
        }
    };
    let (channel, ts) = (text(body, "/container/channel_id")?, text(body, "/container/message_ts")?);
    Some(Press {
        place: ChatPlace {
            source: source.name.clone(),
            channel: channel.to_owned(),
            channel_name: word(body, "/channel/name"),
            thread: None,
            user: text(body, "/user/id")?.to_owned(),
            user_name: first_word(body, &["/user/username", "/user/name"]).unwrap_or_default(),
            outside: is_outside(
                text(body, "/user/team_id"),
                body,
                &["/team/id", "/team/enterprise_id", "/enterprise/id"],
            ),
        },
        message: format!("{channel}/{ts}"),
        run: text(action, "/value")?.parse().ok()?,
        act,
        // Finer than the signature's second, so that two presses are two.
        at: text(action, "/action_ts").and_then(moment_of).unwrap_or(at),
        response_url: text(body, "/response_url").map(|url| ResponseUrl(url.to_owned())),
    })
}

/// Whether `theirs` is none of the workspace and the organization that have the app, which stand in `installed` at `places`. Of
/// people of an Enterprise organization Slack names the organization (`E...`), not the workspace. What is not known is none: an
/// installation for an organization has no workspace, and people of others press its buttons too.
fn is_outside(theirs: Option<&str>, installed: &Value, places: &[&str]) -> bool {
    theirs.is_none_or(|theirs| !places.iter().any(|at| text(installed, at) == Some(theirs)))
}

/// The same for who mentions us. In a shared channel the outer `team_id` of an event is whoever made the channel, and `team` may be
/// ours for people of others, so `authorizations` and `user_team` go before them (docs.slack.dev, "Slack Connect").
fn mentions_from_outside(body: &Value, event: &Value) -> bool {
    let installed = list(body, "/authorizations").first().unwrap_or(body);
    let theirs = first(event, &["/user_team", "/team"]);
    // Nobody of another organization is in a channel that is not shared, and each workspace of this one is ours where it has the app.
    let unshared = body.get("is_ext_shared_channel") == Some(&Value::Bool(false));
    let everywhere = installed.get("is_enterprise_install") == Some(&Value::Bool(true));
    let inside = unshared && (everywhere || theirs.is_none());
    !inside && is_outside(theirs, installed, &["/team_id", "/enterprise_id"])
}

/// The moment of a `ts`: seconds and microseconds.
fn moment_of(text: &str) -> Option<Timestamp> {
    let (seconds, micros) = text.split_once('.').filter(|(_, micros)| micros.len() == 6)?;
    let micros =
        seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros.parse::<u32>().ok()?.into())?;
    Timestamp::from_microsecond(micros).ok()
}

/// What `words` ask for.
///
/// # Errors
/// What is wrong with them and what to write, for who wrote them. It repeats what was written, so it is to be escaped.
pub fn ask(words: &str) -> Result<Ask, String> {
    let mut words = split(words)?.into_iter();
    let first = words.next().unwrap_or_default();
    let ask = match first.to_ascii_lowercase().as_str() {
        "" | "help" => Ask::Help,
        "last" => Ask::Last,
        "run" => {
            let command =
                words.next().ok_or("Which Command? Write `run COMMAND name=value ...`; `help` lists what there is.")?;
            let mut with = BTreeMap::new();
            for word in words.by_ref() {
                let Some((name, value)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) else {
                    return Err(format!(
                        "`{word}` gives no parameter: write `name=value`, with quotes where the value has spaces."
                    ));
                };
                if with.insert(name.to_owned(), value.to_owned()).is_some() {
                    return Err(format!("`{name}` is given twice."));
                }
            }
            Ask::Run { command, with }
        }
        _ => return Err(format!("I do not know `{first}`. Write `run COMMAND name=value ...`, `last` or `help`.")),
    };
    match words.next() {
        Some(more) => Err(format!("`{more}` is one word too many behind `{first}`.")),
        None => Ok(ask),
    }
}

/// The words of `text`. What is in quotes is one, also in those that keyboards make of plain ones.
fn split(text: &str) -> Result<Vec<String>, String> {
    const QUOTES: [&[char]; 2] = [&['"', '\u{201C}', '\u{201D}', '\u{201E}'], &['\'', '\u{2018}', '\u{2019}']];
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut closes: Option<&[char]> = None;
    for c in text.chars() {
        match closes {
            Some(quotes) if quotes.contains(&c) => closes = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c.is_whitespace() => words.extend(word.take()),
            None => {
                // Within a word it is an apostrophe.
                let begins = word.as_deref().is_none_or(|word| word.ends_with('='));
                let quotes = QUOTES.into_iter().find(|quotes| begins && quotes.contains(&c));
                let word = word.get_or_insert_default();
                match quotes {
                    Some(_) => closes = quotes,
                    None => word.push(c),
                }
            }
        }
    }
    if closes.is_some() {
        return Err("A quote is opened and not closed.".to_owned());
    }
    words.extend(word);
    Ok(words)
}

/// Slack's markup as it was typed: `&lt;` is `<`, and of a link stands what was written.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((inner, behind)) = after.split_once('>') else {
            plain.push('<');
            rest = after;
            continue;
        };
        let (target, label) = inner.split_once('|').map_or((inner, None), |(target, label)| (target, Some(label)));
        match (target.get(..1), label) {
            (Some(sign @ ("@" | "#")), Some(name)) => plain.extend([sign, name]),
            (Some("!"), Some(label)) => plain.push_str(label),
            (Some("!"), None) => plain.extend(["@", target.trim_start_matches('!')]),
            (_, Some(written)) => plain.push_str(written),
            (_, None) => plain.push_str(target),
        }
        rest = behind;
    }
    plain.push_str(rest);
    plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str, with: &[(&str, &str)]) -> Result<Ask, String> {
        let with = with.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(Ask::Run { command: command.to_owned(), with })
    }

    #[test]
    fn what_is_asked_for_is_read_however_it_is_typed() {
        assert_eq!(ask(""), Ok(Ask::Help));
        assert_eq!(ask(" Help "), Ok(Ask::Help));
        assert_eq!(ask("last"), Ok(Ask::Last));
        assert_eq!(ask("run triage"), run("triage", &[]));
        assert_eq!(
            ask("run  triage namespace=shop since=\"10 min\" note='a=b'"),
            run("triage", &[("namespace", "shop"), ("since", "10 min"), ("note", "a=b")])
        );
        // Keyboards of phones and Macs.
        assert_eq!(
            ask("Run triage a=\u{201C}x y\u{201D} b=\u{2018}z\u{2019}"),
            run("triage", &[("a", "x y"), ("b", "z")])
        );
        assert_eq!(ask("run triage who=ann's"), run("triage", &[("who", "ann's")]));
        assert_eq!(ask("run triage empty= also=\"\""), run("triage", &[("empty", ""), ("also", "")]));
    }

    #[test]
    fn what_cannot_be_read_says_what_to_write() {
        for (words, part) in [
            ("start triage", "I do not know `start`"),
            ("run", "Which Command?"),
            ("run triage shop", "`shop` gives no parameter"),
            ("run triage =x", "`=x` gives no parameter"),
            ("run triage a=1 a=2", "`a` is given twice"),
            ("run triage a=\"x", "not closed"),
            ("last week", "`week` is one word too many"),
            ("help me", "`me` is one word too many"),
        ] {
            let said = ask(words).unwrap_err();
            assert!(said.contains(part), "{words}: {said}");
        }
    }

    #[test]
    fn the_markup_of_slack_is_read_as_it_was_typed() {
        for (markup, typed) in [
            ("a &lt;b&gt; &amp;amp;", "a <b> &amp;"),
            ("url=<https://a.example/x?y=1&amp;z=2>", "url=https://a.example/x?y=1&z=2"),
            ("host=<http://db.internal|db.internal>", "host=db.internal"),
            ("<@U1|ann> <@U2> <#C1|ops> <!here> <!subteam^S1|@team>", "@ann @U2 #ops @here @team"),
            ("a < b", "a < b"),
            ("<", "<"),
            ("<>", ""),
        ] {
            assert_eq!(plain(markup), typed);
        }
    }
}

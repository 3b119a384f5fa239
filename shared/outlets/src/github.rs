//! A comment on a GitHub issue or pull request, edited in place (source: GitHub's REST API, issue comments, version
//! 2022-11-28). The comments of one issue are all that is ever called (I13).

use std::time::Duration;

use async_trait::async_trait;
use http::{StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use ports::SetupCheck;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use url::Url;

use crate::{
    Outlet, OutletError, Post,
    http::{Answer, Http},
    keyed::Keyed,
    note::Note,
    place::{clean_id, ticket, under},
    setup,
    words::Line,
};

/// GitHub's API.
pub const API: &str = "https://api.github.com";

/// How long to wait when GitHub does not say: its documentation asks for a minute at least.
const WAIT: Duration = Duration::from_secs(60);

/// How GitHub words its limits on bursts. Where it sends neither `Retry-After` nor a count, nothing else tells such a 403 from a
/// refusal (source: github.com/hub4j/github-api/issues/2009).
const BURSTS: [&str; 2] = ["secondary rate limit", "abuse detection"];

/// How many comments a page has, and how many pages are read.
const PAGE: usize = 100;
const PAGES: usize = 20;

/// A search looks at what was posted since this long before the first try: clocks differ.
const MARGIN: SignedDuration = SignedDuration::from_mins(10);

/// The longest line of a comment. What is in a code block is not wrapped.
const WIDTH: usize = 100;

/// GitHub.
pub(crate) struct GitHub {
    pub api: Keyed,
    pub base: Url,
    /// `owner/name`.
    pub repository: String,
    /// The issue, as the catalog has it.
    pub issue: String,
}

impl GitHub {
    /// `pieces` under the repository's issues.
    pub fn issues(&self, pieces: &[&str]) -> Result<Url, OutletError> {
        let (owner, name) = self.repository.split_once('/').unwrap_or_default();
        let (Some(owner), Some(name)) = (clean_id(owner, b"-", 39), clean_id(name, b"-_.", 100)) else {
            return Err(OutletError::permanent("`repository` of the github target must be `owner/name`"));
        };
        if name.bytes().all(|b| b == b'.') {
            return Err(OutletError::permanent("`repository` of the github target must be `owner/name`"));
        }
        under(&self.base, ["repos", owner, name, "issues"].iter().chain(pieces).copied())
    }

    fn comments(&self, post: &Post<'_>) -> Result<Url, OutletError> {
        self.issues(&[ticket(post)?, "comments"])
    }

    async fn send(
        &self,
        url: &Url,
        once: bool,
        request: impl Fn(&Http) -> RequestBuilder,
    ) -> Result<Answer, OutletError> {
        self.api
            .send(url, once, |http, key| {
                Ok(request(http)
                    .header(header::AUTHORIZATION, self.api.header(format!("Bearer {}", key.expose()))?)
                    .header(header::ACCEPT, "application/vnd.github+json")
                    .header("x-github-api-version", "2022-11-28"))
            })
            .await
    }

    /// What follows from an answer that is not a success.
    fn explain(&self, answer: &Answer, once: bool, now: Timestamp) -> OutletError {
        let body = answer.json();
        let said = answer.said("GitHub", &[body.get("message")]);
        if let Some(wait) = limit(answer, now) {
            return OutletError::Limited { reason: "GitHub asks to wait".to_owned(), wait };
        }
        if let Some(known) = answer.common("GitHub", &said, once, (WAIT, now)) {
            return known;
        }
        let key = self.api.name();
        match answer.status {
            StatusCode::UNAUTHORIZED => {
                OutletError::permanent(format!("{said}: put a token that is valid under `{key}` in the secret"))
            }
            StatusCode::FORBIDDEN => OutletError::permanent(format!(
                "{said}: the token under `{key}` needs `Issues: write` on the repository, and the issue must not be locked"
            )),
            StatusCode::NOT_FOUND => OutletError::permanent(format!(
                "{said}: the repository, the issue or the comment is not there, or the token may not see it"
            )),
            StatusCode::GONE => OutletError::permanent(format!("{said}: issues are turned off there")),
            _ => OutletError::permanent(said),
        }
    }
}

/// How long GitHub asks to wait, if that is what it answers. Each of its limits is told by 403 or 429: the first by what remains,
/// the second by how long to wait, or by words alone.
pub(crate) fn limit(answer: &Answer, now: Timestamp) -> Option<Duration> {
    let forbidden = answer.status == StatusCode::FORBIDDEN;
    if !forbidden && answer.status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let number = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    let spent = number("x-ratelimit-remaining") == Some(0);
    let after = answer.retry_after(now);
    let in_words = || {
        let body = answer.json();
        let message = body.get("message").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        BURSTS.iter().any(|words| message.contains(words))
    };
    if forbidden && !spent && after.is_none() && !in_words() {
        return None;
    }
    let reset = || {
        let reset = Timestamp::from_second(number("x-ratelimit-reset").filter(|_| spent)?).ok()?;
        Duration::try_from(reset.duration_since(now)).ok()
    };
    Some(after.or_else(reset).unwrap_or(WAIT))
}

/// What is sent.
pub(crate) fn body(post: &Post<'_>) -> Value {
    json!({ "body": render(post) })
}

/// The comment's Markdown. All that is said stands in a code block, the one place where no mention, reference or link comes
/// alive; the fence is longer than any in the text. The last line is not shown by GitHub.
#[must_use]
pub fn render(post: &Post<'_>) -> String {
    let note = Note::of(post);
    let mut comment = above(&note.words);
    comment.push_str(&fenced(note.lines.iter().map(String::as_str)));
    for (opens, link) in &note.links {
        comment.push_str(&format!("\n[{opens}]({link})\n"));
    }
    comment.push_str(&format!("\n<!-- {} -->", note.marker));
    comment
}

/// What the team says: its own lines are Markdown without HTML, and may mention people; a line with a value stands in a code block,
/// and so does what the team has put into one.
fn above(words: &[Line]) -> String {
    let mut above = String::new();
    for lines in alive(words).chunk_by(|(one, _), (next, _)| one == next) {
        if lines.iter().all(|(alive, _)| *alive) {
            for (_, line) in lines {
                above.push_str(&line.replace('&', "&amp;").replace('<', "&lt;"));
                above.push('\n');
            }
        } else {
            above.push_str(&fenced(lines.iter().map(|(_, line)| *line)));
        }
        above.push('\n');
    }
    above
}

/// Each line, and whether it is Markdown. The fences of the team's own code blocks are left out: a value within such a block could
/// close it and be Markdown itself, so the block gets a fence of ours, as every value does.
fn alive(words: &[Line]) -> Vec<(bool, &str)> {
    let mut open: Option<&str> = None;
    let mut lines = Vec::new();
    for line in words {
        match (open, fence(&line.text).filter(|_| line.own)) {
            (None, Some((opens, _))) => open = Some(opens),
            (Some(opens), Some((closes, ""))) if closes.starts_with(opens) => open = None,
            _ => lines.push((line.own && open.is_none(), line.text.as_str())),
        }
    }
    lines
}

/// The fence that opens a code block with `line`, or may close one, and what stands behind it (source: CommonMark 0.31, 4.5).
fn fence(line: &str) -> Option<(&str, &str)> {
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let (fence, rest) = line.split_at_checked(line.len() - line.trim_start_matches(mark).len())?;
    (fence.len() >= 3 && !(mark == '`' && rest.contains(mark))).then_some((fence, rest))
}

/// `lines` in a code block whose fence is longer than any in them.
fn fenced<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    let mut said = String::new();
    for line in lines {
        wrap(line, &mut said);
    }
    let longest = said.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{said}{fence}\n")
}

/// `line` in lines of at most [`WIDTH`] where it has spaces, the further ones indented.
fn wrap(line: &str, to: &mut String) {
    let indent = line.len() - line.trim_start().len();
    let mut width = 0;
    for (at, word) in line.split(' ').enumerate() {
        let length = word.chars().count();
        if at > 0 && width + 1 + length > WIDTH {
            to.push('\n');
            to.push_str(&" ".repeat(indent + 2));
            width = indent + 2;
        } else if at > 0 {
            to.push(' ');
            width += 1;
        }
        to.push_str(word);
        width += length;
    }
    to.push('\n');
}

#[async_trait]
impl Outlet for GitHub {
    async fn find(&self, post: &Post<'_>) -> Result<Option<String>, OutletError> {
        let marker = format!("<!-- {} -->", post.marker());
        let since = post.target.sending_since.and_then(|since| since.checked_sub(MARGIN).ok());
        for page in 1..=PAGES {
            let mut url = self.comments(post)?;
            url.query_pairs_mut().append_pair("per_page", &PAGE.to_string()).append_pair("page", &page.to_string());
            if let Some(since) = since {
                let since = since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                url.query_pairs_mut().append_pair("since", &since);
            }
            let answer = self.send(&url, false, |http| http.get(&url)).await?;
            if !answer.status.is_success() {
                return Err(self.explain(&answer, false, post.now));
            }
            let body = answer.json();
            let Some(comments) = body.as_array() else {
                return Err(OutletError::transient("GitHub lists no comments where it should"));
            };
            let ours = |comment: &&Value| {
                comment.get("body").and_then(Value::as_str).is_some_and(|body| body.trim_end().ends_with(&marker))
            };
            if let Some(id) = comments.iter().find(ours).and_then(|ours| ours.get("id")) {
                return Ok(Some(id.to_string()));
            }
            if comments.len() < PAGE {
                return Ok(None);
            }
        }
        Err(OutletError::permanent("the issue has too many comments to see whether an earlier try's stands among them"))
    }

    async fn post(&self, post: &Post<'_>) -> Result<String, OutletError> {
        let url = self.comments(post)?;
        let body = body(post);
        let answer = self.send(&url, true, |http| http.post(&url).json(&body)).await?;
        if !answer.status.is_success() {
            return Err(self.explain(&answer, true, post.now));
        }
        match answer.json().get("id").and_then(Value::as_u64) {
            Some(id) => Ok(id.to_string()),
            None => Err(OutletError::ambiguous("GitHub took the comment and did not say which it is")),
        }
    }

    async fn edit(&self, provider_id: &str, post: &Post<'_>) -> Result<(), OutletError> {
        let id = clean_id(provider_id, b"", 32).ok_or_else(|| OutletError::permanent("the comment has no id"))?;
        let url = self.issues(&["comments", id])?;
        let body = body(post);
        let answer = self.send(&url, false, |http| http.patch(&url).json(&body)).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        if answer.is_of_deleted(self, post).await {
            return Err(OutletError::Deleted { reason: answer.said("GitHub", &[]) });
        }
        Err(self.explain(&answer, false, post.now))
    }

    async fn check(&self, now: Timestamp) -> Vec<SetupCheck> {
        setup::github::check(self, now).await
    }
}

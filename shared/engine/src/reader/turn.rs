//! One turn of the model, with what goes wrong on the way to it: each ends in a record, in a reason, or in the next slice.

use std::time::Duration;

use domain::{Estimate, LeaseToken, ModelTurn, Part, Run};
use jiff::{SignedDuration, Timestamp};
use store::{BudgetScope, DayBudget, Reserved, StoreError};

use super::{
    Reads, TURN_LEAST, answer,
    budget::{self, Allowed},
    conversation::Conversation,
    tools::Offer,
};
use crate::{
    DriveError, Engine, MAX_SLICES, evidence,
    model::{Answered, ModelError, Turn},
};

/// The longest that one turn is waited for.
pub const TURN_TIME: Duration = Duration::from_secs(120);

/// How often a turn is tried while the model says that it may answer later.
pub const TRIES: u32 = 5;

/// The most bytes of a recorded turn, far below an item's 400 KB.
const RECORD_CAP: usize = 200_000;

/// What came of asking.
#[derive(Debug)]
pub enum Asked {
    /// It is recorded.
    Recorded(Box<ModelTurn>),
    /// No more turns, for this reason.
    Ended(String),
    /// The invocation's time is up.
    Paused,
}

/// What is asked for.
pub struct Request<'a> {
    /// What is said so far.
    pub talk: &'a Conversation,
    /// The tools.
    pub offer: &'a Offer<'a>,
    /// When the invocation and the run's time end.
    pub until: Timestamp,
    /// See above.
    pub ends: Timestamp,
    /// Whether this invocation has done something before.
    pub did: bool,
}

/// One try, as the budgets allow it.
struct Try {
    must_use: Option<&'static str>,
    max_tokens: u32,
    most: Estimate,
    budgets: Vec<DayBudget>,
    at: Timestamp,
}

/// Whether to try.
enum Tried {
    Go(Try),
    Not(Asked),
}

impl Engine {
    /// Asks for one turn and records it. Each try is held to all limits as they stand then, and so is what earlier tries may
    /// have cost.
    pub(super) async fn ask(
        &self,
        run: &Run,
        token: LeaseToken,
        reads: &Reads<'_>,
        request: &Request<'_>,
    ) -> Result<Asked, DriveError> {
        let messages = request.talk.messages();
        let (mut pause, mut before) = (Duration::from_secs(1), None);
        for attempt in 1.. {
            let tried = match self.try_now(run, token, reads, request, before.is_some()).await? {
                Tried::Go(tried) => tried,
                // Why the try before went wrong says more than that there is no other.
                Tried::Not(Asked::Ended(limit)) => {
                    return Ok(Asked::Ended(match before {
                        Some(reason) => format!("{reason}; then {limit}"),
                        None => limit,
                    }));
                }
                Tried::Not(other) => return Ok(other),
            };
            let turn = Turn {
                model: &reads.model,
                system: &request.talk.opening.system,
                messages: &messages,
                tools: &request.offer.tools,
                must_use: tried.must_use,
                max_tokens: tried.max_tokens,
                within: left(tried.at, request.until.min(request.ends)).min(TURN_TIME),
            };
            let asked = tokio::time::Instant::now();
            let answer = tokio::time::timeout(turn.within, self.models.ask(&turn)).await.unwrap_or_else(|_| {
                let reason = format!("the model `{}` did not answer within {:?}", reads.model, turn.within);
                Err(ModelError::Transient { reason, retry_after: None, may_cost: true })
            });
            let error = match answer {
                Ok(answered) => {
                    let elapsed = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
                    let record = record(request, reads, answered, &tried, elapsed);
                    self.store.record_turn(run.id, token, &record, tried.most.usd, &tried.budgets).await?;
                    self.say(request, &record);
                    return Ok(Asked::Recorded(Box::new(record)));
                }
                Err(error) => error,
            };
            // What may have been paid stays reserved; the next reservation, or the run's end, counts it as lost.
            if !error.may_cost() {
                self.store.release_turn(run.id, token, tried.most.usd, &tried.budgets).await?;
            }
            let (reason, wait) = match error {
                ModelError::Permanent { reason, .. } => return Ok(Asked::Ended(reason)),
                ModelError::Transient { reason, retry_after, .. } => (reason, retry_after.unwrap_or(pause)),
            };
            tracing::warn!(attempt, reason, "the model did not answer");
            if attempt >= TRIES {
                return Ok(Asked::Ended(format!("{reason}; it was tried {TRIES} times")));
            }
            let now = self.clock.now();
            let again = SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok());
            if again.is_none_or(|again| again >= request.ends) {
                return Ok(Asked::Ended(format!("{reason}; the run's time does not reach to another try")));
            }
            tokio::time::sleep(wait.min(left(now, request.until))).await;
            pause = (pause * 2).min(Duration::from_secs(20));
            before = Some(reason);
        }
        Ok(Asked::Paused)
    }

    /// Looks at what was said of the incident, at the time, and at all limits as they stand now, and reserves a turn.
    async fn try_now(
        &self,
        run: &Run,
        token: LeaseToken,
        reads: &Reads<'_>,
        request: &Request<'_>,
        again: bool,
    ) -> Result<Tried, DriveError> {
        let known = self.store.reader().run(run.id).await?.ok_or(StoreError::NoRun(run.id))?;
        let ended = |reason| Ok(Tried::Not(Asked::Ended(reason)));
        if let Some(reason) = self.stopped(&known) {
            return ended(reason);
        }
        let at = self.clock.now();
        let budgets = self.day_budgets(run, at);
        let Request { talk, offer, until, ends, did } = *request;
        let (max_tokens, most, narrow) = match self.allowed(&known, reads, talk, offer, &budgets, ends).await? {
            Allowed::Turn { max_tokens, most, narrow } => (max_tokens, most, narrow),
            Allowed::Nothing(limit) => return ended(limit),
        };
        // A turn that cannot come to its end here may be paid for nothing. Where an invocation is never longer, it begins.
        let is_late = left(at, until) < TURN_LEAST && ends > until && run.slice + 1 < MAX_SLICES;
        if at >= until || (is_late && (did || again)) {
            return Ok(Tried::Not(Asked::Paused));
        }
        if let Some(limit) = &narrow {
            tracing::info!(limit, "the plan narrows: the next turn is the answer");
        }
        if let Some(lost) = known.cost.pending {
            tracing::warn!(lost_tokens = lost.tokens, lost_usd = lost.usd.usd(), "turn lost");
        }
        if let Reserved::Over(scope) = self.store.reserve_turn(run.id, token, most, &budgets).await? {
            return ended(format!("{} was reached", whose(&scope)));
        }
        let must_use = (narrow.is_some() || talk.went_wrong()).then_some(answer::TOOL);
        Ok(Tried::Go(Try { must_use, max_tokens, most, budgets, at }))
    }

    /// What a turn used, for the metrics.
    fn say(&self, request: &Request<'_>, turn: &ModelTurn) {
        tracing::info!(
            turn = turn.turn,
            model = %turn.model,
            prompt_bytes = request.talk.opening.bytes,
            input_tokens = turn.usage.input,
            output_tokens = turn.usage.output,
            cache_read_tokens = turn.usage.cache_read,
            cache_write_tokens = turn.usage.cache_write,
            tokens = turn.usage.total(),
            usd = turn.usd.usd(),
            elapsed_ms = turn.elapsed_ms,
            "turn recorded"
        );
    }
}

/// A day's limit, for people.
#[must_use]
pub fn whose(scope: &BudgetScope) -> String {
    match scope {
        BudgetScope::Workflow(name) => format!("the budget of the workflow `{name}` for the day (`usd_per_day`)"),
        BudgetScope::Account => "the account's budget for the day (`usd_per_day`)".to_owned(),
    }
}

fn left(now: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(now)).unwrap_or(Duration::ZERO)
}

fn record(request: &Request<'_>, reads: &Reads<'_>, answered: Answered, tried: &Try, elapsed_ms: u64) -> ModelTurn {
    let Answered { mut parts, stop, usage } = answered;
    for part in &mut parts {
        if let Part::ToolCall { arguments, .. } = part {
            evidence::flatten(arguments);
        }
    }
    if serde_json::to_string(&parts).map_or(usize::MAX, |text| text.len()) > RECORD_CAP {
        parts = vec![Part::Text { text: format!("(a reply of more than {RECORD_CAP} bytes, which was not kept)") }];
    }
    ModelTurn {
        turn: request.talk.next_turn(),
        model: reads.model.clone(),
        at: tried.at,
        elapsed_ms,
        must_use: tried.must_use.map(str::to_owned),
        parts,
        stop,
        usage,
        usd: budget::cost(reads.price, &usage),
    }
}

//! One turn of the model, with what goes wrong on the way to it: each ends in a record, in a reason, or in the next slice.

use std::time::Duration;

use domain::{LeaseToken, ModelTurn, Money, Part, Run};
use jiff::{SignedDuration, Timestamp};
use store::{BudgetScope, DayBudget, Reserved};

use super::{Reads, budget, conversation::Conversation};
use crate::{
    DriveError, Engine, evidence,
    model::{Answered, ModelError, Tool, Turn},
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
    pub tools: &'a [Tool],
    /// The one that must be used.
    pub must_use: Option<&'static str>,
    /// The most tokens of the answer.
    pub max_tokens: u32,
    /// What that may cost.
    pub usd: Money,
    /// The counters that it is taken from.
    pub budgets: &'a [DayBudget],
    /// When the invocation and the run's time end.
    pub until: Timestamp,
    /// See above.
    pub ends: Timestamp,
}

impl Engine {
    /// Asks for one turn and records it.
    pub(super) async fn ask(
        &self,
        run: &Run,
        token: LeaseToken,
        reads: &Reads<'_>,
        request: &Request<'_>,
    ) -> Result<Asked, DriveError> {
        let messages = request.talk.messages();
        let mut pause = Duration::from_secs(1);
        for attempt in 1.. {
            let at = self.clock.now();
            let left = left(at, request.until.min(request.ends));
            if left.is_zero() {
                return Ok(self.out_of_time(request));
            }
            let price = request.usd;
            match self.store.reserve_turn(run.id, token, price, request.budgets).await? {
                Reserved::Now => {}
                Reserved::Over(scope) => return Ok(Asked::Ended(format!("{} was reached", whose(&scope)))),
            }
            let turn = Turn {
                model: &reads.model,
                system: &request.talk.opening.system,
                messages: &messages,
                tools: request.tools,
                must_use: request.must_use,
                max_tokens: request.max_tokens,
                within: left.min(TURN_TIME),
            };
            let asked = tokio::time::Instant::now();
            let (reason, wait) = match tokio::time::timeout(turn.within, self.models.ask(&turn)).await {
                Ok(Ok(answered)) => {
                    let elapsed = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
                    let record = record(request, reads, answered, at, elapsed);
                    self.store.record_turn(run.id, token, &record, price, request.budgets).await?;
                    tracing::info!(
                        turn = record.turn,
                        model = %record.model,
                        input_tokens = record.usage.input,
                        output_tokens = record.usage.output,
                        cache_read_tokens = record.usage.cache_read,
                        cache_write_tokens = record.usage.cache_write,
                        usd = record.usd.usd(),
                        elapsed_ms = record.elapsed_ms,
                        "turn recorded"
                    );
                    return Ok(Asked::Recorded(Box::new(record)));
                }
                Ok(Err(ModelError::Permanent { reason })) => {
                    self.store.release_turn(run.id, token, price, request.budgets).await?;
                    return Ok(Asked::Ended(reason));
                }
                Ok(Err(ModelError::Transient { reason, retry_after })) => {
                    // One that ran out of its time may have been answered, and paid for: its reservation stays.
                    if asked.elapsed() < turn.within {
                        self.store.release_turn(run.id, token, price, request.budgets).await?;
                    }
                    (reason, retry_after.unwrap_or(pause))
                }
                Err(_) => (format!("the model `{}` did not answer within {:?}", reads.model, turn.within), pause),
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
            tokio::time::sleep(wait.min(self::left(now, request.until))).await;
            pause = (pause * 2).min(Duration::from_secs(20));
        }
        Ok(Asked::Paused)
    }

    fn out_of_time(&self, request: &Request<'_>) -> Asked {
        if self.clock.now() >= request.ends {
            Asked::Ended("the run's time budget was reached".to_owned())
        } else {
            Asked::Paused
        }
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

fn record(request: &Request<'_>, reads: &Reads<'_>, answered: Answered, at: Timestamp, elapsed_ms: u64) -> ModelTurn {
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
        at,
        elapsed_ms,
        must_use: request.must_use.map(str::to_owned),
        parts,
        stop,
        usage,
        usd: budget::cost(reads.price, &usage),
    }
}

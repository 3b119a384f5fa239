//! What an Assistant may still use (I12): time, tokens, money of the run, and money of the day.
//!
//! At 80 % of any limit the plan narrows: the model must answer now. At 100 %, or where not even a short answer is paid for,
//! the run concludes with what it has.

use catalog::model::{AssistantLimits, Price, Tokens};
use domain::{Cost, Estimate, Money, Usage};

use super::prompt::PROMPT_CAP;

/// The tokens of a run where its Assistant says nothing.
pub const RUN_TOKENS: u64 = 200_000;

/// The most turns of a run; the last of them must be the answer.
pub const MAX_TURNS: u32 = 12;

/// The most tool calls of a run.
pub const MAX_CALLS: usize = 24;

/// The most bytes of a conversation.
pub const CONVERSATION_CAP: usize = 16 * PROMPT_CAP;

/// The most tokens of one answer, where the Model says nothing.
pub const ANSWER_TOKENS: u32 = 4096;

/// An answer of fewer tokens than this is not asked for.
const LEAST_TOKENS: u32 = 512;

/// What `usage` costs; nothing where the Model has no price, which no limit in money can have.
#[must_use]
pub fn cost(price: Option<&Price>, usage: &Usage) -> Money {
    let Usage { input, output, cache_read, cache_write } = *usage;
    price.map_or(Money::ZERO, |price| price.cost(Tokens { input, output, cache_read, cache_write }))
}

/// What reading `tokens` costs at most, whether they are cached or not.
fn reading(price: Option<&Price>, tokens: u64) -> Money {
    let read = cost(price, &Usage { input: tokens, ..Usage::default() });
    read.max(cost(price, &Usage { cache_write: tokens, ..Usage::default() }))
}

/// The most tokens that a request's own marks take: roles, tools' forms, what a provider says before all.
const MARKS: u64 = 1000;

/// A count of fewer tokens than one for so many bytes is not believed: most texts have one for four.
const SPARSE: u64 = 8;

/// The most tokens that reading a conversation of `bytes` takes. No tokenizer makes more tokens than bytes, and digits and
/// hashes come near to that. Of what was read before the provider's own count is known: `counted` is that, and how many
/// bytes have come since.
#[must_use]
pub fn most_read(bytes: usize, counted: Option<(u64, usize)>) -> u64 {
    let of = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    let counted = counted
        .filter(|(tokens, since)| tokens.saturating_mul(SPARSE) >= of(bytes.saturating_sub(*since)))
        .map(|(tokens, since)| tokens.saturating_add(of(since)));
    counted.map_or(of(bytes), |counted| counted.min(of(bytes))).saturating_add(MARKS)
}

/// US dollars as a catalog has them.
#[must_use]
pub fn usd(dollars: f64) -> Money {
    Money::from_usd(dollars).unwrap_or(Money::ZERO)
}

/// A limit of a day and how far it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayUse {
    /// Whose it is, for people.
    pub whose: String,
    /// What was spent and reserved.
    pub spent: Money,
    /// The limit.
    pub limit: Money,
}

/// How things stand before a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<'a> {
    /// The Assistant's limits.
    pub limits: &'a AssistantLimits,
    /// The model's price.
    pub price: Option<&'a Price>,
    /// The most tokens of an answer.
    pub max_tokens: u32,
    /// What the run has cost.
    pub cost: Cost,
    /// The days' limits.
    pub days: &'a [DayUse],
    /// How much of the run's time is used, in milliseconds, and how much there is.
    pub time_ms: (u64, u64),
    /// The next turn's number; those whose answer got lost were turns too.
    pub turn: u64,
    /// Tool calls so far.
    pub calls: usize,
    /// The conversation so far, in bytes.
    pub bytes: usize,
    /// The most tokens that reading it takes.
    pub input: u64,
}

/// What may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// A turn.
    Turn {
        /// The most tokens of its answer.
        max_tokens: u32,
        /// The most that it can use.
        most: Estimate,
        /// Set when it must be the answer: which limit is near.
        narrow: Option<String>,
    },
    /// Nothing more: which limit is reached.
    Nothing(String),
}

impl Standing<'_> {
    /// What may be done now.
    #[must_use]
    pub fn allows(&self) -> Allowed {
        let input = self.input;
        let reading = reading(self.price, input);
        let tokens = self.limits.tokens.unwrap_or(RUN_TOKENS);
        let output = self.price.map_or(0, |price| price.output.0.nanos());
        let money = |name: String, used: Money, limit: Money| Limit {
            name,
            used: used.nanos(),
            limit: limit.nanos(),
            reading: reading.nanos(),
            per_million: u128::from(output),
        };
        let mut limits = vec![Limit {
            name: format!("the run's budget of {tokens} tokens"),
            used: self.cost.tokens_at_most(),
            limit: tokens,
            reading: input,
            per_million: MILLION,
        }];
        limits.extend(self.limits.usd.map(|dollars| {
            let limit = usd(dollars);
            money(format!("the run's budget of {limit}"), self.cost.at_most(), limit)
        }));
        limits.extend(self.days.iter().map(|day| money(day.whose.clone(), day.spent, day.limit)));

        let (mut max_tokens, mut narrow) = (self.max_tokens, None);
        for limit in limits {
            let affordable = limit.affordable();
            if affordable < LEAST_TOKENS.min(self.max_tokens) || limit.used >= limit.limit {
                return Allowed::Nothing(format!("{} was reached", limit.name));
            }
            if limit.is_near(self.max_tokens) {
                narrow = narrow.or(Some(limit.name));
            }
            max_tokens = max_tokens.min(affordable);
        }
        let (time, all) = self.time_ms;
        if time >= all {
            return Allowed::Nothing("the run's time budget was reached".to_owned());
        }
        if self.turn > u64::from(MAX_TURNS) {
            return Allowed::Nothing(format!("the limit of {MAX_TURNS} turns was reached"));
        }
        for (name, used, limit) in [
            ("the run's time budget", time, all),
            ("the limit of turns", self.turn + 1, u64::from(MAX_TURNS)),
            ("the limit of tool calls", self.calls as u64, MAX_CALLS as u64),
            ("the limit of the conversation's length", self.bytes as u64, CONVERSATION_CAP as u64),
        ] {
            if reaches(used, limit) {
                narrow = narrow.or_else(|| Some(name.to_owned()));
            }
        }
        let answer = cost(self.price, &Usage { output: u64::from(max_tokens), ..Usage::default() });
        let most = Estimate { tokens: input.saturating_add(u64::from(max_tokens)), usd: reading.plus(answer) };
        Allowed::Turn { max_tokens, most, narrow }
    }
}

const MILLION: u128 = 1_000_000;

/// One limit in tokens or in nano-dollars.
struct Limit {
    name: String,
    used: u64,
    limit: u64,
    /// What reading the conversation once more takes of it.
    reading: u64,
    /// What a million tokens of an answer take of it.
    per_million: u128,
}

impl Limit {
    /// The most tokens of an answer that it still pays for.
    fn affordable(&self) -> u32 {
        let left = self.limit.saturating_sub(self.used);
        let tokens = match left.checked_sub(self.reading) {
            Some(rest) => (u128::from(rest) * MILLION).checked_div(self.per_million).unwrap_or(u128::MAX),
            None => 0,
        };
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }

    /// Whether four fifths are used, or after a turn as large as this one no answer would be left.
    fn is_near(&self, max_tokens: u32) -> bool {
        let answer = (u128::from(max_tokens) * self.per_million).div_ceil(MILLION);
        let turn = answer + u128::from(self.reading);
        reaches(self.used, self.limit) || u128::from(self.limit.saturating_sub(self.used)) < turn * 2
    }
}

/// Whether four fifths of `limit` are used.
fn reaches(used: u64, limit: u64) -> bool {
    used.saturating_mul(5) >= limit.saturating_mul(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Price {
        serde_json::from_value(serde_json::json!({"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75}))
            .unwrap()
    }

    fn limits(tokens: Option<u64>, usd: Option<f64>) -> AssistantLimits {
        AssistantLimits { time: None, tokens, usd }
    }

    fn standing<'a>(limits: &'a AssistantLimits, price: &'a Price, days: &'a [DayUse]) -> Standing<'a> {
        Standing {
            limits,
            price: Some(price),
            max_tokens: 1000,
            cost: Cost::default(),
            days,
            time_ms: (0, 300_000),
            turn: 1,
            calls: 0,
            bytes: 2997,
            input: 1000,
        }
    }

    fn narrow(standing: &Standing<'_>) -> Option<String> {
        match standing.allows() {
            Allowed::Turn { narrow, .. } => narrow,
            Allowed::Nothing(limit) => panic!("{limit}"),
        }
    }

    #[test]
    fn i12_the_estimate_of_a_turn_is_what_it_may_cost_at_most() {
        let (none, price) = (limits(None, None), price());
        let most = Estimate { tokens: 2000, usd: usd(0.01875) };
        let wanted = Allowed::Turn { max_tokens: 1000, most, narrow: None };
        assert_eq!(standing(&none, &price, &[]).allows(), wanted);
        let free = Standing { price: None, ..standing(&none, &price, &[]) };
        let most = Estimate { tokens: 2000, usd: Money::ZERO };
        assert_eq!(free.allows(), Allowed::Turn { max_tokens: 1000, most, narrow: None });
    }

    #[test]
    fn i12_at_four_fifths_of_any_limit_the_plan_narrows_and_at_the_whole_it_ends() {
        let price = price();
        let day =
            |spent: u64| [DayUse { whose: "the day's".into(), spent: usd(spent as f64 / 100.0), limit: usd(1.0) }];
        let (tokens, money, none) = (limits(Some(100_000), None), limits(None, Some(1.0)), limits(None, None));
        let used = |input, cents: u64| Cost {
            usage: Usage { input, ..Usage::default() },
            usd: usd(0.01),
            lost_usd: usd((cents.max(1) - 1) as f64 / 100.0),
            ..Cost::default()
        };
        for (share, is_narrow, is_over) in [(79, false, false), (80, true, false), (100, true, true), (130, true, true)]
        {
            let days = day(share);
            for standing in [
                Standing { cost: used(share * 1000, 0), ..standing(&tokens, &price, &[]) },
                Standing { cost: used(0, share), ..standing(&money, &price, &[]) },
                standing(&none, &price, &days),
                Standing { time_ms: (share * 10, 1000), ..standing(&none, &price, &[]) },
            ] {
                match standing.allows() {
                    Allowed::Turn { narrow, .. } => {
                        assert_eq!((narrow.is_some(), is_over), (is_narrow, false), "{share}")
                    }
                    Allowed::Nothing(limit) => assert!(is_over && limit.ends_with(" was reached"), "{share} {limit}"),
                }
            }
        }
    }

    #[test]
    fn i12_what_is_left_shortens_the_answer_before_it_forbids_it() {
        let price = price();
        // Reading costs 0.00375; 600 tokens of an answer are left, then too few.
        let short = limits(None, Some(0.01275));
        let near = Some("the run's budget of $0.0127".to_owned());
        let most = Estimate { tokens: 1600, usd: usd(0.01275) };
        let wanted = Allowed::Turn { max_tokens: 600, most, narrow: near };
        assert_eq!(standing(&short, &price, &[]).allows(), wanted);
        let none = limits(None, Some(0.01075));
        assert!(matches!(standing(&none, &price, &[]).allows(), Allowed::Nothing(_)));
        let zero = limits(None, Some(0.0));
        let free = Standing { price: None, ..standing(&zero, &price, &[]) };
        assert!(matches!(free.allows(), Allowed::Nothing(_)), "none is none");
    }

    #[test]
    fn i12_turns_calls_and_length_are_bounded_too() {
        let (none, price) = (limits(None, None), price());
        assert_eq!(narrow(&Standing { turn: 4, ..standing(&none, &price, &[]) }), None);
        assert!(narrow(&Standing { turn: u64::from(MAX_TURNS), ..standing(&none, &price, &[]) }).is_some());
        assert!(narrow(&Standing { calls: MAX_CALLS, ..standing(&none, &price, &[]) }).is_some());
        assert!(narrow(&Standing { bytes: CONVERSATION_CAP, ..standing(&none, &price, &[]) }).is_some());
        let over = Standing { turn: u64::from(MAX_TURNS) + 1, ..standing(&none, &price, &[]) };
        assert_eq!(over.allows(), Allowed::Nothing(format!("the limit of {MAX_TURNS} turns was reached")));
    }

    #[test]
    fn i12_no_text_has_more_tokens_than_its_estimate() {
        // A token for each byte is the most that any tokenizer makes of digits.
        assert_eq!(most_read(24_000, None), 25_000);
        // What was read before was counted; what came since is not.
        assert_eq!(most_read(24_000, Some((6_000, 2_000))), 9_000);
        // A server that counts nothing, or a part, is not believed.
        assert_eq!(most_read(24_000, Some((0, 2_000))), 25_000);
        assert_eq!(most_read(24_000, Some((2_700, 2_000))), 25_000);
        assert_eq!(most_read(24_000, Some((90_000, 2_000))), 25_000);
        assert_eq!(most_read(usize::MAX, None), u64::MAX);
    }

    #[test]
    fn i12_what_is_reserved_or_lost_counts_against_every_limit() {
        let price = price();
        let (tokens, money) = (limits(Some(10_000), None), limits(None, Some(0.1)));
        let most = Estimate { tokens: 10_000, usd: usd(0.1) };
        let pending = Cost { pending: Some(most), ..Cost::default() };
        let lost = Cost { lost_turns: 1, lost_usd: most.usd, lost_tokens: most.tokens, ..Cost::default() };
        for cost in [pending, lost] {
            for limits in [&tokens, &money] {
                let over = Standing { cost, ..standing(limits, &price, &[]) };
                assert!(matches!(over.allows(), Allowed::Nothing(_)), "{cost:?} {limits:?}");
            }
        }
    }
}

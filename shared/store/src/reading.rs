//! What an Assistant's model was asked and what it said, each once and for ever, and what that costs.
//!
//! Before a turn its price is reserved: on the run, and on the counters of the day. With its answer the record stands and the
//! reservation becomes what it really cost, in one transaction. A process that ends in between leaves the reservation
//! counted, so that a budget can be undershot by a crash and never overshot; the run counts such turns.

use domain::{Entry, Estimate, LeaseToken, ModelTurn, Money, Name, Opening, RunId, ToolCall};
use jiff::civil::Date;
use ports::{Condition, Item, Key, TableError, When, Write};
use serde_json::{Map, Value, json};

use crate::{
    Reader, Recorded, Store, StoreError, expiry, item, keys,
    run::{fields, holds},
    target::lost,
};

const USD_NANOS: &str = "usd_nanos";

/// Whose money of a day is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BudgetScope {
    /// One workflow's.
    Workflow(Name),
    /// Everybody's.
    Account,
}

/// A counter of the day, and the most that it may come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayBudget {
    /// Whose.
    pub scope: BudgetScope,
    /// The day (UTC).
    pub day: Date,
    /// The limit; without one it is only counted.
    pub limit: Option<Money>,
}

/// Whether a turn may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// Its price is reserved.
    Now,
    /// It would take a day over its limit; nothing was reserved.
    Over(BudgetScope),
}

/// The parts of the transaction that records a turn.
const TURN: usize = 1;

impl Store {
    /// A mark that nobody can guess, for the opening of a conversation.
    #[must_use]
    pub fn fence(&self) -> String {
        format!("{:016x}", self.entropy.random() as u64)
    }

    /// Records what a model is told before it says anything, unless that stands already; what stands is given back.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; others.
    pub async fn open_reading(&self, id: RunId, token: LeaseToken, opening: &Opening) -> Result<Opening, StoreError> {
        let set = fields([("prompt_bytes", json!(opening.bytes))]);
        match self.put_entry(id, token, keys::opening(id), &Entry::Opening(opening.clone()), set, vec![]).await? {
            None => Ok(opening.clone()),
            Some(Entry::Opening(stands)) => Ok(stands),
            Some(_) => Err(StoreError::Refused { doing: "to open a reading" }),
        }
    }

    /// Reserves `most`, what the next turn can cost at most, unless a day would go over its limit. The limits of the run
    /// itself are the caller's, who alone holds its lease.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; others. After a transient one it is not known whether it is reserved; the next reservation
    /// counts it as lost.
    pub async fn reserve_turn(
        &self,
        id: RunId,
        token: LeaseToken,
        most: Estimate,
        budgets: &[DayBudget],
    ) -> Result<Reserved, StoreError> {
        // Nobody but the holder of the lease writes what is reserved, so it can be read before.
        let meta = self.table.get(&keys::meta(id)).await?.ok_or(StoreError::NoRun(id))?;
        let (before, usd) = (item::reserved(&meta.attributes), most.usd);
        let reserved = Write::Update {
            key: meta.key,
            set: fields([(item::RESERVED, json!(usd)), (item::RESERVED_TOKENS, json!(most.tokens))]),
            add: before.map_or_else(Vec::new, item::lost_turn),
            remove: vec![],
            when: When::all([holds(token)]),
        };
        let mut writes = vec![reserved];
        for budget in budgets {
            let when = match budget.limit {
                None => When::always(),
                Some(limit) if usd > limit => return Ok(Reserved::Over(budget.scope.clone())),
                Some(limit) => When::all([Condition::Absent])
                    .or([Condition::Below(USD_NANOS, money(limit.minus(usd)).saturating_add(1))]),
            };
            writes.push(self.count(budget, money(usd), when));
        }
        match self.transact(writes).await {
            Ok(()) => Ok(Reserved::Now),
            Err(TableError::Refused(refusals)) if refusals.iter().all(|refusal| refusal.part > 0) => {
                let over = refusals.first().and_then(|refusal| budgets.get(refusal.part - 1));
                over.map(|budget| Reserved::Over(budget.scope.clone()))
                    .ok_or(StoreError::Refused { doing: "to reserve a turn" })
            }
            Err(other) => Err(lost(other)),
        }
    }

    /// Gives back what was reserved for a turn that cost nothing, since it was not answered.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; others.
    pub async fn release_turn(
        &self,
        id: RunId,
        token: LeaseToken,
        usd: Money,
        budgets: &[DayBudget],
    ) -> Result<(), StoreError> {
        let given_back = Write::Update {
            key: keys::meta(id),
            set: Map::new(),
            add: vec![],
            remove: vec![item::RESERVED, item::RESERVED_TOKENS],
            when: When::all([holds(token)]),
        };
        let counts = budgets.iter().map(|budget| self.count(budget, -money(usd), When::always()));
        self.transact(std::iter::once(given_back).chain(counts).collect()).await.map_err(lost)
    }

    /// Records a turn, once and for ever, and what it cost in place of the `reserved`.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; others.
    pub async fn record_turn(
        &self,
        id: RunId,
        token: LeaseToken,
        turn: &ModelTurn,
        reserved: Money,
        budgets: &[DayBudget],
    ) -> Result<Recorded, StoreError> {
        let usage = turn.usage;
        let add = vec![
            ("cost_turns", 1),
            ("cost_input", signed(usage.input)),
            ("cost_output", signed(usage.output)),
            ("cost_cache_read", signed(usage.cache_read)),
            ("cost_cache_write", signed(usage.cache_write)),
            ("cost_usd_nanos", money(turn.usd)),
        ];
        let held = Write::Update {
            key: keys::meta(id),
            set: Map::new(),
            add,
            remove: vec![item::RESERVED, item::RESERVED_TOKENS],
            when: When::all([holds(token)]),
        };
        let settled = money(turn.usd).saturating_sub(money(reserved));
        let mut writes = vec![held, self.put(keys::turn(id, turn.turn), &Entry::Turn(turn.clone()))];
        writes.extend(budgets.iter().map(|budget| self.count(budget, settled, When::always())));
        match self.transact(writes).await {
            Ok(()) => Ok(Recorded::Now),
            Err(TableError::Refused(refusals)) if refusals.iter().all(|refusal| refusal.part == TURN) => {
                Ok(Recorded::Before)
            }
            Err(other) => Err(lost(other)),
        }
    }

    /// Records a tool call and what the model was told, once and for ever.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; others.
    pub async fn record_call(&self, id: RunId, token: LeaseToken, call: &ToolCall) -> Result<Recorded, StoreError> {
        let key = keys::call(id, call.turn, call.place);
        let stood = self.put_entry(id, token, key, &Entry::Call(call.clone()), Map::new(), vec![]).await?;
        Ok(if stood.is_none() { Recorded::Now } else { Recorded::Before })
    }

    /// Puts an entry where none stands, under the lease; what stood there, if something did.
    async fn put_entry(
        &self,
        id: RunId,
        token: LeaseToken,
        key: Key,
        entry: &Entry,
        set: Map<String, Value>,
        add: Vec<(&'static str, i64)>,
    ) -> Result<Option<Entry>, StoreError> {
        let (meta, when) = (keys::meta(id), When::all([holds(token)]));
        let held = if set.is_empty() && add.is_empty() {
            Write::Check { key: meta, when }
        } else {
            Write::Update { key: meta, set, add, remove: vec![], when }
        };
        match self.transact(vec![held, self.put(key, entry)]).await {
            Ok(()) => Ok(None),
            Err(TableError::Refused(refusals)) if refusals.iter().all(|refusal| refusal.part == TURN) => {
                let found = refusals.into_iter().find_map(|refusal| refusal.found);
                found.as_ref().map(item::read).transpose()
            }
            Err(other) => Err(lost(other)),
        }
    }

    fn put(&self, key: Key, entry: &Entry) -> Write {
        let item = item::item(key, entry, expiry(self.clock.now(), crate::RUN_DAYS));
        Write::Put { item, when: When::all([Condition::Absent]) }
    }

    fn count(&self, budget: &DayBudget, amount: i64, when: When) -> Write {
        let expires = expiry(self.clock.now(), crate::RUN_DAYS);
        Write::Update {
            key: keys::budget(&budget.scope, budget.day),
            set: fields([(item::EXPIRES_AT, json!(expires))]),
            add: vec![(USD_NANOS, amount)],
            remove: vec![],
            when,
        }
    }
}

impl Reader {
    /// What was said between the engine and a run's model, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn transcript(&self, id: RunId) -> Result<Vec<Entry>, StoreError> {
        self.table.query(&keys::run(id), keys::TURN).await?.iter().map(item::read).collect()
    }

    /// What was spent and reserved of a day's money.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn spent(&self, scope: &BudgetScope, day: Date) -> Result<Money, StoreError> {
        let found = self.table.get(&keys::budget(scope, day)).await?;
        let spent = |found: Item| found.attributes.get(USD_NANOS).and_then(Value::as_i64);
        let nanos = found.and_then(spent).and_then(|spent| u64::try_from(spent).ok());
        Ok(Money::from_nanos(nanos.unwrap_or(0)))
    }
}

fn money(money: Money) -> i64 {
    signed(money.nanos())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

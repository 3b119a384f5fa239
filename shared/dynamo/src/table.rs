use std::{fmt, time::Duration};

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    config::Config,
    types::{AttributeValue, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update},
};
use aws_smithy_types::retry::RetryConfig;
use firstlook_aws::{AwsError, Clients, Outcome};
use ports::{Index, Item, Key, Page, PortError, ReadTable, TableError, Write, WriteTable};

use crate::{
    cursor,
    expression::{Placeholders, well_formed},
    fail::Failed,
    value::{ValueError, item_attributes, key_attributes, to_item},
};

/// How often a single write is attempted, and the first wait in between, doubled each time.
const ATTEMPTS: u32 = 3;
const BACKOFF: Duration = Duration::from_millis(50);

/// The table on DynamoDB.
#[derive(Clone)]
pub struct DynamoTable {
    client: Client,
    name: String,
}

impl fmt::Debug for DynamoTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoTable").field("name", &self.name).finish_non_exhaustive()
    }
}

fn unreadable(error: ValueError) -> PortError {
    PortError::permanent("read an item", error)
}

impl DynamoTable {
    /// The table `name`, with `pk`, `sk` and the two indexes that `infra/template.yaml` gives it.
    #[must_use]
    pub fn new(clients: &Clients, name: impl Into<String>) -> Self {
        Self { client: Client::new(clients.config()), name: name.into() }
    }

    /// One write as `PutItem` or `UpdateItem`, which cost half of a transaction and never meet each other as conflicts.
    ///
    /// They have no token that makes a second attempt harmless, so the SDK's retries are off and the loop is here: an
    /// attempt whose answer was lost is not repeated when it adds, and when a repeated one is refused, it may have been
    /// its own first attempt that stands there: then it is not known, and not a refusal.
    async fn single(&self, write: &Write) -> Result<(), Failed> {
        let adds = matches!(write, Write::Update { add, .. } if !add.is_empty());
        let mut doubt = false;
        let mut wait = BACKOFF;
        let mut attempt = 1;
        loop {
            let failed = match self.attempt(write).await {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            let outcome = match &failed {
                Failed::Refused(_) if doubt => {
                    let why = "an earlier attempt's answer was lost, so it may be its own item that stands there";
                    return Err(Failed::Port(PortError::transient("write to the table", why)));
                }
                Failed::Call(error) => error.outcome(),
                _ => return Err(failed),
            };
            doubt |= outcome == Outcome::Unknown;
            if outcome == Outcome::Refused || attempt == ATTEMPTS || (adds && doubt) {
                return Err(failed);
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            attempt += 1;
        }
    }

    async fn attempt(&self, write: &Write) -> Result<(), Failed> {
        let once = || Config::builder().retry_config(RetryConfig::disabled());
        let mut held = Placeholders::default();
        match write {
            Write::Put { item, when } => {
                let condition = held.condition(when);
                let request = self
                    .client
                    .put_item()
                    .table_name(&self.name)
                    .set_item(Some(item_attributes(item)))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(held.names())
                    .set_expression_attribute_values(held.values())
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
                request.customize().config_override(once()).send().await?;
            }
            Write::Update { key, set, add, remove, when } => {
                let update = held.update(set, add, remove);
                let condition = held.condition(when);
                let request = self
                    .client
                    .update_item()
                    .table_name(&self.name)
                    .set_key(Some(key_attributes(key)))
                    .set_update_expression(update)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(held.names())
                    .set_expression_attribute_values(held.values())
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
                request.customize().config_override(once()).send().await?;
            }
            Write::Check { .. } => self.together(std::slice::from_ref(write)).await?,
        }
        Ok(())
    }

    /// All of them as one transaction. The SDK gives it a token, under which its retries are one transaction too.
    async fn together(&self, writes: &[Write]) -> Result<(), Failed> {
        let parts: Vec<TransactWriteItem> = writes
            .iter()
            .map(|write| self.part(write))
            .collect::<Result<_, _>>()
            .map_err(|error| Failed::Port(PortError::permanent("build a transaction", error)))?;
        self.client.transact_write_items().set_transact_items(Some(parts)).send().await?;
        Ok(())
    }

    fn part(&self, write: &Write) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let mut held = Placeholders::default();
        let part = TransactWriteItem::builder();
        let part = match write {
            Write::Put { item, when } => {
                let condition = held.condition(when);
                let put = Put::builder()
                    .table_name(&self.name)
                    .set_item(Some(item_attributes(item)))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(held.names())
                    .set_expression_attribute_values(held.values())
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
                part.put(put.build()?)
            }
            Write::Update { key, set, add, remove, when } => {
                let update = held.update(set, add, remove);
                let condition = held.condition(when);
                let update = Update::builder()
                    .table_name(&self.name)
                    .set_key(Some(key_attributes(key)))
                    .set_update_expression(update)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(held.names())
                    .set_expression_attribute_values(held.values())
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
                part.update(update.build()?)
            }
            Write::Check { key, when } => {
                let condition = held.condition(when).unwrap_or_else(|| held.always());
                let check = ConditionCheck::builder()
                    .table_name(&self.name)
                    .set_key(Some(key_attributes(key)))
                    .condition_expression(condition)
                    .set_expression_attribute_names(held.names())
                    .set_expression_attribute_values(held.values())
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
                part.condition_check(check.build()?)
            }
        };
        Ok(part.build())
    }
}

#[async_trait]
impl ReadTable for DynamoTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, PortError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key_attributes(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::from(error).into_port("read an item"))?;
        answer.item.map(to_item).transpose().map_err(unreadable)
    }

    async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, PortError> {
        // DynamoDB refuses an empty prefix.
        let condition = if prefix.is_empty() { "pk = :pk" } else { "pk = :pk AND begins_with(sk, :prefix)" };
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let mut request = self
                .client
                .query()
                .table_name(&self.name)
                .key_condition_expression(condition)
                .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
                .set_exclusive_start_key(start)
                .consistent_read(true);
            if !prefix.is_empty() {
                request = request.expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()));
            }
            let answer = request.send().await.map_err(|error| AwsError::from(error).into_port("query the table"))?;
            for item in answer.items.unwrap_or_default() {
                items.push(to_item(item).map_err(unreadable)?);
            }
            // Present whenever DynamoDB stopped at its megabyte.
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    async fn index(&self, index: Index, pk: &str, limit: usize, after: Option<&str>) -> Result<Page, PortError> {
        let names = cursor::names(index);
        let mut start = match after {
            None => None,
            Some(text) => Some(cursor::start(index, pk, text).ok_or_else(|| {
                PortError::permanent("list from an index", "the place to go on from is not one of this index")
            })?),
        };
        let mut items = Vec::new();
        // One more than asked for tells whether there is more; DynamoDB itself only says that it stopped.
        while items.len() <= limit {
            let wanted = limit + 1 - items.len();
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .index_name(names.index)
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", names.pk)
                .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
                .scan_index_forward(false)
                .limit(i32::try_from(wanted).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| AwsError::from(error).into_port("list from an index"))?;
            for item in answer.items.unwrap_or_default() {
                items.push(to_item(item).map_err(unreadable)?);
            }
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                break;
            }
        }
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).and_then(|last| cursor::after(index, last));
        Ok(Page { items, next })
    }
}

#[async_trait]
impl WriteTable for DynamoTable {
    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let doing = "write to the table";
        well_formed(&writes).map_err(|reason| PortError::permanent(doing, reason))?;
        let outcome = match writes.as_slice() {
            [only] => self.single(only).await,
            several => self.together(several).await,
        };
        outcome.map_err(|failed| failed.into_table(doing))
    }
}

//! What the ports promise (`shared/ports`), asked of both worlds: the same functions run over the ports on SQLite and
//! over the ports on AWS, so that a scenario which holds in one world holds in the other.
//!
//! Where a promise is "at most", "in the end" or "a moment behind", the contract waits for it with a deadline that is
//! only reached when something is broken; nothing here depends on how fast a machine is.

mod aws;
mod queue;
mod secrets;
mod sqlite;
mod table;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ports::{
    Entropy, OsEntropy, PortError, Queue, ReadSecret, Receipt, Received, RetimeMessage, SendMessage, WriteTable,
};

/// How long a message received from the investigate queue stays hidden: longer than any test takes.
pub const LONG: Duration = Duration::from_secs(600);
/// How long one received from the deliver queue does.
pub const SHORT: Duration = Duration::from_secs(3);
/// How often a message of the investigate queue is received before it goes to the dead letters.
pub const MAX_RECEIVES: u32 = 3;

/// How long the contract waits for what must come, in time that it lets pass: a slow machine has as many looks as any.
const PATIENCE: Duration = Duration::from_secs(25);
/// How long it waits between two looks.
const BETWEEN: Duration = Duration::from_millis(200);

/// The ports of one world, with queues and secrets that nobody else uses.
#[async_trait]
pub trait ContractWorld: Send + Sync {
    /// The table. Others may use it at the same time, in partitions of their own.
    fn table(&self) -> Arc<dyn WriteTable>;
    /// The queues. They hide what is received for [`LONG`] (investigate) and [`SHORT`] (deliver).
    fn queues(&self) -> Arc<dyn ContractQueues>;
    /// The secrets; none is there at first.
    fn secrets(&self) -> Arc<dyn ReadSecret>;
    /// Writes the next version of the secrets: these keys and no others. The version before stays alive beside it.
    async fn write_secrets(&self, keys: &[(&str, &str)]);
    /// Lets what was read of the secrets grow older.
    fn age_secrets(&self, by: Duration);
    /// Lets time pass for the queues.
    async fn pass(&self, time: Duration);
}

/// What stands in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    pub visible: u64,
    pub in_flight: u64,
    pub delayed: u64,
}

/// A queue's whole life: the two ports, and what Lambda's event source mapping does beside them.
#[async_trait]
pub trait ContractQueues: SendMessage + RetimeMessage {
    /// Up to `at_most` of the messages that are visible now.
    async fn receive(&self, queue: Queue, at_most: usize) -> Vec<Received>;
    async fn delete(&self, queue: Queue, receipt: &Receipt) -> Result<(), PortError>;
    async fn depth(&self, queue: Queue) -> Depth;
}

/// A name that nobody else uses.
pub fn fresh(prefix: &str) -> String {
    format!("{prefix}#{:032x}", OsEntropy.random())
}

/// Waits until `look` has seen it, letting the world's time pass between two looks.
pub async fn until<T>(world: &dyn ContractWorld, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(waited < PATIENCE, "waited {waited:?} for {what}");
        world.pass(BETWEEN).await;
        waited += BETWEEN;
    }
}

/// One test for each function named, in the module that it is used in.
macro_rules! tests_of {
    ($world:path: $([$($module:tt)+] { $($name:ident,)+ })+) => {
        $($crate::contract::tests_of! { @module $world, [$($module)+], $($name,)+ })+
    };
    (@module $world:path, $module:tt, $($name:ident,)+) => {
        $($crate::contract::tests_of! { @test $world, $module, $name })+
    };
    (@test $world:path, [$($module:tt)+], $name:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let world = $world().await;
            $crate::contract::$($module)+::$name(&world).await;
        }
    };
}

/// The contract, held against the worlds that `$world` makes: an `async fn() -> impl ContractWorld`. A function that is
/// missing here is dead code, and the compiler says so.
macro_rules! contract_tests {
    ($world:path) => {
        $crate::contract::tests_of! { $world:
            [table::conditions] {
                each_condition_means_what_it_says_alone_in_every_kind_of_write,
                cases_are_joined_by_or_and_conditions_by_and,
                numbers_are_compared_exactly_and_only_with_numbers,
                what_always_may_happen_happens_on_any_item,
            }
            [table::writes] {
                a_put_replaces_the_whole_item,
                an_update_makes_the_item_and_leaves_what_it_does_not_name,
                an_update_sets_adds_and_removes_at_once,
                a_check_writes_nothing,
                a_refusal_lists_exactly_the_parts_that_failed_with_what_stands_there,
                i3_one_refused_part_and_nothing_is_written,
                a_hundred_parts_are_one_transaction,
                what_is_wrong_with_a_write_is_permanent_and_writes_nothing,
            }
            [table::races] {
                i3_of_twenty_that_write_on_one_condition_exactly_one_does,
                i3_of_twenty_transactions_exactly_one_happens_and_the_others_leave_no_trace,
                of_twenty_that_claim_an_expired_lease_exactly_one_has_it,
                no_addition_is_lost,
            }
            [table::reads] {
                get_and_query_see_the_last_write,
                a_query_is_in_the_order_of_the_keys_bytes,
                a_prefix_is_taken_literally_and_ends_where_it_ends,
                a_query_reads_more_than_one_megabyte,
            }
            [table::index] {
                an_index_lists_the_newest_first_and_no_more_than_asked_for,
                pages_neither_lose_nor_repeat_an_item,
                a_page_goes_on_where_its_last_item_has_left_the_index,
                an_item_is_in_an_index_while_it_has_both_attributes,
                an_index_reads_more_than_one_megabyte,
                a_mark_of_another_list_is_refused_for_good,
            }
            [table::values] {
                any_json_comes_back_as_it_was_written,
                numbers_of_64_bits_are_exact,
                i11_a_double_comes_back_to_its_last_bit,
                keys_may_hold_any_text,
                a_large_item_is_kept_and_a_too_large_one_refused_for_good,
                what_is_nested_deeper_than_can_be_read_is_refused_for_good,
            }
            [queue] {
                a_body_arrives_as_it_was_sent,
                what_no_queue_can_carry_is_refused_for_good,
                i2_many_messages_are_all_there_once_they_are_sent,
                a_delayed_message_is_not_there_before_its_time,
                a_received_message_is_hidden_until_it_is_retimed_and_counts_its_receives,
                a_received_message_comes_back_when_its_visibility_ends,
                retiming_keeps_a_message_longer_than_its_queue_does,
                an_outdated_receipt_retimes_nothing,
                i5_what_is_received_too_often_goes_to_the_dead_letters_whole,
                a_group_neither_orders_nor_locks,
                the_depth_tells_what_waits_what_is_in_hand_and_what_is_delayed,
            }
            [secrets] {
                i1_a_key_that_is_not_there_or_empty_is_missing,
                i1_a_rotation_keeps_the_previous_value_alive_until_the_next,
                i1_a_reread_sees_what_was_written_since,
            }
        }
    };
}

pub(crate) use {contract_tests, tests_of};

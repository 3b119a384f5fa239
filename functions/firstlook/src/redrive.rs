//! `redrive`: dead letters, back to their queue.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use firstlook_aws::SqsQueues;
use jiff::Timestamp;
use ports::{Clock, PortError, Queue, Receipt, SendMessage, SystemClock};

use crate::{
    cli::{Redrive, RedriveQueue},
    failure::Failure,
    out,
    runs::existing,
    stack::Stack,
};

/// How long a letter is waited for. Any wait makes SQS ask all of its servers, so that an empty answer means an empty queue.
const WAIT: Duration = Duration::from_secs(1);

/// `firstlook redrive`.
pub async fn redrive(args: &Redrive) -> Result<(), Failure> {
    let queues = match args.queue {
        Some(RedriveQueue::Investigate) => vec![Queue::Investigate],
        Some(RedriveQueue::Deliver) => vec![Queue::Deliver],
        None => vec![Queue::Investigate, Queue::Deliver],
    };
    let mut all = Moved::default();
    for queue in queues {
        let moved = match &args.world.stack {
            Some(name) => redrive_stack(&Stack::connect(name)?, queue).await?,
            None => Moved { went: existing(&args.world.data)?.queues.redrive(queue).await?, returned: 0 },
        };
        out::print(&format!("{}: {}", queue.as_str(), moved.went))?;
        all.went += moved.went;
        all.returned += moved.returned;
    }
    if all.went == 0 {
        out::say("there are no dead letters");
    } else if args.world.stack.is_none() {
        out::say("they are taken up by `firstlook dev`, now or when it starts");
    }
    if all.returned > 0 {
        out::say(&format!(
            "{} came back already, and stayed: what they failed by is still there (`firstlook runs show` says it for a \
             delivery)",
            all.returned
        ));
    }
    Ok(())
}

/// What a redrive came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Moved {
    /// Messages sent back to their queue.
    went: u64,
    /// Those of them that were seen among the dead letters again.
    returned: u64,
}

async fn redrive_stack(stack: &Stack, queue: Queue) -> Result<Moved, Failure> {
    let Some(letters) = queue.dead_letters() else { return Ok(Moved::default()) };
    let queues = stack.queues(&[queue, letters]).await?;
    // SQS dates by the millisecond.
    let began = Timestamp::from_millisecond(SystemClock.now().as_millisecond())?;
    Ok(bring_back(&OnSqs { queues, queue, letters }, began).await?)
}

/// A dead letter in hand.
#[derive(Debug, Clone)]
struct Letter {
    body: String,
    receipt: Receipt,
    /// When it was sent, to its queue or by who gave it up; unknown is old.
    sent_at: Option<Timestamp>,
}

/// The dead letters of one queue.
#[async_trait]
trait Letters: Sync {
    /// Some of those that nobody has in hand; none means that there are none.
    async fn receive(&self) -> Result<Vec<Letter>, PortError>;
    /// Sends this body to the queue.
    async fn send_back(&self, body: &str) -> Result<(), PortError>;
    /// Ends a letter.
    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError>;
}

/// Receives, sends, deletes, in this order: whatever dies in between, no message is lost, and one that is there twice
/// does no harm.
///
/// What was moved and has come back meanwhile, since it fails still, stays where it is: so this ends. It is known by its
/// body, which it keeps on the way there and back, and by its date, which is not before `began`; a body alone would not do,
/// because two letters may say the same.
async fn bring_back(letters: &impl Letters, began: Timestamp) -> Result<Moved, PortError> {
    let mut moved = Moved::default();
    let mut bodies = HashSet::new();
    loop {
        let before = moved.went;
        for letter in letters.receive().await? {
            if bodies.contains(&letter.body) && letter.sent_at.is_some_and(|sent_at| sent_at >= began) {
                moved.returned += 1;
                continue;
            }
            letters.send_back(&letter.body).await?;
            letters.delete(&letter.receipt).await?;
            bodies.insert(letter.body);
            moved.went += 1;
        }
        if moved.went == before {
            return Ok(moved);
        }
    }
}

/// The dead letters of a stack's queue.
struct OnSqs {
    queues: SqsQueues,
    queue: Queue,
    letters: Queue,
}

#[async_trait]
impl Letters for OnSqs {
    async fn receive(&self) -> Result<Vec<Letter>, PortError> {
        let received = self.queues.receive_dated(self.letters, 10, WAIT).await?;
        let letter =
            |(message, sent_at): (ports::Received, _)| Letter { body: message.body, receipt: message.receipt, sent_at };
        Ok(received.into_iter().map(letter).collect())
    }

    async fn send_back(&self, body: &str) -> Result<(), PortError> {
        self.queues.send(self.queue, body, "redriven", Duration::ZERO).await
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError> {
        self.queues.delete(self.letters, receipt).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const BEGAN: Timestamp = Timestamp::constant(1_800_000_000, 0);

    /// Dead letters that come in batches, and a worker that is as quick as can be: what is sent back and `fails` stands
    /// among the dead letters again before the next batch is received.
    struct Desk {
        batch: usize,
        fails: fn(&str) -> bool,
        /// Sending this body is refused.
        refused: Option<&'static str>,
        waiting: Mutex<Vec<Letter>>,
        in_hand: Mutex<Vec<Letter>>,
        sent: Mutex<Vec<String>>,
    }

    impl Desk {
        fn with(batch: usize, bodies: &[&str], fails: fn(&str) -> bool) -> Self {
            let [waiting, in_hand] = [Mutex::default(), Mutex::default()];
            let desk = Self { batch, fails, refused: None, waiting, in_hand, sent: Mutex::default() };
            bodies.iter().for_each(|body| desk.arrives(body, "2026-12-31T00:00:00Z".parse().unwrap()));
            desk
        }

        fn arrives(&self, body: &str, sent_at: Timestamp) {
            let mut waiting = self.waiting.lock().unwrap();
            let receipt = Receipt(format!("{body} at {sent_at} #{}", waiting.len()));
            waiting.push(Letter { body: body.to_owned(), receipt, sent_at: Some(sent_at) });
        }

        fn sent(&self) -> Vec<String> {
            self.sent.lock().unwrap().clone()
        }

        /// The bodies of the letters that are there yet.
        fn left(&self) -> Vec<String> {
            let (waiting, in_hand) = (self.waiting.lock().unwrap(), self.in_hand.lock().unwrap());
            waiting.iter().chain(in_hand.iter()).map(|letter| letter.body.clone()).collect()
        }
    }

    #[async_trait]
    impl Letters for Desk {
        async fn receive(&self) -> Result<Vec<Letter>, PortError> {
            let mut waiting = self.waiting.lock().unwrap();
            let most = self.batch.min(waiting.len());
            let taken: Vec<Letter> = waiting.drain(..most).collect();
            self.in_hand.lock().unwrap().extend(taken.iter().cloned());
            Ok(taken)
        }

        async fn send_back(&self, body: &str) -> Result<(), PortError> {
            if self.refused == Some(body) {
                return Err(PortError::transient("send", "the queue is gone"));
            }
            self.sent.lock().unwrap().push(body.to_owned());
            if (self.fails)(body) {
                self.arrives(body, BEGAN);
            }
            Ok(())
        }

        async fn delete(&self, receipt: &Receipt) -> Result<(), PortError> {
            self.in_hand.lock().unwrap().retain(|letter| letter.receipt != *receipt);
            Ok(())
        }
    }

    #[tokio::test]
    async fn i5_every_letter_goes_back_also_two_that_say_the_same() {
        for batch in [1, 2, 10] {
            let desk = Desk::with(batch, &["a", "b", "a", "c", "a"], |_| false);
            assert_eq!(bring_back(&desk, BEGAN).await.unwrap(), Moved { went: 5, returned: 0 }, "{batch}");
            assert_eq!(desk.sent(), ["a", "b", "a", "c", "a"]);
            assert_eq!(desk.left(), [""; 0], "the alarm ends");
        }
    }

    #[tokio::test]
    async fn what_comes_back_while_it_lasts_is_moved_once_and_kept() {
        for batch in [1, 2, 10] {
            let desk = Desk::with(batch, &["bad", "good", "fine"], |body| body == "bad");
            let moved = bring_back(&desk, BEGAN).await.unwrap();
            assert_eq!(moved, Moved { went: 3, returned: 1 }, "{batch}");
            assert_eq!(desk.sent(), ["bad", "good", "fine"]);
            assert_eq!(desk.left(), ["bad"]);
        }
    }

    #[tokio::test]
    async fn what_fails_anew_under_a_body_of_its_own_goes_back_too() {
        let desk = Desk::with(10, &["old"], |_| false);
        desk.arrives("new", BEGAN);
        assert_eq!(bring_back(&desk, BEGAN).await.unwrap().went, 2);
        assert_eq!(desk.left(), [""; 0]);
    }

    #[tokio::test]
    async fn i5_what_cannot_be_sent_is_not_deleted() {
        let desk = Desk { refused: Some("b"), ..Desk::with(10, &["a", "b", "c"], |_| false) };
        bring_back(&desk, BEGAN).await.unwrap_err();
        assert_eq!(desk.sent(), ["a"]);
        assert_eq!(desk.left(), ["b", "c"]);
    }
}

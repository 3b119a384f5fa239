//! `redrive`: dead letters, back to their queue.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use firstlook_aws::SqsQueues;
use ports::{PortError, Queue, Receipt, SendMessage};
use serde_json::Value;

use crate::{
    cli::{Redrive, RedriveQueue},
    failure::Failure,
    out,
    runs::existing,
    stack::Stack,
};

/// How long a letter is waited for. Any wait makes SQS ask all of its servers, so that an empty answer means an empty queue.
const WAIT: Duration = Duration::from_secs(1);

/// How many letters are taken in hand at most, and so moved at once. They are held in memory, and taken before the first
/// of them is visible again (30 s in the stack's dead letter queues).
const MOST: usize = 2_000;

/// `firstlook redrive`.
pub async fn redrive(args: &Redrive) -> Result<(), Failure> {
    let named = |queue| args.queue.is_none_or(|only| only == queue);
    let mut all = Moved::default();
    let stack = args.world.stack.as_deref().map(Stack::connect).transpose()?;
    for (name, queue) in [(RedriveQueue::Investigate, Queue::Investigate), (RedriveQueue::Deliver, Queue::Deliver)] {
        if named(name) {
            let moved = match &stack {
                Some(stack) => redrive_stack(stack, queue).await?,
                None => Moved { went: existing(&args.world.data)?.queues.redrive(queue).await?, ..Moved::default() },
            };
            out::print(&format!("{}: {}", queue.as_str(), moved.went))?;
            all.add(moved);
        }
    }
    match &stack {
        // Where it is not asked for by name it need not be there.
        Some(stack) if named(RedriveQueue::Alarms) && (args.queue.is_some() || stack.has(Queue::AlarmsDlq).await?) => {
            let queues = stack.queues(&[Queue::AlarmsDlq]).await?;
            let moved = bring_back(&OfAlarms { queues, stack }).await?;
            out::print(&format!("alarms: {}", moved.went))?;
            all.add(moved);
        }
        None if args.queue == Some(RedriveQueue::Alarms) => {
            return Err(Failure::Usage(
                "alarms are handed over by AWS: say of which stack, with --stack NAME".to_owned(),
            ));
        }
        _ => {}
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
    if all.left > 0 {
        out::say(&format!("{} or more are there yet: `firstlook redrive` again, in a minute", all.left));
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
    /// Others that were seen there afterwards: beyond [`MOST`], or new.
    left: u64,
}

impl Moved {
    fn add(&mut self, more: Self) {
        self.went += more.went;
        self.returned += more.returned;
        self.left += more.left;
    }
}

async fn redrive_stack(stack: &Stack, queue: Queue) -> Result<Moved, Failure> {
    let Some(letters) = queue.dead_letters() else { return Ok(Moved::default()) };
    let queues = stack.queues(&[queue, letters]).await?;
    Ok(bring_back(&OnSqs { queues, queue, letters }).await?)
}

/// A dead letter in hand.
#[derive(Debug, Clone)]
struct Letter {
    body: String,
    receipt: Receipt,
}

/// The dead letters of one queue.
#[async_trait]
trait Letters: Sync {
    /// Some of those that nobody has in hand; none means that there are none.
    async fn receive(&self) -> Result<Vec<Letter>, PortError>;
    /// Sends this body to where it was for.
    async fn send_back(&self, body: &str) -> Result<(), PortError>;
    /// Ends a letter.
    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError>;
}

/// Receives, sends, deletes, in this order: whatever dies in between, no message is lost, and one that is there twice
/// does no harm.
///
/// All are taken in hand before the first is sent. So none of them can be one that was moved and has come back, since it
/// fails still, and this ends, in whatever order SQS gives them and whatever any clock says. What is there afterwards stays
/// there; what came back of it is known by its body, which it keeps on the way there and back.
async fn bring_back(letters: &impl Letters) -> Result<Moved, PortError> {
    let mut moved = Moved::default();
    let mut bodies = HashSet::new();
    for letter in in_hand(letters).await? {
        letters.send_back(&letter.body).await?;
        letters.delete(&letter.receipt).await?;
        bodies.insert(letter.body);
        moved.went += 1;
    }
    if moved.went > 0 {
        for letter in in_hand(letters).await? {
            let seen = if bodies.contains(&letter.body) { &mut moved.returned } else { &mut moved.left };
            *seen += 1;
        }
    }
    Ok(moved)
}

/// Takes letters until there are none, or [`MOST`] and the rest of a batch: SQS may give one where ten are there.
async fn in_hand(letters: &impl Letters) -> Result<Vec<Letter>, PortError> {
    let mut taken = Vec::new();
    while taken.len() < MOST {
        let batch = letters.receive().await?;
        if batch.is_empty() {
            break;
        }
        taken.extend(batch);
    }
    Ok(taken)
}

async fn received(queues: &SqsQueues, letters: Queue) -> Result<Vec<Letter>, PortError> {
    let received = queues.receive(letters, 10, WAIT).await?;
    Ok(received.into_iter().map(|message| Letter { body: message.body, receipt: message.receipt }).collect())
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
        received(&self.queues, self.letters).await
    }

    async fn send_back(&self, body: &str) -> Result<(), PortError> {
        self.queues.send(self.queue, body, "redriven", Duration::ZERO).await
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError> {
        self.queues.delete(self.letters, receipt).await
    }
}

/// The alarms that ingest was not given, or could not take.
struct OfAlarms<'s> {
    queues: SqsQueues,
    stack: &'s Stack,
}

#[async_trait]
impl Letters for OfAlarms<'_> {
    async fn receive(&self) -> Result<Vec<Letter>, PortError> {
        received(&self.queues, Queue::AlarmsDlq).await
    }

    async fn send_back(&self, body: &str) -> Result<(), PortError> {
        self.stack.hand_to_ingest(event_of(body).into_bytes()).await
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError> {
        self.queues.delete(Queue::AlarmsDlq, receipt).await
    }
}

/// The event of a letter. EventBridge writes the event alone; Lambda, whose tries have failed, puts it beside what came of
/// them (AWS Lambda Developer Guide, "Retaining records of asynchronous invocations").
fn event_of(body: &str) -> String {
    let record = serde_json::from_str::<Value>(body).unwrap_or_default();
    let is_record = record.get("requestContext").is_some_and(Value::is_object);
    record.get("requestPayload").filter(|_| is_record).map_or_else(|| body.to_owned(), Value::to_string)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Dead letters that come in batches, and a worker that is as quick as can be: what is sent back and `fails` stands
    /// among the dead letters again before the next batch is received.
    struct Desk {
        batch: usize,
        newest_first: bool,
        fails: fn(&str) -> bool,
        /// Sending this body is refused.
        refused: Option<&'static str>,
        /// What comes meanwhile, with the first that is sent back.
        meanwhile: Mutex<Option<&'static str>>,
        waiting: Mutex<Vec<Letter>>,
        in_hand: Mutex<Vec<Letter>>,
        sent: Mutex<Vec<String>>,
    }

    impl Desk {
        fn with(batch: usize, bodies: &[&str], fails: fn(&str) -> bool) -> Self {
            let desk = Self {
                batch,
                newest_first: false,
                fails,
                refused: None,
                meanwhile: Mutex::default(),
                waiting: Mutex::default(),
                in_hand: Mutex::default(),
                sent: Mutex::default(),
            };
            bodies.iter().enumerate().for_each(|(place, body)| desk.arrives(body, place));
            desk
        }

        fn arrives(&self, body: &str, place: usize) {
            let letter = Letter { body: body.to_owned(), receipt: Receipt(format!("{body} #{place}")) };
            self.waiting.lock().unwrap().push(letter);
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
            let taken: Vec<Letter> = if self.newest_first {
                let first = waiting.len() - most;
                waiting.drain(first..).rev().collect()
            } else {
                waiting.drain(..most).collect()
            };
            self.in_hand.lock().unwrap().extend(taken.iter().cloned());
            Ok(taken)
        }

        async fn send_back(&self, body: &str) -> Result<(), PortError> {
            if self.refused == Some(body) {
                return Err(PortError::transient("send", "the queue is gone"));
            }
            self.sent.lock().unwrap().push(body.to_owned());
            let sent = self.sent().len();
            if (self.fails)(body) {
                self.arrives(body, 10_000 + sent);
            }
            if let Some(body) = self.meanwhile.lock().unwrap().take() {
                self.arrives(body, 20_000);
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
            assert_eq!(bring_back(&desk).await.unwrap(), Moved { went: 5, ..Moved::default() }, "{batch}");
            assert_eq!(desk.sent(), ["a", "b", "a", "c", "a"]);
            assert_eq!(desk.left(), [""; 0], "the alarm ends");
        }
    }

    #[tokio::test]
    async fn what_comes_back_while_it_lasts_is_moved_once_and_kept() {
        for batch in [1, 2, 10] {
            let desk = Desk::with(batch, &["bad", "good", "fine"], |body| body == "bad");
            let moved = bring_back(&desk).await.unwrap();
            assert_eq!(moved, Moved { went: 3, returned: 1, left: 0 }, "{batch}");
            assert_eq!(desk.sent(), ["bad", "good", "fine"]);
            assert_eq!(desk.left(), ["bad"]);
        }
    }

    #[tokio::test]
    async fn i5_what_comes_back_before_the_others_are_given_keeps_none_of_them_there() {
        for batch in [1, 2, 10] {
            let desk =
                Desk { newest_first: true, ..Desk::with(batch, &["good", "fine", "bad", "bad"], |body| body == "bad") };
            let moved = bring_back(&desk).await.unwrap();
            assert_eq!(moved, Moved { went: 4, returned: 2, left: 0 }, "{batch}");
            assert_eq!(desk.sent(), ["bad", "bad", "fine", "good"]);
            assert_eq!(desk.left(), ["bad", "bad"]);
        }
    }

    #[tokio::test]
    async fn what_comes_meanwhile_is_said_to_be_there_yet() {
        let desk = Desk { meanwhile: Mutex::new(Some("new")), ..Desk::with(10, &["old"], |_| false) };
        assert_eq!(bring_back(&desk).await.unwrap(), Moved { went: 1, returned: 0, left: 1 });
        assert_eq!(desk.left(), ["new"]);
    }

    #[tokio::test]
    async fn more_than_can_be_held_in_hand_are_said_to_be_there_yet() {
        let bodies: Vec<String> = (0..MOST + 3).map(|number| number.to_string()).collect();
        let desk = Desk::with(10, &bodies.iter().map(String::as_str).collect::<Vec<_>>(), |_| false);
        let moved = bring_back(&desk).await.unwrap();
        assert_eq!(moved, Moved { went: u64::try_from(MOST).unwrap(), returned: 0, left: 3 });
        assert_eq!(desk.left().len(), 3);
    }

    #[tokio::test]
    async fn i5_what_cannot_be_sent_is_not_deleted() {
        let desk = Desk { refused: Some("b"), ..Desk::with(10, &["a", "b", "c"], |_| false) };
        bring_back(&desk).await.unwrap_err();
        assert_eq!(desk.sent(), ["a"]);
        assert_eq!(desk.left(), ["b", "c"]);
    }

    #[test]
    fn i5_an_alarm_goes_back_as_the_event_that_it_was() {
        let event = r#"{"source":"aws.cloudwatch","detail":{"alarmName":"a"},"requestPayload":"no record"}"#;
        assert_eq!(event_of(event), event, "EventBridge writes the event alone");
        let record = format!(
            r#"{{"version": "1.0", "requestContext": {{"condition": "RetriesExhausted"}}, "requestPayload": {event},
            "responseContext": {{"functionError": "Unhandled"}}, "responsePayload": null}}"#
        );
        assert_eq!(
            serde_json::from_str::<Value>(&event_of(&record)).unwrap(),
            serde_json::from_str::<Value>(event).unwrap()
        );
        assert_eq!(event_of("no JSON"), "no JSON");
    }
}

//! The contract of the queues: `SendMessage`, `RetimeMessage`, and what a worker does beside them.

use std::{collections::BTreeSet, time::Duration};

use ports::{Outgoing, Queue, Receipt, Received};
use serde_json::{Value, json};

use super::{ContractQueues, ContractWorld, Depth, MAX_RECEIVES, SHORT, until};

const NOW: Duration = Duration::ZERO;

async fn send(queues: &dyn ContractQueues, queue: Queue, body: &str) {
    queues.send(queue, body, "group", NOW).await.unwrap();
}

/// The next message, as soon as there is one.
async fn next(world: &dyn ContractWorld, queue: Queue) -> Received {
    let queues = world.queues();
    until(world, &format!("a message in {}", queue.as_str()), async || queues.receive(queue, 1).await.pop()).await
}

/// Waits until the queue is as it should be: it counts approximately.
async fn deep(world: &dyn ContractWorld, queue: Queue, wanted: Depth) {
    let queues = world.queues();
    until(world, &format!("{} to hold {wanted:?}", queue.as_str()), async || {
        (queues.depth(queue).await == wanted).then_some(())
    })
    .await;
}

pub async fn a_body_arrives_as_it_was_sent(world: &dyn ContractWorld) {
    let queues = world.queues();
    let queue = Queue::Investigate;
    let bodies = [
        "{}".to_owned(),
        " padded\t\r\n\n".to_owned(),
        "<&>'\"\\ %00 ]]> &amp; \u{7f}\u{85}".to_owned(),
        "äß漢字 العربية \u{1F525}\u{1F469}\u{200D}\u{1F692} e\u{301} \u{FEFF}\u{FFFD}".to_owned(),
        json!({ "text": "é\u{1F525}".repeat(33_334) }).to_string(),
    ];
    assert!(bodies[4].len() > 200_000);
    for body in &bodies {
        send(queues.as_ref(), queue, body).await;
        let message = next(world, queue).await;
        assert!(message.body == *body, "sent {} bytes, received {}", body.len(), message.body.len());
        assert_eq!((message.queue, message.receives), (queue, 1));
        queues.delete(queue, &message.receipt).await.unwrap();
    }
    // Every message is JSON, and JSON with any letter in its texts arrives as the same JSON.
    let text: String = (0..=0x300).chain(0xD7F0..0xD800).chain(0xE000..=0x1_0010).filter_map(char::from_u32).collect();
    let sent = json!({ "text": text });
    send(queues.as_ref(), queue, &sent.to_string()).await;
    let message = next(world, queue).await;
    let received: Value = serde_json::from_str(&message.body).unwrap();
    assert!(received == sent);
}

pub async fn i2_many_messages_are_all_there_once_they_are_sent(world: &dyn ContractWorld) {
    let queues = world.queues();
    let queue = Queue::Investigate;
    // More than one batch by their number, and by their bytes.
    let sizes = (0..23_usize).map(|place| if place < 3 { 700_000 } else { 10 });
    let messages: Vec<Outgoing> = sizes
        .enumerate()
        .map(|(place, size)| Outgoing { body: format!("{place:02}{}", "x".repeat(size)), group: "group".to_owned() })
        .collect();
    queues.send_all(queue, &[]).await.unwrap();
    queues.send_all(queue, &messages).await.unwrap();
    deep(world, queue, Depth { visible: 23, in_flight: 0, delayed: 0 }).await;
    let mut received = BTreeSet::new();
    while received.len() < messages.len() {
        let message = next(world, queue).await;
        queues.delete(queue, &message.receipt).await.unwrap();
        assert!(received.insert(message.body), "one came twice");
    }
    assert!(received.into_iter().eq(messages.into_iter().map(|message| message.body)));
    let refused = [
        Outgoing { body: "fine".to_owned(), group: String::new() },
        Outgoing { body: String::new(), group: String::new() },
    ];
    assert!(!queues.send_all(queue, &refused).await.unwrap_err().is_transient());
}

pub async fn what_no_queue_can_carry_is_refused_for_good(world: &dyn ContractWorld) {
    let queues = world.queues();
    for body in [String::new(), "x".repeat(1024 * 1024 + 1), "a\u{0}b".to_owned(), "a\u{1b}b".to_owned()] {
        let error = queues.send(Queue::Investigate, &body, "group", NOW).await.unwrap_err();
        assert!(!error.is_transient(), "{} bytes: {error:?}", body.len());
    }
    deep(world, Queue::Investigate, Depth { visible: 0, in_flight: 0, delayed: 0 }).await;
}

pub async fn a_delayed_message_is_not_there_before_its_time(world: &dyn ContractWorld) {
    let queues = world.queues();
    let queue = Queue::Investigate;
    queues.send(queue, "soon", "group", Duration::from_secs(10)).await.unwrap();
    // Longer than a queue can wait: cut, not refused.
    queues.send(queue, "late", "group", Duration::from_secs(86_400)).await.unwrap();
    assert!(queues.receive(queue, 10).await.is_empty());
    deep(world, queue, Depth { visible: 0, in_flight: 0, delayed: 2 }).await;
    let message = next(world, queue).await;
    assert_eq!((message.body.as_str(), message.receives), ("soon", 1));
    deep(world, queue, Depth { visible: 0, in_flight: 1, delayed: 1 }).await;
}

pub async fn a_received_message_is_hidden_until_it_is_retimed_and_counts_its_receives(world: &dyn ContractWorld) {
    let queues = world.queues();
    let queue = Queue::Investigate;
    send(queues.as_ref(), queue, "m").await;
    let mut receipts = Vec::new();
    for receives in 1..=MAX_RECEIVES {
        let message = next(world, queue).await;
        assert_eq!((message.body.as_str(), message.receives), ("m", receives));
        assert!(queues.receive(queue, 10).await.is_empty(), "in hand and received by another");
        assert!(!receipts.contains(&message.receipt), "a receipt is for one receive");
        // At once, or a moment later.
        let comes_back = if receives == 1 { Duration::from_secs(1) } else { NOW };
        queues.retime(queue, &message.receipt, comes_back).await.unwrap();
        receipts.push(message.receipt);
    }
}

pub async fn a_received_message_comes_back_when_its_visibility_ends(world: &dyn ContractWorld) {
    let queues = world.queues();
    send(queues.as_ref(), Queue::Deliver, "m").await;
    let first = next(world, Queue::Deliver).await;
    let second = next(world, Queue::Deliver).await;
    assert_eq!((first.receives, second.receives), (1, 2));
    assert_eq!(first.body, second.body);
    assert_ne!(first.receipt, second.receipt);
}

pub async fn retiming_keeps_a_message_longer_than_its_queue_does(world: &dyn ContractWorld) {
    let queues = world.queues();
    send(queues.as_ref(), Queue::Deliver, "m").await;
    let message = next(world, Queue::Deliver).await;
    queues.retime(Queue::Deliver, &message.receipt, Duration::from_secs(600)).await.unwrap();
    world.pass(SHORT + Duration::from_secs(1)).await;
    assert!(queues.receive(Queue::Deliver, 10).await.is_empty(), "it came back with its queue's visibility");
    // Again, and shorter than what it was before.
    queues.retime(Queue::Deliver, &message.receipt, Duration::from_secs(1)).await.unwrap();
    assert_eq!(next(world, Queue::Deliver).await.receives, 2);
}

pub async fn an_outdated_receipt_retimes_nothing(world: &dyn ContractWorld) {
    let queues = world.queues();
    let queue = Queue::Investigate;
    send(queues.as_ref(), queue, "m").await;
    let first = next(world, queue).await;
    queues.retime(queue, &first.receipt, NOW).await.unwrap();
    let second = next(world, queue).await;
    let error = queues.retime(queue, &first.receipt, NOW).await.unwrap_err();
    assert!(!error.is_transient(), "{error:?}");
    assert!(queues.receive(queue, 10).await.is_empty(), "it was taken from its holder");

    queues.delete(queue, &second.receipt).await.unwrap();
    for receipt in [second.receipt, Receipt("never".to_owned())] {
        let error = queues.retime(queue, &receipt, NOW).await.unwrap_err();
        assert!(!error.is_transient(), "{error:?}");
    }
    deep(world, queue, Depth { visible: 0, in_flight: 0, delayed: 0 }).await;
}

pub async fn i5_what_is_received_too_often_goes_to_the_dead_letters_whole(world: &dyn ContractWorld) {
    let queues = world.queues();
    let queue = Queue::Investigate;
    let body = json!({ "poison": "é\u{1F525}".repeat(1_000) }).to_string();
    send(queues.as_ref(), queue, &body).await;
    for _ in 0..MAX_RECEIVES {
        let message = next(world, queue).await;
        queues.retime(queue, &message.receipt, NOW).await.unwrap();
    }
    // Whoever looks next finds it gone.
    let dead = until(world, "a dead letter", async || {
        assert!(queues.receive(queue, 10).await.is_empty(), "received more often than it may be");
        queues.receive(Queue::InvestigateDlq, 10).await.pop()
    })
    .await;
    assert_eq!((dead.queue, &dead.body), (Queue::InvestigateDlq, &body));
    assert_eq!(queues.depth(queue).await, Depth { visible: 0, in_flight: 0, delayed: 0 });
    // Dead letters have no dead letters: looking at them loses nothing.
    for _ in 0..2 * MAX_RECEIVES {
        let again = queues.receive(Queue::InvestigateDlq, 1).await.pop();
        let receipt = again.map_or_else(|| dead.receipt.clone(), |message| message.receipt);
        queues.retime(Queue::InvestigateDlq, &receipt, NOW).await.unwrap();
    }
    deep(world, Queue::InvestigateDlq, Depth { visible: 1, in_flight: 0, delayed: 0 }).await;
    let last = next(world, Queue::InvestigateDlq).await;
    queues.delete(Queue::InvestigateDlq, &last.receipt).await.unwrap();
    deep(world, Queue::InvestigateDlq, Depth { visible: 0, in_flight: 0, delayed: 0 }).await;
}

pub async fn a_group_neither_orders_nor_locks(world: &dyn ContractWorld) {
    let queues = world.queues();
    let queue = Queue::Investigate;
    // Whatever a source's or a run's name may hold.
    let odd = ["", " ", "checkout pages", "é\u{1F525}", "a/b#c", &"x".repeat(300)];
    let mut sent = BTreeSet::new();
    for (n, group) in odd.iter().chain(["storm"; 6].iter()).enumerate() {
        let body = format!("{n}");
        queues.send(queue, &body, group, NOW).await.unwrap();
        sent.insert(body);
    }
    // All of them are in hand at once, those of one group too.
    let mut received = BTreeSet::new();
    until(world, "all groups", async || {
        received.extend(queues.receive(queue, 10).await.into_iter().map(|message| message.body));
        (received.len() == sent.len()).then_some(())
    })
    .await;
    assert_eq!(received, sent);
}

pub async fn the_depth_tells_what_waits_what_is_in_hand_and_what_is_delayed(world: &dyn ContractWorld) {
    let queues = world.queues();
    let queue = Queue::Investigate;
    for body in ["a", "b", "c"] {
        send(queues.as_ref(), queue, body).await;
    }
    queues.send(queue, "d", "group", Duration::from_secs(600)).await.unwrap();
    deep(world, queue, Depth { visible: 3, in_flight: 0, delayed: 1 }).await;
    let (first, second) = (next(world, queue).await, next(world, queue).await);
    deep(world, queue, Depth { visible: 1, in_flight: 2, delayed: 1 }).await;
    queues.delete(queue, &first.receipt).await.unwrap();
    queues.retime(queue, &second.receipt, NOW).await.unwrap();
    deep(world, queue, Depth { visible: 2, in_flight: 0, delayed: 1 }).await;
    // No other queue has any of it.
    for other in [Queue::Deliver, Queue::InvestigateDlq, Queue::DeliverDlq] {
        assert_eq!(queues.depth(other).await, Depth { visible: 0, in_flight: 0, delayed: 0 }, "{other:?}");
    }
}

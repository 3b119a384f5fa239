use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ports::{Queue, Receipt, RetimeMessage, SendMessage};

use super::World;
use crate::{Depth, MAX_BODY_BYTES, MaxReceives, SqliteQueues};

const HIDDEN: Duration = Duration::from_secs(30);

async fn send(queues: &SqliteQueues, body: &str) {
    queues.send(Queue::Investigate, body, "g", Duration::ZERO).await.unwrap();
}

async fn bodies(queues: &SqliteQueues, queue: Queue, max: usize) -> Vec<String> {
    queues.receive(queue, max, HIDDEN).await.unwrap().into_iter().map(|message| message.body).collect()
}

#[tokio::test]
async fn a_received_message_is_hidden_until_its_visibility_ends_and_counts_its_receives() {
    let world = World::new();
    let queues = world.queues();
    send(&queues, "m").await;
    let first = queues.receive(Queue::Investigate, 10, HIDDEN).await.unwrap();
    assert_eq!((first.len(), first[0].receives, first[0].queue), (1, 1, Queue::Investigate));
    world.clock.go(29_999);
    assert!(bodies(&queues, Queue::Investigate, 10).await.is_empty());
    world.clock.go(1);
    let second = queues.receive(Queue::Investigate, 10, HIDDEN).await.unwrap();
    assert_eq!(second[0].receives, 2);
    assert_ne!(second[0].receipt, first[0].receipt);
}

#[tokio::test]
async fn an_outdated_receipt_neither_deletes_nor_retimes() {
    let world = World::new();
    let queues = world.queues();
    send(&queues, "m").await;
    let first = queues.receive(Queue::Investigate, 1, HIDDEN).await.unwrap().remove(0);
    world.clock.go(30_000);
    // Visible again and received by nobody: no longer in flight.
    assert!(!queues.retime(Queue::Investigate, &first.receipt, HIDDEN).await.unwrap_err().is_transient());
    let second = queues.receive(Queue::Investigate, 1, HIDDEN).await.unwrap().remove(0);

    assert!(!queues.retime(Queue::Investigate, &first.receipt, Duration::ZERO).await.unwrap_err().is_transient());
    queues.delete(Queue::Investigate, &first.receipt).await.unwrap();
    assert_eq!(queues.depth(Queue::Investigate).await.unwrap().in_flight, 1);

    queues.delete(Queue::Investigate, &second.receipt).await.unwrap();
    assert_eq!(queues.depth(Queue::Investigate).await.unwrap(), Depth::default());
    assert!(queues.retime(Queue::Investigate, &second.receipt, HIDDEN).await.is_err());
    assert!(queues.retime(Queue::Investigate, &Receipt("never".into()), HIDDEN).await.is_err());
}

#[tokio::test]
async fn a_receipt_that_lapsed_unread_still_deletes() {
    let world = World::new();
    let queues = world.queues();
    send(&queues, "m").await;
    let message = queues.receive(Queue::Investigate, 1, HIDDEN).await.unwrap().remove(0);
    world.clock.go(60_000);
    queues.delete(Queue::Investigate, &message.receipt).await.unwrap();
    assert_eq!(queues.depth(Queue::Investigate).await.unwrap(), Depth::default());
}

#[tokio::test]
async fn retiming_sets_the_time_from_now_on() {
    let world = World::new();
    let queues = world.queues();
    send(&queues, "m").await;
    let message = queues.receive(Queue::Investigate, 1, Duration::from_secs(1800)).await.unwrap().remove(0);
    world.clock.go(10_000);
    queues.retime(Queue::Investigate, &message.receipt, HIDDEN).await.unwrap();
    world.clock.go(29_999);
    assert!(bodies(&queues, Queue::Investigate, 1).await.is_empty());
    queues.retime(Queue::Investigate, &message.receipt, Duration::ZERO).await.unwrap();
    assert_eq!(bodies(&queues, Queue::Investigate, 1).await, ["m"]);
}

#[tokio::test]
async fn a_delay_is_kept_and_cut_at_fifteen_minutes() {
    let world = World::new();
    let queues = world.queues();
    queues.send(Queue::Deliver, "soon", "g", Duration::from_millis(1500)).await.unwrap();
    queues.send(Queue::Deliver, "late", "g", Duration::from_secs(86_400)).await.unwrap();
    assert_eq!(queues.depth(Queue::Deliver).await.unwrap(), Depth { visible: 0, in_flight: 0, delayed: 2 });
    assert_eq!(queues.next_due_in(Queue::Deliver).await.unwrap(), Some(Duration::from_millis(1500)));
    world.clock.go(1_500);
    assert_eq!(bodies(&queues, Queue::Deliver, 10).await, ["soon"]);
    world.clock.go(900_000 - 1_500 - 1);
    assert!(!bodies(&queues, Queue::Deliver, 10).await.contains(&"late".to_owned()));
    world.clock.go(1);
    assert!(bodies(&queues, Queue::Deliver, 10).await.contains(&"late".to_owned()));
}

#[tokio::test]
async fn i5_what_is_received_too_often_goes_to_the_dead_letters_and_comes_back_by_a_redrive() {
    let world = World::new();
    let queues = world.queues();
    send(&queues, "poison").await;
    for receive in 1..=3 {
        let messages = queues.receive(Queue::Investigate, 1, HIDDEN).await.unwrap();
        assert_eq!(messages[0].receives, receive);
        world.clock.go(30_000);
    }
    assert!(bodies(&queues, Queue::Investigate, 1).await.is_empty());
    assert_eq!(queues.depth(Queue::Investigate).await.unwrap(), Depth::default());
    assert_eq!(queues.depth(Queue::InvestigateDlq).await.unwrap().visible, 1);

    // The dead letters have none themselves: looking at them often loses nothing.
    for _ in 0..10 {
        assert_eq!(bodies(&queues, Queue::InvestigateDlq, 1).await, ["poison"]);
        world.clock.go(30_000);
    }
    assert_eq!(queues.redrive(Queue::Investigate).await.unwrap(), 1);
    let back = queues.receive(Queue::Investigate, 1, HIDDEN).await.unwrap();
    assert_eq!((back[0].body.as_str(), back[0].receives), ("poison", 1));
    assert_eq!(queues.depth(Queue::InvestigateDlq).await.unwrap(), Depth::default());
    assert!(queues.redrive(Queue::InvestigateDlq).await.is_err());
}

#[tokio::test]
async fn a_receipt_ends_with_the_move_to_the_dead_letters() {
    let world = World::new();
    let queues = world.queues();
    queues.send(Queue::Deliver, "m", "g", Duration::ZERO).await.unwrap();
    let mut receipts = Vec::new();
    for _ in 0..2 {
        receipts.push(queues.receive(Queue::Deliver, 1, HIDDEN).await.unwrap().remove(0).receipt);
        world.clock.go(30_000);
    }
    assert!(bodies(&queues, Queue::Deliver, 1).await.is_empty());
    for receipt in &receipts {
        queues.delete(Queue::Deliver, receipt).await.unwrap();
        queues.delete(Queue::DeliverDlq, receipt).await.unwrap();
    }
    assert_eq!(queues.depth(Queue::DeliverDlq).await.unwrap().visible, 1);
}

#[tokio::test]
async fn a_storming_group_does_not_starve_the_others() {
    let world = World::new();
    let queues = world.queues();
    for n in 0..20 {
        queues.send(Queue::Investigate, &format!("storm {n}"), "storm", Duration::ZERO).await.unwrap();
    }
    assert_eq!(bodies(&queues, Queue::Investigate, 5).await.len(), 5);
    queues.send(Queue::Investigate, "quiet", "quiet", Duration::ZERO).await.unwrap();
    assert_eq!(bodies(&queues, Queue::Investigate, 1).await, ["quiet"]);
}

#[tokio::test]
async fn what_sqs_would_not_take_is_not_taken_here() {
    let world = World::new();
    let queues = world.queues();
    for body in [String::new(), "x".repeat(MAX_BODY_BYTES + 1), "a\u{0}b".to_owned()] {
        let error = queues.send(Queue::Investigate, &body, "g", Duration::ZERO).await.unwrap_err();
        assert!(!error.is_transient());
    }
    queues.send(Queue::Investigate, &"x".repeat(MAX_BODY_BYTES), "g", Duration::ZERO).await.unwrap();
    assert_eq!(queues.depth(Queue::Investigate).await.unwrap().visible, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_on_one_file_never_hold_the_same_message() {
    let world = World::new();
    let here = world.queues();
    let there = SqliteQueues::new(world.elsewhere(), Arc::new(world.clock.clone()), MaxReceives::default());
    for n in 0..60 {
        send(&here, &n.to_string()).await;
    }
    let mut receivers = tokio::task::JoinSet::new();
    for queues in [here.clone(), there.clone(), here.clone(), there] {
        receivers.spawn(async move {
            let mut got = Vec::new();
            loop {
                let messages = queues.receive(Queue::Investigate, 4, HIDDEN).await.unwrap();
                if messages.is_empty() {
                    return got;
                }
                for message in messages {
                    queues.delete(Queue::Investigate, &message.receipt).await.unwrap();
                    got.push(message.body);
                }
            }
        });
    }
    let got: Vec<String> = receivers.join_all().await.concat();
    assert_eq!(got.len(), 60);
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>().len(), 60);
    assert_eq!(here.depth(Queue::Investigate).await.unwrap(), Depth::default());
}

//! One pipeline, two worlds: each scenario is written once over [`World`] and runs in both.

mod alarms;
mod aws;
mod command_line;
mod delivery;
mod doctor;
mod kill;
mod local;
mod mail;
mod metrics;
mod path;
mod reading;
mod schedule;
mod shipped;
mod slack;
mod storm;

use crate::support::world::World;

/// An incident id that no other scenario has.
fn incident(name: &str) -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("Q{}{}", name.to_ascii_uppercase(), NEXT.fetch_add(1, Ordering::Relaxed))
}

//! When a delivery that did not work is tried again.

use std::time::Duration;

use jiff::SignedDuration;
use ports::MAX_DELAY;

/// How many real attempts a target gets before it is given up. Waiting for a lease or a rate limit is none.
pub const MAX_ATTEMPTS: u32 = 6;

/// How long a provider may ask a target to wait before the target is given up. Limits that end by themselves are of
/// seconds to an hour, so one that still stands then is an exhausted quota or a broken receiver, which somebody must
/// see; and a first look that comes later than a shift is none. A redrive tries for as long again.
pub const MAX_LIMITED: SignedDuration = SignedDuration::from_hours(6);

/// How long after the first, second, ... attempt the next one comes, in seconds. Most troubles of a provider are over in
/// seconds; the last step is long enough for a restart.
const STEPS: [u64; 5] = [5, 15, 60, 180, 600];

/// How long a post that was made or edited is left as it is. No provider takes more than about an edit a second of one place for
/// long, and nobody reads faster.
pub const BETWEEN_EDITS: Duration = Duration::from_secs(1);

/// No queue can be asked for less, and nobody needs it.
const LEAST: Duration = Duration::from_secs(1);

/// How long to wait after attempt number `attempts`. What the provider asks for goes before our own steps, to which up to
/// a quarter is added by chance, so that those who failed together do not come back together.
pub(crate) fn after_attempt(attempts: u32, asked: Option<Duration>, random: u128) -> Duration {
    if let Some(asked) = asked {
        return waiting(asked);
    }
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).min(STEPS.len() - 1);
    let step = Duration::from_secs(STEPS.get(index).copied().unwrap_or_default());
    let spread = u32::try_from(random % 250).unwrap_or_default();
    waiting(step + step * spread / 1000)
}

/// How long a message can wait that should wait for `time`.
pub(crate) fn waiting(time: Duration) -> Duration {
    time.clamp(LEAST, MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_come_later_and_later_and_never_too_late_for_the_queue() {
        let steps: Vec<u64> = (1..=7).map(|attempts| after_attempt(attempts, None, 0).as_secs()).collect();
        assert_eq!(steps, [5, 15, 60, 180, 600, 600, 600]);
        assert!(after_attempt(5, None, 249) <= MAX_DELAY && after_attempt(5, None, 249) > Duration::from_secs(740));
        assert_eq!(after_attempt(1, Some(Duration::from_secs(7)), 99), Duration::from_secs(7));
        assert_eq!(after_attempt(1, Some(Duration::ZERO), 99), LEAST);
        assert_eq!(after_attempt(1, Some(Duration::from_secs(86_400)), 99), MAX_DELAY);
    }
}

//! When a delivery that did not work is tried again.

use std::time::Duration;

use jiff::SignedDuration;
use ports::MAX_DELAY;

/// How many messages are handled at once in the local world, and how many invocations on AWS (`MaximumConcurrency` in
/// infra/template.yaml). A delivery mostly waits, one to a provider that hangs for ten seconds and more, and each of those holds one
/// of these: so many may hang before another target waits for them.
pub const AT_ONCE: usize = 50;

/// How many real attempts a target gets before it is given up. Waiting for a lease or a rate limit is none.
pub const MAX_ATTEMPTS: u32 = 6;

/// How long a provider may ask a target to wait before the target is given up. Limits that end by themselves are of
/// seconds to an hour, so one that still stands then is an exhausted quota or a broken receiver, which somebody must
/// see; and a first look that comes later than a shift is none. A redrive tries for as long again.
pub const MAX_LIMITED: SignedDuration = SignedDuration::from_hours(6);

/// How long after the first, second, ... attempt the next one comes, in seconds. Most troubles of a provider are over in
/// seconds; the last step is long enough for a restart.
const STEPS: [u64; 5] = [5, 15, 60, 180, 600];

/// How long a first post may still come to stand after it was begun, or after an answer that does not say whether it does: for as
/// long as our own request could have been under way, and a moment. Whoever looks for it sooner may not see it, and post again.
pub const LANDS: Duration = Duration::from_secs(outlets::TIMEOUT.as_secs() + 2);

/// How long a post that was made or edited is left as it is. No provider takes more than about an edit a second of one place for
/// long, and nobody reads faster.
pub const BETWEEN_EDITS: Duration = Duration::from_secs(1);

/// No queue can be asked for less, and nobody needs it.
const LEAST: Duration = Duration::from_secs(1);

/// How long to wait after attempt number `attempts`: our own step, or what is asked for where that is longer.
pub(crate) fn after_attempt(attempts: u32, asked: Option<Duration>, random: u128) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).min(STEPS.len() - 1);
    let step = Duration::from_secs(STEPS.get(index).copied().unwrap_or_default());
    spread(step.max(asked.unwrap_or_default()), random)
}

/// How long to wait that is told to wait for `time`: up to a quarter is added by chance, so that those who are told the same
/// together do not come back together. It may be longer than one message can wait; then the next one waits for the rest.
pub(crate) fn spread(time: Duration, random: u128) -> Duration {
    let time = waiting(time);
    time + time * u32::try_from(random % 250).unwrap_or_default() / 1000
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
    }

    #[test]
    fn those_who_are_told_the_same_come_back_one_after_the_other() {
        let waits = [0, 100, 249].map(|random| spread(Duration::from_secs(900), random).as_secs());
        assert_eq!(waits, [900, 990, 1124]);
    }

    #[test]
    fn what_is_asked_for_is_waited_for_and_is_no_way_to_be_asked_six_times_a_second() {
        let asked = |seconds| after_attempt(1, Some(Duration::from_secs(seconds)), 0).as_secs();
        assert_eq!([0, 1, 7, 86_400].map(asked), [5, 5, 7, MAX_DELAY.as_secs()]);
    }
}

//! The machine's own clock and randomness: the only answers to these two ports outside tests.

use jiff::Timestamp;
use rand::{Rng, rand_core::UnwrapErr, rngs::SysRng};

use crate::{Clock, Entropy};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The operating system's randomness. Asked each time: a generator with a state in memory would go on with the same
/// numbers in every copy of a snapshot.
///
/// # Panics
/// When the operating system has no randomness to give.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn random(&self) -> u128 {
        let mut system = UnwrapErr(SysRng);
        (u128::from(system.next_u64()) << 64) | u128::from(system.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn randomness_fills_both_halves_and_does_not_repeat() {
        let drawn: std::collections::BTreeSet<u128> = (0..64).map(|_| OsEntropy.random()).collect();
        assert_eq!(drawn.len(), 64);
        assert!(drawn.iter().any(|n| n >> 64 != 0) && drawn.iter().any(|n| n & u128::from(u64::MAX) != 0));
    }
}

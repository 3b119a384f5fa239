//! Money that models cost.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Nano-dollars in a dollar.
const NANOS: u64 = 1_000_000_000;

/// An amount of US dollars, zero or more, in whole nano-dollars: sums of it are exact. At most about 18 billion dollars; what
/// would be more stays there. As JSON it is the number of nano-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(u64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// More than anybody pays.
    pub const MAX: Self = Self(u64::MAX);

    /// So many nano-dollars.
    #[must_use]
    pub fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// So many dollars, as a person wrote them: the decimal digits are taken, and not the nearest double. What is finer than
    /// a nano-dollar is rounded up. Nothing where it is negative, no number, or more than there can be.
    #[must_use]
    pub fn from_usd(dollars: f64) -> Option<Self> {
        if !dollars.is_finite() || dollars < 0.0 {
            return None;
        }
        // The shortest digits that mean this double are those that were written, and never have an exponent.
        let text = dollars.abs().to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let nanos: u64 = format!("{:0<9}", fraction.get(..9).unwrap_or(fraction)).parse().ok()?;
        let finer = fraction.get(9..).is_some_and(|rest| rest.bytes().any(|digit| digit != b'0'));
        whole.parse::<u64>().ok()?.checked_mul(NANOS)?.checked_add(nanos)?.checked_add(u64::from(finer)).map(Self)
    }

    /// The nano-dollars.
    #[must_use]
    pub fn nanos(self) -> u64 {
        self.0
    }

    /// The dollars, as near as a double comes to them: to be written down, never to be reckoned with.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "it is for people; sums are made of nano-dollars")]
    pub fn usd(self) -> f64 {
        self.0 as f64 / NANOS as f64
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left when `other` is taken away; nothing where that is more.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// Dollars with at least two decimals, and four digits of what is less than a dollar: `$12.30`, `$0.0421`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, nanos) = (self.0 / NANOS, self.0 % NANOS);
        let digits = format!("{nanos:09}");
        let leading = digits.bytes().take_while(|digit| *digit == b'0').count();
        let shown = if dollars > 0 || nanos == 0 { 2 } else { (leading + 2).clamp(4, 9) };
        let digits = digits.get(..shown).unwrap_or(&digits);
        write!(f, "${dollars}.{digits}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i12_dollars_are_read_by_their_digits_and_not_by_their_double() {
        for (dollars, nanos) in [
            (0.0, 0),
            (-0.0, 0),
            (3.0, 3_000_000_000),
            (0.1, 100_000_000),
            (0.3, 300_000_000),
            (1.000_000_001, 1_000_000_001),
            (0.000_000_000_1, 1),
            (0.000_000_001, 1),
            (18_446_744_073.0, 18_446_744_073_000_000_000),
        ] {
            assert_eq!(Money::from_usd(dollars), Some(Money(nanos)), "{dollars}");
        }
        for none in [-0.1, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(Money::from_usd(none), None, "{none}");
        }
    }

    #[test]
    fn i12_sums_are_exact_and_end_at_the_most_there_is() {
        let tenth = Money::from_usd(0.1).unwrap();
        let sum = (0..3).fold(Money::ZERO, |sum, _| sum.plus(tenth));
        assert_eq!(Some(sum), Money::from_usd(0.3), "as doubles they would not be equal");
        assert_eq!(Money::MAX.plus(tenth), Money::MAX);
        assert_eq!(tenth.minus(sum), Money::ZERO);
        assert_eq!(serde_json::to_string(&tenth).unwrap(), "100000000");
        assert_eq!(serde_json::from_str::<Money>("100000000").unwrap(), tenth);
    }

    #[test]
    fn money_is_shown_as_people_write_it() {
        for (nanos, shown) in [
            (0, "$0.00"),
            (12_300_000_000, "$12.30"),
            (42_123_456, "$0.0421"),
            (420_000_000, "$0.4200"),
            (1_234_567, "$0.0012"),
            (12_345, "$0.000012"),
            (1, "$0.000000001"),
        ] {
            assert_eq!(Money(nanos).to_string(), shown);
        }
    }
}

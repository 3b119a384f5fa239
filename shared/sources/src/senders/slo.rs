//! Alerts about service level objectives, as the generators in use label them.
//!
//! - Sloth: `sloth_slo`, `sloth_service`, `sloth_severity` (`page`, `ticket`). One alert covers two burn rates, so only the
//!   smaller one is known to be reached (github.com/slok/sloth, internal/prometheus).
//! - Pyrra: `slo`, `short`, `long`, `exhaustion` (github.com/pyrra-dev/pyrra, slo/rules.go and slo/slo.go).
//! - Grafana SLO: `grafana_slo_uuid`, `grafana_slo_window`, annotation `slo_name`.
//! - Rules that a person wrote: the same words with `slo_` before them.
//!
//! None of them has a label for the objective; it stands in the rule's expression, which the link to Prometheus carries.

use domain::Slo;

use super::prometheus::One;
use crate::json::{decimal, text};

/// What an alert says of its objective; nothing where it is about none.
pub(super) fn of(one: &One<'_>) -> Slo {
    let said = |names: &[&str]| one.label(names).or_else(|| one.annotation(names));
    let Some(name) = said(&["sloth_slo", "slo_name", "slo"]).or_else(|| said(&["grafana_slo_uuid"])) else {
        return Slo::default();
    };
    let number = |names: &[&str]| decimal(said(names)?);
    let pyrra =
        one.label(&["exhaustion"]).zip(one.label(&["long"])).and_then(|(exhaustion, long)| pyrra(exhaustion, long));
    let thresholds = thresholds(text(one.element, "/generatorURL").unwrap_or_default());
    let reached = thresholds.iter().map(|threshold| threshold.factor).min_by(f64::total_cmp);
    let objective = number(&["sloth_objective", "slo_objective", "objective"]);
    let objective = objective.map(|part| if part <= 1.0 { part * 100.0 } else { part });
    let objective = objective.or_else(|| Some((1.0 - thresholds.first()?.budget) * 100.0));
    let burn_rate = number(&["burn_rate", "slo_burn_rate"]).or(pyrra.map(|(factor, _)| factor)).or(reached);
    let window = said(&["slo_window", "slo_period", "sloth_period", "grafana_slo_window"]).map(str::to_owned);
    Slo {
        name: name.to_owned(),
        objective: shown(objective),
        window: window.or_else(|| Some(days(pyrra?.1))).unwrap_or_default(),
        burn_rate: shown(burn_rate),
        budget_remaining: shown(number(&["error_budget_remaining", "slo_budget_remaining", "budget_remaining"])),
    }
}

/// A number without the noise of its binary form.
pub(super) fn shown(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| ((number * 1e6).round() / 1e6).to_string())
}

/// Pyrra's burn rate and the objective's window in hours. Its four alerts fire at 14, 7, 2 and 1 times the allowed rate
/// over 1/672, 1/112, 1/28 and 1/7 of the window, and `exhaustion` is the window divided by that rate: the two labels
/// stand 48, 16, 14 and 7 to one.
fn pyrra(exhaustion: &str, long: &str) -> Option<(f64, f64)> {
    let (exhaustion, long) = (seconds(exhaustion)?, seconds(long)?);
    let factor = match exhaustion / long {
        40.0..60.0 => 14.0,
        15.0..18.0 => 7.0,
        12.0..15.0 => 2.0,
        6.0..8.0 => 1.0,
        _ => return None,
    };
    // Pyrra cuts to seconds before we multiply.
    Some((factor, (exhaustion * factor / 3600.0).round()))
}

fn days(hours: f64) -> String {
    if hours % 24.0 == 0.0 { format!("{}d", hours / 24.0) } else { format!("{hours}h") }
}

/// The seconds of a duration as Prometheus writes it: `2d3h25m42s`.
fn seconds(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let (count, after) = split_number(rest)?;
        let unit = after.trim_start_matches(|c: char| c.is_ascii_lowercase());
        let each = match after.get(..after.len() - unit.len())? {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            "y" => 31_536_000.0,
            _ => return None,
        };
        total += count * each;
        rest = unit;
    }
    (total > 0.0).then_some(total)
}

/// How much faster than the budget allows errors must come, and that budget as a part of one.
struct Threshold {
    factor: f64,
    budget: f64,
}

/// Every `> (14.4 * 0.001)` and `> (14 * (1 - 0.999))` of the expression that `url` carries.
fn thresholds(url: &str) -> Vec<Threshold> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let expression = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "g0.expr");
    let expression = expression.map(|(_, value)| value.into_owned()).unwrap_or_default();
    expression.split('>').skip(1).filter_map(threshold).collect()
}

fn threshold(text: &str) -> Option<Threshold> {
    let (factor, rest) = split_number(text.trim_start().trim_start_matches('(').trim_start())?;
    let rest = rest.trim_start().strip_prefix('*')?.trim_start();
    let budget = match rest.strip_prefix('(') {
        Some(inside) => {
            let target = inside.trim_start().strip_prefix('1')?.trim_start().strip_prefix('-')?;
            1.0 - split_number(target.trim_start())?.0
        }
        None => split_number(rest)?.0,
    };
    (factor > 0.0 && budget > 0.0 && budget < 1.0).then_some(Threshold { factor, budget })
}

/// The number that `text` begins with, and what follows it.
pub(super) fn split_number(text: &str) -> Option<(f64, &str)> {
    let mut before = ' ';
    let end = text.find(|c: char| {
        let part = c.is_ascii_digit() || c == '.' || c == 'e' || (matches!(c, '-' | '+') && before == 'e');
        before = c;
        !part
    });
    let (number, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
    Some((decimal(number)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pyrras_two_labels_give_burn_rate_and_window() {
        for (exhaustion, long, factor, window) in [
            ("2d", "1h", 14.0, "28d"),
            ("4d", "6h", 7.0, "28d"),
            ("2w", "1d", 2.0, "28d"),
            ("4w", "4d", 1.0, "28d"),
            ("2d3h25m42s", "1h4m", 14.0, "30d"),
            ("12h", "15m", 14.0, "7d"),
            ("1w", "1d", 1.0, "7d"),
            ("3h25m42s", "13m", 7.0, "1d"),
        ] {
            let (found, hours) = pyrra(exhaustion, long).unwrap();
            assert_eq!((found, days(hours).as_str()), (factor, window), "{exhaustion} {long}");
        }
        for (exhaustion, long) in [("", "1h"), ("2d", "0s"), ("2d", "2d"), ("soon", "1h"), ("2d", "1x"), ("1ms1", "1h")]
        {
            assert_eq!(pyrra(exhaustion, long), None, "{exhaustion} {long}");
        }
    }

    #[test]
    fn the_objective_is_read_from_the_expression() {
        let of = |expression: &str| {
            let query: String = form_urlencoded::byte_serialize(expression.as_bytes()).collect();
            let found = thresholds(&format!("https://prometheus.example.com/graph?g0.tab=1&g0.expr={query}"));
            found.iter().map(|one| (one.factor, shown(Some((1.0 - one.budget) * 100.0)))).collect::<Vec<_>>()
        };
        let sloth =
            "(max(a{x=\"1\"} > (14.4 * 0.0009999999999999432)) without (w)) or (max(b > (6 * 0.0009999999999999432)))";
        assert_eq!(of(sloth), [(14.4, "99.9".to_owned()), (6.0, "99.9".to_owned())]);
        assert_eq!(of("a > (14 * (1 - 0.995)) and b > (14 * (1-0.995))").len(), 2);
        assert_eq!(of("a > 2 * 1e-05"), [(2.0, "99.999".to_owned())]);
        for none in
            ["", "up == 0", "a > 5", "a > (14.4 * x)", "a > (14 * 3)", "a > (2 * (3 - 1))", ">>>> (", "a > ( -1 * 0.1)"]
        {
            assert_eq!(of(none), [], "{none}");
        }
    }
}

//! What the tests against the baseline allow to be said: a sentence for each of few strategies, a
//! list for each verdict where they are many.

use std::collections::BTreeMap;

use alhost_metrics::statistics::{detectable_effect, seeds_needed};

use super::collect::DataSet;
use super::compare::{ALPHA, Comparison, POWER, Quantity};
use super::document::{p_value, score, signed};

/// Returns a sentence for each comparison. `noise` is the standard deviation of training alone.
pub(super) fn each(
    set: &DataSet,
    comparisons: &[Comparison],
    quantity: Quantity,
    noise: Option<f64>,
) -> Vec<String> {
    let of_one = |c: &Comparison| {
        let noise = noise.filter(|sd| c.difference.abs() < *sd);
        verdict(set, c, quantity) + &within_noise(noise)
    };
    comparisons.iter().map(of_one).collect()
}

/// Puts a comparison into a sentence; a claim only where the corrected paired test carries it.
fn verdict(set: &DataSet, of: &Comparison, quantity: Quantity) -> String {
    let (a, b) = (&set.strategies[of.a].name, &set.strategies[of.b].name);
    let what = quantity.title();
    let Some((test, p)) = of.paired.zip(of.paired_holm) else {
        return format!("{a} and {b}, {what}: too few common seeds for a test.");
    };
    let (n, difference) = (of.n, signed(of.difference));
    if p < ALPHA {
        let word = if of.difference > 0.0 { "higher" } else { "lower" };
        let p = p_value(p);
        let p = if p.starts_with('<') { p } else { format!("= {p}") };
        return format!(
            "{a} has a {word} {what} than {b}: {difference} on average over {n} seeds (paired t-test, \
             Holm-corrected p {p})."
        );
    }
    let detectable = detectable_effect(n, ALPHA, POWER).unwrap_or_default() * test.sd;
    let needed = needed(of, ALPHA).map_or(String::new(), |seeds| {
        format!(
            ", and if the true difference is the one seen, {seeds} seeds would show it four times in five"
        )
    });
    format!(
        "{a} and {b}, {what}: no difference shown ({difference}, {n} seeds). That is not to say that \
         they are equal: with this spread only differences of about {} or more would be \
         found{needed}.",
        score(detectable)
    )
}

/// How many seeds would show the difference seen, four times in five, if it were the true one.
pub(super) fn needed(of: &Comparison, alpha: f64) -> Option<usize> {
    let test = of.paired.filter(|test| test.sd > 0.0)?;
    seeds_needed(of.difference / test.sd, alpha, POWER)
}

/// Says that a difference is below `sd`, the standard deviation of training alone; nothing without
/// it.
fn within_noise(sd: Option<f64>) -> String {
    sd.map_or(String::new(), |sd| {
        format!(
            " The difference is smaller than what another training seed does on the same labels (standard \
             deviation {}).",
            score(sd)
        )
    })
}

/// Comparisons by what may be said of them.
#[derive(Default)]
struct Groups<'a> {
    higher: Vec<&'a Comparison>,
    lower: Vec<&'a Comparison>,
    open: Vec<&'a Comparison>,
    untested: Vec<&'a Comparison>,
}

impl<'a> Groups<'a> {
    fn new(comparisons: &'a [Comparison]) -> Self {
        let mut groups = Self::default();
        for comparison in comparisons {
            let group = match comparison.paired_holm {
                None => &mut groups.untested,
                Some(p) if p >= ALPHA => &mut groups.open,
                Some(_) if comparison.difference > 0.0 => &mut groups.higher,
                Some(_) => &mut groups.lower,
            };
            group.push(comparison);
        }
        groups
    }
}

/// Returns the verdicts of many comparisons: who is above the baseline, who below, and of whom
/// nothing is shown.
pub(super) fn compact(
    set: &DataSet,
    comparisons: &[Comparison],
    quantity: Quantity,
    noise: Option<f64>,
) -> Vec<String> {
    let Some(first) = comparisons.first() else { return Vec::new() };
    let (baseline, what) = (&set.strategies[first.b].name, quantity.title());
    let groups = Groups::new(comparisons);
    let mut said = Vec::new();
    if groups.untested.len() < comparisons.len() {
        said.push(format!("In {what}, against {baseline}, by {}:", by(comparisons)));
    }
    for (word, those) in [("Higher", &groups.higher), ("Lower", &groups.lower)] {
        if !those.is_empty() {
            said.push(format!("{word} ({}): {}.", those.len(), list(set, those)));
        }
    }
    if !groups.open.is_empty() {
        let (n, list) = (groups.open.len(), list(set, &groups.open));
        let found = found_from(&groups.open, ALPHA / comparisons.len() as f64);
        said.push(format!(
            "No difference shown ({n}): {list}. That is not to say that they are equal: with their spreads \
             and so many comparisons, only differences of about {found} or more would be found."
        ));
    }
    if !groups.untested.is_empty() {
        let list = list(set, &groups.untested);
        let n = groups.untested.len();
        said.push(format!("Too few common seeds for a test of {what} ({n}): {list}."));
    }
    let within = |sd: f64| comparisons.iter().filter(move |c| c.difference.abs() < sd);
    if let Some(sd) = noise.filter(|sd| within(*sd).next().is_some()) {
        let list = list(set, &within(sd).collect::<Vec<_>>());
        said.push(format!(
            "Smaller than what another training seed does on the same labels (standard deviation {}) are \
             the differences of {list}.",
            score(sd)
        ));
    }
    said
}

fn list(set: &DataSet, those: &[&Comparison]) -> String {
    let name = |c: &&Comparison| format!("{} {}", set.strategies[c.a].name, signed(c.difference));
    those.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Says by which test, over how many seeds.
fn by(comparisons: &[Comparison]) -> String {
    let tested = || comparisons.iter().filter(|c| c.paired_holm.is_some());
    let seeds = range(tested().map(|c| c.n as f64), |n| format!("{n}"));
    format!(
        "the paired t-test over {seeds} seeds, p < {ALPHA} after Holm over {} comparisons",
        tested().count()
    )
}

/// The differences from which on they would be found, from least to most.
fn found_from(open: &[&Comparison], alpha: f64) -> String {
    // The same for all that have as many seeds, and slow to find.
    let mut effects: BTreeMap<usize, f64> = BTreeMap::new();
    let mut smallest = |c: &&Comparison| {
        let effect = effects
            .entry(c.n)
            .or_insert_with(|| detectable_effect(c.n, alpha, POWER).unwrap_or_default());
        c.paired.map_or(0.0, |test| *effect * test.sd)
    };
    let found: Vec<f64> = open.iter().map(&mut smallest).collect();
    range(found.into_iter(), score)
}

/// Writes the least and the most of some values; one where they are written alike.
fn range(values: impl Iterator<Item = f64>, write: impl Fn(f64) -> String) -> String {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let (low, high) = (write(low), write(high));
    if low == high { low } else { format!("{low} to {high}") }
}

//! Compares strategies on one data set: learning curves in one number a seed, and tests.

use alhost_metrics::statistics::{
    self, PairedT, Summary, UnpairedT, Wilcoxon, area, holm, labels_to_reach, summary,
};
use alhost_record::RoundRecord;

use super::collect::{DataSet, Run, Strategy};
use super::metric::Metric;

/// Value of p below which a difference counts as shown.
pub(super) const ALPHA: f64 = 0.05;
/// The chance that a number of seeds is asked to have of finding a true difference.
pub(super) const POWER: f64 = 0.8;

/// A learning curve in one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Quantity {
    /// Normalised area: the mean score over the budget.
    Area,
    /// Score at the last common number of labeled texts.
    Final,
}

impl Quantity {
    pub(super) const ALL: [Self; 2] = [Self::Area, Self::Final];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Area => "area",
            Self::Final => "final",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Area => "area under the learning curve",
            Self::Final => "final score",
        }
    }
}

/// One value for each seed that has it.
pub(super) type BySeed = Vec<(u64, f64)>;

pub(super) fn values(
    set: &DataSet,
    strategy: &Strategy,
    metric: Metric,
    quantity: Quantity,
) -> BySeed {
    values_of(set, strategy, quantity, |round| metric.of(round))
}

/// The same of what is no metric: the number of classes seen, say.
pub(super) fn values_of(
    set: &DataSet,
    strategy: &Strategy,
    quantity: Quantity,
    of: impl Fn(&RoundRecord) -> Option<f64>,
) -> BySeed {
    let labeled = labeled(set);
    let of_run = |scores: &[f64]| match quantity {
        Quantity::Area => area(&labeled, scores),
        Quantity::Final => scores.last().copied(),
    };
    let curve = |run: &Run| -> Option<Vec<f64>> {
        set.labeled.iter().map(|&labeled| of(run.at(labeled)?)).collect()
    };
    let runs = strategy.runs.iter();
    runs.filter_map(|run| Some((run.seed(), of_run(&curve(run)?)?))).collect()
}

pub(super) fn labeled(set: &DataSet) -> Vec<f64> {
    set.labeled.iter().map(|&labeled| labeled as f64).collect()
}

pub(super) fn numbers(values: &BySeed) -> Vec<f64> {
    values.iter().map(|value| value.1).collect()
}

/// Values of the seeds that both have.
pub(super) fn paired(a: &BySeed, b: &BySeed) -> (Vec<f64>, Vec<f64>) {
    let other = |seed: u64| b.iter().find(|value| value.0 == seed).map(|value| value.1);
    a.iter().filter_map(|&(seed, value)| Some((value, other(seed)?))).unzip()
}

/// Mean and spread at each labeled count.
pub(super) fn curve(set: &DataSet, strategy: &Strategy, metric: Metric) -> Vec<(usize, Summary)> {
    let at = |labeled: usize| {
        let runs = strategy.runs.iter();
        let scores: Vec<f64> = runs.filter_map(|run| metric.of(run.at(labeled)?)).collect();
        Some((labeled, summary(&scores)?))
    };
    set.labeled.iter().filter_map(|&labeled| at(labeled)).collect()
}

/// Comparison of two strategies by index: `a` minus `b`.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) a: usize,
    pub(super) b: usize,
    pub(super) n: usize,
    pub(super) difference: f64,
    pub(super) paired: Option<PairedT>,
    pub(super) wilcoxon: Option<Wilcoxon>,
    /// The paper's test: unpaired, one variance.
    pub(super) unpaired: Option<UnpairedT>,
    /// p by Holm's correction over the comparisons that were asked for together.
    pub(super) paired_holm: Option<f64>,
    pub(super) wilcoxon_holm: Option<f64>,
}

pub(super) fn compare(
    set: &DataSet,
    metric: Metric,
    quantity: Quantity,
    pairs: &[(usize, usize)],
) -> Vec<Comparison> {
    let of = |index: usize| values(set, &set.strategies[index], metric, quantity);
    let all: Vec<BySeed> = (0..set.strategies.len()).map(of).collect();
    let mut comparisons: Vec<Comparison> =
        pairs.iter().filter_map(|&(a, b)| one((a, &all[a]), (b, &all[b]))).collect();
    correct(&mut comparisons, |c| c.paired.map(|test| test.p), |c, p| c.paired_holm = Some(p));
    correct(&mut comparisons, |c| c.wilcoxon.map(|test| test.p), |c, p| c.wilcoxon_holm = Some(p));
    comparisons
}

fn one((a, of_a): (usize, &BySeed), (b, of_b): (usize, &BySeed)) -> Option<Comparison> {
    let (left, right) = paired(of_a, of_b);
    let differences: Vec<f64> = left.iter().zip(&right).map(|(a, b)| a - b).collect();
    let difference = summary(&differences)?.mean;
    Some(Comparison {
        a,
        b,
        n: differences.len(),
        difference,
        paired: statistics::paired_t(&left, &right),
        // One pair: whatever it says, p is 1.
        wilcoxon: statistics::wilcoxon(&differences).filter(|_| differences.len() > 1),
        unpaired: statistics::student_t(&numbers(of_a), &numbers(of_b)),
        paired_holm: None,
        wilcoxon_holm: None,
    })
}

fn correct(
    comparisons: &mut [Comparison],
    p: impl Fn(&Comparison) -> Option<f64>,
    keep: impl Fn(&mut Comparison, f64),
) {
    let tested: Vec<usize> =
        (0..comparisons.len()).filter(|&i| p(&comparisons[i]).is_some()).collect();
    let values: Vec<f64> = tested.iter().filter_map(|&i| p(&comparisons[i])).collect();
    for (&index, adjusted) in tested.iter().zip(holm(&values)) {
        keep(&mut comparisons[index], adjusted);
    }
}

/// The best of a column, and whom its seeds cannot be told from.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) best: usize,
    /// Whether a strategy, by index, cannot be told from the best: paired t-test against it, Holm
    /// over the strategies, p >= .05.
    pub(super) tied: Vec<bool>,
}

pub(super) fn standing(set: &DataSet, metric: Metric, quantity: Quantity) -> Option<Standing> {
    let means: Vec<Option<f64>> = set
        .strategies
        .iter()
        .map(|strategy| Some(summary(&numbers(&values(set, strategy, metric, quantity)))?.mean))
        .collect();
    let with_mean = means.iter().enumerate().filter_map(|(index, mean)| Some((index, (*mean)?)));
    // Of equal ones, the first in the order of the set.
    let best = with_mean.rev().max_by(|a, b| a.1.total_cmp(&b.1))?.0;
    let others: Vec<(usize, usize)> =
        (0..means.len()).filter(|&i| i != best).map(|other| (best, other)).collect();
    let mut tied = vec![false; means.len()];
    for comparison in compare(set, metric, quantity, &others) {
        tied[comparison.b] = comparison.paired_holm.is_some_and(|p| p >= ALPHA);
    }
    Some(Standing { best, tied })
}

/// Score that says what "enough" is: a share of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    pub(super) score: f64,
    /// Whether it is that of training on the whole pool; else it is the best strategy's final
    /// score.
    pub(super) is_full_data: bool,
}

pub(super) fn reference(set: &DataSet, metric: Metric) -> Option<Reference> {
    let full: Vec<f64> = set.full.iter().filter_map(|round| metric.of(round)).collect();
    if let Some(full) = summary(&full) {
        return Some(Reference { score: full.mean, is_full_data: true });
    }
    let finals = set.strategies.iter().filter_map(|strategy| {
        Some(summary(&numbers(&values(set, strategy, metric, Quantity::Final)))?.mean)
    });
    let score = finals.max_by(f64::total_cmp)?;
    Some(Reference { score, is_full_data: false })
}

/// Labels that each seed needed to reach `target`; `None` for a seed that never does.
pub(super) fn reached(
    set: &DataSet,
    strategy: &Strategy,
    metric: Metric,
    target: f64,
) -> Vec<(u64, Option<f64>)> {
    let labeled = labeled(set);
    let runs = strategy.runs.iter();
    runs.filter_map(|run| {
        let scores = set.scores(run, metric)?;
        Some((run.seed(), labels_to_reach(&labeled, &scores, target)))
    })
    .collect()
}

//! Holds what all sections of a report share: the data sets, the metric in the foreground, who is
//! the baseline, and how each strategy is drawn.

use std::collections::BTreeMap;

use super::collect::{DataSet, Strategy};
use super::error::ReportError;
use super::metric::Metric;
use super::svg::Style;

pub(super) struct View<'a> {
    pub(super) sets: &'a [DataSet],
    pub(super) metric: Metric,
    /// Name of the baseline, which is not in every set perhaps.
    pub(super) baseline: String,
    styles: BTreeMap<String, Style>,
}

impl<'a> View<'a> {
    /// The baseline is `random` where nobody says otherwise, or the first strategy by name.
    pub(super) fn new(
        sets: &'a [DataSet],
        metric: Metric,
        baseline: Option<&str>,
    ) -> Result<Self, ReportError> {
        let mut names: Vec<String> =
            sets.iter().flat_map(|set| &set.strategies).map(|s| s.name.clone()).collect();
        names.sort();
        names.dedup();
        let has = |name: &str| names.iter().any(|known| known == name);
        let baseline = match baseline {
            Some(name) if has(name) => name.to_owned(),
            Some(name) => {
                return Err(ReportError::Baseline { name: name.to_owned(), known: names });
            }
            None if has("random") => "random".to_owned(),
            None => names[0].clone(),
        };
        let others = names.iter().filter(|name| **name != baseline);
        let mut styles: BTreeMap<String, Style> =
            others.enumerate().map(|(index, name)| (name.clone(), Style::of(index))).collect();
        styles.insert(baseline.clone(), Style::baseline());
        Ok(Self { sets, metric, baseline, styles })
    }

    pub(super) fn style(&self, strategy: &Strategy) -> Style {
        self.styles.get(&strategy.name).copied().unwrap_or_else(Style::baseline)
    }

    /// Returns a style for what is no strategy: unlike those of all strategies.
    pub(super) fn style_of_reference(&self, index: usize) -> Style {
        Style::of(self.styles.len() + index)
    }

    /// The baseline's index in a set.
    pub(super) fn baseline_of(&self, set: &DataSet) -> Option<usize> {
        set.strategies.iter().position(|strategy| strategy.name == self.baseline)
    }

    /// Pairs each other strategy with the baseline.
    pub(super) fn against_baseline(&self, set: &DataSet) -> Vec<(usize, usize)> {
        let Some(baseline) = self.baseline_of(set) else { return Vec::new() };
        (0..set.strategies.len()).filter(|&a| a != baseline).map(|a| (a, baseline)).collect()
    }
}

/// Pairs every two strategies once.
pub(super) fn all_pairs(set: &DataSet) -> Vec<(usize, usize)> {
    let n = set.strategies.len();
    (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))).collect()
}

/// Lists the seeds that all strategies of a set share.
pub(super) fn common_seeds(set: &DataSet) -> Vec<u64> {
    let has = |strategy: &Strategy, seed: u64| strategy.runs.iter().any(|run| run.seed() == seed);
    let first = set.strategies[0].runs.iter().map(super::collect::Run::seed);
    first.filter(|&seed| set.strategies.iter().all(|strategy| has(strategy, seed))).collect()
}

//! Holds what all sections of a report share: the data sets, the metric in the foreground, who is
//! the baseline, and how each strategy is drawn.

use super::collect::{DataSet, Strategy};
use super::document::{Cell, Choice, Figure};
use super::error::ReportError;
use super::metric::Metric;
use super::order;
use super::svg::{BASELINE, Style};

/// As many strategies as there are colours are drawn and told apart by themselves. Where a data set
/// has more, figures have the best in front, and tables and verdicts are of another, shorter kind.
pub(super) const FEW: usize = BASELINE + 1;
/// How many are in front then, beside the baseline.
pub(super) const IN_FRONT: usize = 5;

pub(super) struct View<'a> {
    pub(super) sets: &'a [DataSet],
    pub(super) metric: Metric,
    /// Name of the baseline, which is not in every set perhaps.
    pub(super) baseline: String,
    /// All strategies, the best over all sets first.
    pub(super) names: Vec<String>,
    /// Those that are not the baseline, each at the place that says its style.
    styled: Vec<String>,
}

impl<'a> View<'a> {
    /// The baseline is `random` where nobody says otherwise, or the first strategy by name.
    pub(super) fn new(
        sets: &'a [DataSet],
        metric: Metric,
        baseline: Option<&str>,
    ) -> Result<Self, ReportError> {
        let names = order::overall(sets, metric);
        let mut by_name = names.clone();
        by_name.sort();
        let has = |name: &str| names.iter().any(|known| known == name);
        let baseline = match baseline {
            Some(name) if has(name) => name.to_owned(),
            Some(name) => {
                return Err(ReportError::Baseline { name: name.to_owned(), known: by_name });
            }
            None if has("random") => "random".to_owned(),
            None => by_name[0].clone(),
        };
        // Where there are more strategies than colours, the best have colours of their own.
        let styled = if names.len() > FEW { &names } else { &by_name };
        let styled = styled.iter().filter(|name| **name != baseline).cloned().collect();
        Ok(Self { sets, metric, baseline, names, styled })
    }

    /// Whether a set has more strategies than can be shown side by side.
    pub(super) fn is_many(set: &DataSet) -> bool {
        set.strategies.len() > FEW
    }

    /// Returns how a strategy is drawn in figures of a set, whose strategies are in their order.
    pub(super) fn style(&self, set: &DataSet, strategy: &Strategy) -> Style {
        let names: Vec<&str> = set.strategies.iter().map(|other| other.name.as_str()).collect();
        self.style_among(&names, &strategy.name)
    }

    /// Returns how a strategy is drawn in figures of all sets.
    pub(super) fn style_overall(&self, name: &str) -> Style {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        self.style_among(&names, name)
    }

    /// Returns how one of `names` is drawn, which are in their order: behind, where they are many and
    /// it is none of the best.
    fn style_among(&self, names: &[&str], name: &str) -> Style {
        let index = self.styled.iter().position(|known| known == name);
        let style = index.map_or_else(Style::baseline, Style::of);
        if names.len() <= FEW {
            return style;
        }
        let mut best = names.iter().filter(|other| **other != self.baseline).take(IN_FRONT);
        let is_front = name == self.baseline || best.any(|other| *other == name);
        let key = self.names.iter().position(|known| known == name);
        if is_front { style.numbered(key) } else { style.numbered(key).behind() }
    }

    /// Returns a style for what is no strategy: unlike those of all strategies.
    pub(super) fn style_of_reference(&self, index: usize) -> Style {
        Style::of(self.names.len() + index)
    }

    /// Makes a figure of a set follow the choice that a reader has made for the set.
    pub(super) fn follows(&self, set: &DataSet, figure: Figure) -> Figure {
        let group = self.sets.iter().position(|known| std::ptr::eq(known, set));
        Figure { group: group.filter(|_| Self::is_many(set)), ..figure }
    }

    /// Returns the choice of who is in front; `None` where all are.
    pub(super) fn choice(&self, set: &DataSet) -> Option<Choice> {
        let group = self.sets.iter().position(|known| std::ptr::eq(known, set))?;
        let entries = set.strategies.iter();
        Self::is_many(set).then(|| Choice {
            group,
            title: format!("In colour in the figures of {}", set.name),
            entries: entries.map(|s| (self.name(&s.name), self.style(set, s))).collect(),
        })
    }

    /// Names a strategy in words; the baseline is said to be it, where there is anything to compare
    /// with it.
    pub(super) fn name(&self, name: &str) -> String {
        let is_baseline = name == self.baseline && self.names.len() > 1;
        if is_baseline { format!("{name} (baseline)") } else { name.to_owned() }
    }

    /// Makes the cell that begins a strategy's row.
    pub(super) fn cell(&self, name: &str) -> Cell {
        let is_baseline = name == self.baseline && self.names.len() > 1;
        Cell { is_baseline, ..Cell::new(self.name(name)) }
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

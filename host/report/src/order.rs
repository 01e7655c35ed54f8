//! The order of strategies: the best by area first, so that a table can be read from its top.

use alhost_metrics::statistics::{ranks, summary};

use super::collect::{DataSet, Strategy};
use super::compare::{Quantity, numbers, values};
use super::metric::Metric;

/// Puts the strategies of each data set in the order of their mean areas. Those without a score come
/// last; of equal ones, the first by name.
pub(super) fn by_area(sets: &mut [DataSet], metric: Metric) {
    for set in sets {
        let means: Vec<(String, Option<f64>)> = set
            .strategies
            .iter()
            .map(|strategy| (strategy.name.clone(), mean_area(set, strategy, metric)))
            .collect();
        let mean = |strategy: &Strategy| {
            let found = means.iter().find(|mean| mean.0 == strategy.name);
            found.and_then(|mean| mean.1).unwrap_or(f64::NEG_INFINITY)
        };
        set.strategies.sort_by(|a, b| mean(b).total_cmp(&mean(a)).then(a.name.cmp(&b.name)));
    }
}

/// The mean area of a strategy; of a curve of one point, its score.
pub(super) fn mean_area(set: &DataSet, strategy: &Strategy, metric: Metric) -> Option<f64> {
    let of = |quantity: Quantity| {
        Some(summary(&numbers(&values(set, strategy, metric, quantity)))?.mean)
    };
    of(Quantity::Area).or_else(|| of(Quantity::Final))
}

/// Names all strategies, ordered by how high they stand in the mean over the data sets that have
/// them.
pub(super) fn overall(sets: &[DataSet], metric: Metric) -> Vec<String> {
    let mut names: Vec<String> =
        sets.iter().flat_map(|set| &set.strategies).map(|s| s.name.clone()).collect();
    names.sort();
    names.dedup();
    let places: Vec<Vec<(&str, f64)>> = sets.iter().map(|set| places(set, metric)).collect();
    let mean = |name: &str| {
        let of_name = places.iter().flatten().filter(|place| place.0 == name);
        summary(&of_name.map(|place| place.1).collect::<Vec<_>>()).map_or(1.0, |place| place.mean)
    };
    names.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
    names
}

/// Where each strategy of a set stands, from 0 for the best to 1: the rank as a share, since sets may
/// have different numbers of strategies.
fn places(set: &DataSet, metric: Metric) -> Vec<(&str, f64)> {
    let area = |strategy| mean_area(set, strategy, metric).unwrap_or(f64::NEG_INFINITY);
    let areas: Vec<f64> = set.strategies.iter().map(area).collect();
    let n = areas.len() as f64;
    let shares = ranks(&areas).into_iter().map(|rank| (rank - 0.5) / n);
    set.strategies.iter().map(|strategy| strategy.name.as_str()).zip(shares).collect()
}

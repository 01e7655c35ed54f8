//! Blocks of scores, in each of which all strategies are ranked: seeds, data sets, or both.

use alhost_metrics::statistics::{
    Friedman, critical_difference, friedman, holm, rank_difference_p, summary, wilcoxon,
};

use super::collect::{DataSet, Strategy};
use super::compare::{ALPHA, BySeed, Quantity, numbers, values};
use super::metric::Metric;
use super::view::View;

/// What a block is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Unit {
    /// A seed of the one data set of this name.
    Seed(String),
    /// A data set, with the mean over its seeds.
    DataSet,
    /// A seed of one of so many data sets.
    SeedOfDataSets(usize),
}

/// Areas of the strategies that all blocks have.
pub(super) struct Blocks {
    pub(super) unit: Unit,
    pub(super) names: Vec<String>,
    /// Blocks x strategies.
    pub(super) areas: Vec<Vec<f64>>,
}

/// Friedman's test on blocks, and what follows it.
pub(super) struct Ranking {
    pub(super) friedman: Friedman,
    /// Nemenyi's.
    pub(super) difference: f64,
}

impl Ranking {
    /// Lists the strategies by mean rank, the best first.
    pub(super) fn order(&self) -> Vec<usize> {
        let ranks = &self.friedman.mean_ranks;
        let mut order: Vec<usize> = (0..ranks.len()).collect();
        order.sort_by(|&a, &b| ranks[a].total_cmp(&ranks[b]));
        order
    }
}

/// A strategy against the baseline, over blocks.
pub(super) struct Against {
    /// Mean rank less the baseline's.
    pub(super) ranks: f64,
    /// By mean ranks and by Wilcoxon's test of areas, after Holm over the strategies.
    pub(super) p: f64,
    pub(super) wilcoxon: f64,
}

impl Blocks {
    /// The common seeds of one data set.
    pub(super) fn seeds(set: &DataSet, metric: Metric) -> Self {
        let names: Vec<String> = set.strategies.iter().map(|s| s.name.clone()).collect();
        let areas = by_seed(set, &names, metric);
        Self { unit: Unit::Seed(set.name.clone()), names, areas }
    }

    /// The data sets, with mean areas.
    pub(super) fn data_sets(view: &View<'_>) -> Self {
        let names = everywhere(view);
        let block = |set: &DataSet| -> Option<Vec<f64>> {
            let mean = |name: &String| {
                let areas = areas(set, name, view.metric)?;
                Some(summary(&numbers(&areas))?.mean)
            };
            names.iter().map(mean).collect()
        };
        let areas = view.sets.iter().filter_map(block).collect();
        Self { unit: Unit::DataSet, names, areas }
    }

    /// Each common seed of each data set.
    pub(super) fn seeds_of_data_sets(view: &View<'_>) -> Self {
        let names = everywhere(view);
        let areas = view.sets.iter().flat_map(|set| by_seed(set, &names, view.metric)).collect();
        Self { unit: Unit::SeedOfDataSets(view.sets.len()), names, areas }
    }

    /// Whether there are enough strategies and blocks for a ranking.
    pub(super) fn is_enough(&self) -> bool {
        self.names.len() >= 3 && self.areas.len() >= 2
    }

    /// Ranks the strategies; `None` with fewer than three of them or two blocks.
    pub(super) fn ranking(&self) -> Option<Ranking> {
        let friedman = friedman(&self.areas)?;
        let difference = critical_difference(ALPHA, self.names.len(), self.areas.len());
        Some(Ranking { friedman, difference })
    }

    /// Compares each strategy with `baseline`, which has no comparison itself; `None` without it.
    pub(super) fn against(
        &self,
        ranking: &Ranking,
        baseline: &str,
    ) -> Option<Vec<Option<Against>>> {
        let control = self.names.iter().position(|name| name == baseline)?;
        let (k, n) = (self.names.len(), self.areas.len());
        let ranks = &ranking.friedman.mean_ranks;
        let others: Vec<usize> = (0..k).filter(|&other| other != control).collect();
        let by_ranks = others.iter().map(|&a| rank_difference_p(ranks[a] - ranks[control], k, n));
        let by_areas = others.iter().map(|&a| {
            let differences: Vec<f64> =
                self.areas.iter().map(|block| block[a] - block[control]).collect();
            wilcoxon(&differences).map_or(1.0, |test| test.p)
        });
        let (p, by_areas) = (holm(&by_ranks.collect::<Vec<_>>()), by_areas.collect::<Vec<_>>());
        let wilcoxon = holm(&by_areas);
        let mut against: Vec<Option<Against>> = (0..k).map(|_| None).collect();
        for ((&other, p), wilcoxon) in others.iter().zip(p).zip(wilcoxon) {
            let ranks = ranks[other] - ranks[control];
            against[other] = Some(Against { ranks, p, wilcoxon });
        }
        Some(against)
    }

    /// Says what the blocks are: `5 seeds of this one data set`.
    pub(super) fn words(&self) -> String {
        let n = self.areas.len();
        match &self.unit {
            Unit::Seed(_) => format!("{n} seeds of this one data set"),
            Unit::DataSet => format!("{n} data sets (mean area of each)"),
            Unit::SeedOfDataSets(sets) => format!("{n} seeds of {sets} data sets"),
        }
    }
}

/// Names the strategies that every data set has.
fn everywhere(view: &View<'_>) -> Vec<String> {
    let has = |set: &DataSet, name: &str| set.strategies.iter().any(|s| s.name == name);
    let everywhere = |name: &&String| view.sets.iter().all(|set| has(set, name));
    view.names.iter().filter(everywhere).cloned().collect()
}

fn areas(set: &DataSet, name: &str, metric: Metric) -> Option<BySeed> {
    let of_name = |strategy: &&Strategy| strategy.name == name;
    let strategy = set.strategies.iter().find(of_name)?;
    Some(values(set, strategy, metric, Quantity::Area))
}

/// The areas of those seeds that all of `names` have.
fn by_seed(set: &DataSet, names: &[String], metric: Metric) -> Vec<Vec<f64>> {
    let all: Option<Vec<BySeed>> = names.iter().map(|name| areas(set, name, metric)).collect();
    let all = all.unwrap_or_default();
    let Some(first) = all.first() else { return Vec::new() };
    let of_seed = |seed: u64| -> Option<Vec<f64>> {
        let of = |values: &BySeed| values.iter().find(|value| value.0 == seed).map(|value| value.1);
        all.iter().map(of).collect()
    };
    first.iter().filter_map(|&(seed, _)| of_seed(seed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three blocks in which `a` leads, then `b`, then `c`.
    fn blocks() -> Blocks {
        let areas = vec![vec![0.9, 0.8, 0.7], vec![0.6, 0.5, 0.1], vec![0.5, 0.4, 0.3]];
        Blocks { unit: Unit::DataSet, names: ["a", "b", "c"].map(str::to_owned).to_vec(), areas }
    }

    #[test]
    fn each_is_compared_with_the_baseline_and_it_with_nobody() {
        let blocks = blocks();
        let ranking = blocks.ranking().unwrap();
        assert_eq!(ranking.friedman.mean_ranks, [1.0, 2.0, 3.0]);
        let against = blocks.against(&ranking, "c").unwrap();
        assert!(against[2].is_none());
        let ranks: Vec<f64> = against.iter().flatten().map(|a| a.ranks).collect();
        assert_eq!(ranks, [-2.0, -1.0]);
        // z = 2 / √(3 · 4 / 18) = 2.449, p = .0143, twice that after Holm; z = 1.225, p = .2207.
        let p: Vec<f64> = against.iter().flatten().map(|a| a.p).collect();
        assert!((p[0] - 2.0 * 0.014_306).abs() < 1e-5 && (p[1] - 0.220_671).abs() < 1e-5, "{p:?}");
        // Three blocks of one sign: p = 2 / 2³, twice that after Holm, and not less for the other.
        let p: Vec<f64> = against.iter().flatten().map(|a| a.wilcoxon).collect();
        assert_eq!(p, [0.5, 0.5]);
        assert!(blocks.against(&ranking, "nobody").is_none());
    }

    #[test]
    fn two_strategies_or_one_block_have_no_ranking() {
        let few = Blocks { areas: vec![vec![0.9, 0.8, 0.7]], ..blocks() };
        assert!(few.ranking().is_none());
        assert!(Blocks { areas: Vec::new(), ..blocks() }.ranking().is_none());
    }
}

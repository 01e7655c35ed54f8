//! Comparisons of strategies: tests, overlap of selections, ranks.

use alhost_metrics::statistics::ranks;

use super::super::blocks::{Blocks, Unit};
use super::super::collect::DataSet;
use super::super::compare::{Comparison, Quantity, compare};
use super::super::overlap::{Overlaps, Which};
use super::super::pairs::point_test;
use super::super::view::{View, all_pairs};
use super::{Rows, head, number};

/// Every test between two strategies; Holm over the `family`.
pub(super) fn tests(view: &View<'_>) -> Rows {
    let mut rows = head(&[
        "data",
        "metric",
        "quantity",
        "family",
        "a",
        "b",
        "pairs",
        "difference",
        "low",
        "high",
        "t",
        "p_paired_t",
        "p_paired_t_holm",
        "wilcoxon",
        "p_wilcoxon",
        "p_wilcoxon_holm",
        "p_unpaired_t",
    ]);
    for set in view.sets {
        let families = [("baseline", view.against_baseline(set)), ("all pairs", all_pairs(set))];
        for (family, pairs) in &families {
            for metric in view.metric.headline() {
                for quantity in Quantity::ALL {
                    for c in compare(set, metric, quantity, pairs) {
                        let names = [&set.name, metric.name(), quantity.name(), *family];
                        rows.push(test_row(set, &names, &c));
                    }
                }
            }
        }
    }
    rows
}

fn test_row(set: &DataSet, names: &[&str; 4], c: &Comparison) -> Vec<String> {
    let mut row: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    row.extend([c.a, c.b].map(|index| set.strategies[index].name.clone()));
    row.push(c.n.to_string());
    row.push(number(Some(c.difference)));
    row.push(number(c.paired.map(|test| test.low)));
    row.push(number(c.paired.map(|test| test.high)));
    row.push(number(c.paired.map(|test| test.t)));
    row.push(number(c.paired.map(|test| test.p)));
    row.push(number(c.paired_holm));
    row.push(number(c.wilcoxon.map(|test| test.statistic)));
    row.push(number(c.wilcoxon.map(|test| test.p)));
    row.push(number(c.wilcoxon_holm));
    row.push(number(c.unpaired.map(|test| test.p)));
    row
}

/// The paper's test at each number of labeled texts.
pub(super) fn points(view: &View<'_>) -> Rows {
    let mut rows =
        head(&["data", "metric", "labeled", "strategy", "baseline", "difference", "p_unpaired_t"]);
    for set in view.sets {
        for metric in view.metric.headline() {
            for &labeled in &set.labeled {
                for pair in view.against_baseline(set) {
                    let Some((difference, p)) = point_test(set, metric, labeled, pair) else {
                        continue;
                    };
                    let mut row =
                        vec![set.name.clone(), metric.name().to_owned(), labeled.to_string()];
                    row.extend([pair.0, pair.1].map(|index| set.strategies[index].name.clone()));
                    row.extend([number(Some(difference)), number(p)]);
                    rows.push(row);
                }
            }
        }
    }
    rows
}

pub(super) fn overlap(view: &View<'_>) -> Rows {
    let mut rows = head(&["data", "selections", "a", "b", "seeds", "jaccard"]);
    for set in view.sets {
        for which in Which::ALL {
            let overlaps = Overlaps::new(set, which);
            for (a, b) in all_pairs(set) {
                let Some((value, seeds)) = overlaps.jaccard(a, b) else { continue };
                let (a, b) = (&set.strategies[a], &set.strategies[b]);
                let names = [&set.name, which.name(), &a.name, &b.name].map(str::to_owned);
                let numbers = [seeds.to_string(), number(Some(value))];
                rows.push(names.into_iter().chain(numbers).collect());
            }
        }
    }
    rows
}

/// Lists mean areas and their ranks, for tests over data sets.
pub(super) fn ranks_of_areas(view: &View<'_>) -> Rows {
    let mut rows = head(&["data", "metric", "strategy", "mean_area", "rank"]);
    let blocks = Blocks::data_sets(view);
    for (set, block) in view.sets.iter().zip(&blocks.areas) {
        for ((name, area), rank) in blocks.names.iter().zip(block).zip(ranks(block)) {
            let texts = [&set.name, view.metric.name(), name].map(str::to_owned);
            rows.push(texts.into_iter().chain([number(Some(*area)), rank.to_string()]).collect());
        }
    }
    rows
}

/// Lists mean ranks over each kind of blocks, with what critical-difference diagrams are drawn from;
/// `data` is empty where blocks are of all data sets.
pub(super) fn mean_ranks(view: &View<'_>) -> Rows {
    let mut rows = head(&[
        "data",
        "metric",
        "block",
        "blocks",
        "strategy",
        "mean_rank",
        "critical_difference",
        "difference_to_baseline",
        "p_ranks_holm",
        "p_wilcoxon_holm",
    ]);
    let of_sets = view.sets.iter().map(|set| Blocks::seeds(set, view.metric));
    let mut all: Vec<Blocks> = of_sets.collect();
    if view.sets.len() > 1 {
        all.extend([Blocks::data_sets(view), Blocks::seeds_of_data_sets(view)]);
    }
    for blocks in &all {
        rows.extend(rank_rows(view, blocks));
    }
    rows
}

fn rank_rows(view: &View<'_>, blocks: &Blocks) -> Rows {
    let Some(ranking) = blocks.ranking() else { return Vec::new() };
    let against = blocks.against(&ranking, &view.baseline).unwrap_or_default();
    let (data, block) = match &blocks.unit {
        Unit::Seed(set) => (set.as_str(), "seed"),
        Unit::DataSet => ("", "data set"),
        Unit::SeedOfDataSets(_) => ("", "seed of a data set"),
    };
    let row = |(index, name): (usize, &String)| {
        let against = against.get(index).and_then(Option::as_ref);
        let mut row = [data, view.metric.name(), block].map(str::to_owned).to_vec();
        row.extend([blocks.areas.len().to_string(), name.clone()]);
        row.extend([
            number(Some(ranking.friedman.mean_ranks[index])),
            number(Some(ranking.difference)),
            number(against.map(|against| against.ranks)),
            number(against.map(|against| against.p)),
            number(against.map(|against| against.wilcoxon)),
        ]);
        row
    };
    blocks.names.iter().enumerate().map(row).collect()
}

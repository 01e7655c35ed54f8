//! The noise of the instrument: how far training alone moves the scores on one labeled set, from
//! `alhost train --labels-of RUN --seed 1 --seed 2 ...`.

use alhost_metrics::statistics::summary;

use super::collect::{DataSet, Strategy};
use super::document::{Cell, Section, Table, score};
use super::metric::Metric;
use super::scores::mean_and_sd;
use super::view::View;

pub(super) fn section(view: &View<'_>, set: &DataSet) -> Option<Section> {
    let mut section = Section::new(3, "Noise of training");
    if set.manifest().config["model"]["head"] == "logistic" {
        section.text(
            "A logistic head is solved to its optimum, which the labeled set alone decides: every training \
             seed gives the same classifier, and training adds no noise to a difference.",
        );
        return Some(section);
    }
    if set.retrained.is_empty() {
        return None;
    }
    let metrics = view.metric.headline();
    let head = ["trainings", "labeled", "seeds"].map(str::to_owned).into_iter();
    section.table(Table {
        caption: "One labeled set, trained on with several seeds: mean ± standard deviation"
            .to_owned(),
        head: head.chain(metrics.iter().map(|metric| metric.title().to_owned())).collect(),
        rows: set.retrained.iter().map(|trainings| row(trainings, &metrics)).collect(),
        is_folded: false,
    });
    section.text(match noise(set, view.metric) {
        Some(sd) => format!(
            "Over these sets together, training alone has a standard deviation of {} in {}. A difference \
             between strategies that is smaller is called so below.",
            score(sd),
            view.metric.title()
        ),
        None => "No set was trained on twice, so no spread can be told.".to_owned(),
    });
    Some(section)
}

/// Standard deviation over training seeds, pooled over the labeled sets: the root of their mean variance,
/// weighted by degrees of freedom.
pub(super) fn noise(set: &DataSet, metric: Metric) -> Option<f64> {
    let scores = set.retrained.iter().map(|trainings| scores(trainings, metric));
    pooled(&scores.collect::<Vec<_>>())
}

fn pooled(sets: &[Vec<f64>]) -> Option<f64> {
    let (mut squares, mut freedom) = (0.0, 0.0);
    for scores in sets {
        let Some(spread) = summary(scores).and_then(|summary| summary.spread) else { continue };
        let degrees = scores.len() as f64 - 1.0;
        squares += degrees * spread.sd * spread.sd;
        freedom += degrees;
    }
    (freedom > 0.0).then(|| (squares / freedom).sqrt())
}

/// Returns the score of each seed.
fn scores(trainings: &Strategy, metric: Metric) -> Vec<f64> {
    let rounds = trainings.runs.iter().filter_map(|run| run.records.rounds.last());
    rounds.filter_map(|round| metric.of(round)).collect()
}

fn row(trainings: &Strategy, metrics: &[Metric]) -> Vec<Cell> {
    let labeled = trainings.runs[0].records.rounds.last().map_or(0, |round| round.labeled);
    let cells =
        [trainings.name.clone(), labeled.to_string(), trainings.runs.len().to_string()].into_iter();
    let of = |metric: &Metric| {
        summary(&scores(trainings, *metric))
            .map_or("–".to_owned(), |summary| mean_and_sd(&summary))
    };
    cells.chain(metrics.iter().map(of)).map(Cell::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_pooled_by_their_degrees_of_freedom() {
        let check = |sets: &[&[f64]], expected: Option<f64>| {
            let sets: Vec<Vec<f64>> = sets.iter().map(|set| set.to_vec()).collect();
            let found = pooled(&sets);
            let close = found.zip(expected).is_some_and(|(a, b)| (a - b).abs() < 1e-12);
            assert!(close || found.is_none() && expected.is_none(), "{found:?}, not {expected:?}");
        };
        check(&[&[0.1, 0.3]], Some(0.02_f64.sqrt()));
        // Variances .02 with one degree of freedom and .01 with two: (.02 + 2 * .01) / 3.
        check(&[&[0.1, 0.3], &[0.2, 0.3, 0.4]], Some((0.04_f64 / 3.0).sqrt()));
        check(&[&[0.1], &[0.1, 0.3]], Some(0.02_f64.sqrt()));
        check(&[&[0.1], &[]], None);
    }
}

//! Compares each strategy with the baseline along the curve: how often it is ahead, from how many
//! labels on it stays ahead, and what it loses at its worst.

use alhost_metrics::statistics::summary;

use super::collect::{DataSet, Strategy};
use super::document::{Cell, Section, Table, signed};
use super::metric::Metric;
use super::view::View;

/// Differences to the baseline of one seed, at each number of labeled texts after the initial set,
/// which both share.
struct Differences {
    by_labeled: Vec<(usize, f64)>,
}

pub(super) fn section(view: &View<'_>, set: &DataSet) -> Option<Section> {
    let baseline = &set.strategies[view.baseline_of(set)?];
    let others = set.strategies.iter().filter(|strategy| strategy.name != baseline.name);
    let rows: Vec<Vec<Cell>> = others
        .filter_map(|strategy| row(strategy, &differences(set, strategy, baseline, view.metric)))
        .collect();
    if rows.is_empty() {
        return None;
    }
    let head = ["strategy", "ahead", "stays ahead from", "worst mean loss", "worst single loss"];
    let mut section = Section::new(3, "Along the curve");
    section.table(Table {
        caption: format!("{} against {}, seed by seed", view.metric.title(), view.baseline),
        head: head.map(str::to_owned).to_vec(),
        rows,
        is_folded: false,
    });
    section.text(
        "Ahead: the share of points of the curve, over all seeds, at which the strategy scores higher; the \
         initial set, which all share, does not count. Stays ahead from: labeled texts from which on it \
         scores higher at every later point, the mean over the seeds where there is such a number. Worst: \
         the lowest difference at one number of labeled texts, in the mean over seeds and in a single seed.",
    );
    Some(section)
}

fn differences(
    set: &DataSet,
    strategy: &Strategy,
    baseline: &Strategy,
    metric: Metric,
) -> Vec<Differences> {
    let of_seed = |run: &super::collect::Run| {
        let other = baseline.runs.iter().find(|other| other.seed() == run.seed())?;
        let at = |&labeled: &usize| {
            Some((labeled, metric.of(run.at(labeled)?)? - metric.of(other.at(labeled)?)?))
        };
        let by_labeled = set.labeled.iter().skip(1).map(at).collect::<Option<Vec<_>>>()?;
        (!by_labeled.is_empty()).then_some(Differences { by_labeled })
    };
    strategy.runs.iter().filter_map(of_seed).collect()
}

fn row(strategy: &Strategy, seeds: &[Differences]) -> Option<Vec<Cell>> {
    let all: Vec<f64> =
        seeds.iter().flat_map(|seed| &seed.by_labeled).map(|point| point.1).collect();
    let ahead = all.iter().filter(|&&difference| difference > 0.0).count() as f64;
    let worst = all.iter().copied().min_by(f64::total_cmp)?;
    Some(vec![
        Cell::new(strategy.name.clone()),
        Cell::new(format!("{:.0}%", 100.0 * ahead / all.len() as f64)),
        Cell::new(stays_ahead(seeds)),
        Cell::new(signed(worst_mean(seeds)?)),
        Cell::new(signed(worst)),
    ])
}

/// Says from how many labels on it stays ahead: `350 (2 of 3 seeds)`.
fn stays_ahead(seeds: &[Differences]) -> String {
    let from: Vec<f64> = seeds.iter().filter_map(Differences::stays_ahead_from).collect();
    match summary(&from) {
        None => "never".to_owned(),
        Some(mean) if from.len() == seeds.len() => format!("{:.0}", mean.mean),
        Some(mean) => format!("{:.0} ({} of {} seeds)", mean.mean, from.len(), seeds.len()),
    }
}

/// The lowest mean over the seeds at one number of labeled texts.
fn worst_mean(seeds: &[Differences]) -> Option<f64> {
    let points = seeds.iter().map(|seed| seed.by_labeled.len()).min()?;
    let mean = |at: usize| {
        seeds.iter().map(|seed| seed.by_labeled[at].1).sum::<f64>() / seeds.len() as f64
    };
    (0..points).map(mean).min_by(f64::total_cmp)
}

impl Differences {
    /// The first number of labeled texts that begins an unbroken lead; `None` without a lead at the end.
    fn stays_ahead_from(&self) -> Option<f64> {
        let lead = self.by_labeled.iter().rev().take_while(|point| point.1 > 0.0);
        lead.last().map(|&(labeled, _)| labeled as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(differences: &[f64]) -> Differences {
        let labeled = (1..).map(|round| 100 * round + 100);
        Differences { by_labeled: labeled.zip(differences.iter().copied()).collect() }
    }

    #[test]
    fn a_lead_that_lasts_begins_where_it_is_never_lost_again() {
        let check = |differences: &[f64], expected: Option<f64>| {
            assert_eq!(seed(differences).stays_ahead_from(), expected, "{differences:?}");
        };
        check(&[0.1, -0.1, 0.1, 0.2], Some(400.0));
        check(&[0.1, 0.1], Some(200.0));
        check(&[0.1, 0.0], None);
        check(&[], None);
    }

    #[test]
    fn a_row_says_share_lead_and_both_losses() {
        let seeds = [seed(&[0.1, -0.3, 0.1]), seed(&[0.1, 0.2, -0.1])];
        let strategy = Strategy { name: "alps".to_owned(), runs: Vec::new() };
        let row: Vec<String> =
            row(&strategy, &seeds).unwrap().into_iter().map(|cell| cell.text).collect();
        assert_eq!(row, ["alps", "67%", "400 (1 of 2 seeds)", "−0.050", "−0.300"]);
        assert_eq!(stays_ahead(&[seed(&[-0.1])]), "never");
    }
}

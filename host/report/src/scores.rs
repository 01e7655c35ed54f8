//! The section that sums up learning curves in tables.

use alhost_metrics::statistics::{Summary, summary};

use super::collect::{DataSet, Strategy};
use super::compare::{
    ALPHA, BySeed, Quantity, Reference, Standing, numbers, paired, reached, reference, standing,
    values,
};
use super::document::{Cell, Section, Table, score};
use super::metric::Metric;
use super::queries;
use super::selected::classes_seen;
use super::view::View;

/// Makes a table a metric: area, final score, labels to reach shares of a score, savings.
pub(super) fn tables(view: &View<'_>, set: &DataSet) -> Section {
    let mut section = Section::new(3, "Curves in numbers");
    for metric in view.metric.headline() {
        if let Some(table) = table(view, set, metric) {
            section.table(table);
        }
    }
    section.add(references(view, set));
    section.text(format!(
        "Mean ± standard deviation over seeds. Bold: the best; ≈: its seeds cannot be told from the \
         best's (paired t-test, Holm over the strategies, p ≥ {ALPHA}), which with few seeds is no \
         sign that the two are equal. Area: under the learning curve by trapezoids, divided by the \
         range of labeled texts, so that it is the mean score over the budget. Classes seen: those that \
         occur in the labeled set, in the mean over the budget too. A query: features and select, charged \
         (see Cost)."
    ));
    section
}

/// Tabulates what TF-IDF and a linear SVM make of the same labels.
fn references(view: &View<'_>, set: &DataSet) -> Option<Table> {
    let metrics = view.metric.headline();
    let row = |reference: &Strategy| {
        let last = reference.runs.iter().filter_map(|run| run.records.rounds.last());
        let last: Vec<_> = last.collect();
        let texts = last.iter().map(|round| round.labeled).max().unwrap_or(0);
        let cells = metrics.iter().map(|&metric| {
            let scores: Vec<f64> = last.iter().filter_map(|round| metric.of(round)).collect();
            summary(&scores).map_or("–".to_owned(), |summary| mean_and_sd(&summary))
        });
        let first = [reference.name.clone(), texts.to_string()].into_iter();
        first.chain(cells).map(Cell::new).collect()
    };
    let head = ["reference", "labeled"].map(str::to_owned).into_iter();
    (!set.references.is_empty()).then(|| Table {
        caption: "A linear SVM on TF-IDF, which knows no encoder, trained on the labels that a strategy chose \
                  or on the whole pool: scores at its last number of labeled texts"
            .to_owned(),
        head: head.chain(metrics.iter().map(|metric| metric.title().to_owned())).collect(),
        rows: set.references.iter().map(row).collect(),
        is_folded: false,
    })
}

/// Shares of the reference score.
pub(super) const SHARES: [f64; 2] = [0.9, 0.95];

fn table(view: &View<'_>, set: &DataSet, metric: Metric) -> Option<Table> {
    let reference = reference(set, metric)?;
    let standings = Quantity::ALL.map(|quantity| standing(set, metric, quantity));
    let mut head = vec!["strategy".to_owned(), "area".to_owned(), "final".to_owned()];
    for share in SHARES {
        head.push(format!("labels to {:.0}%", 100.0 * share));
        head.push("saved".to_owned());
    }
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for (index, strategy) in set.strategies.iter().enumerate() {
        let mut row = vec![view.cell(&strategy.name)];
        for (quantity, standing) in Quantity::ALL.into_iter().zip(&standings) {
            row.push(mean_cell(&values(set, strategy, metric, quantity), standing.as_ref(), index));
        }
        row.extend(labels(view, set, strategy, metric, reference));
        rows.push(row);
    }
    let is_headline = metric == view.metric;
    if is_headline {
        head.extend(["classes seen", "a query, s"].map(str::to_owned));
        add_classes_and_cost(set, &mut rows);
    }
    let of = if reference.is_full_data {
        "the score of training on the whole pool"
    } else {
        "the best mean final score, since no record has a training on the whole pool"
    };
    let caption = format!(
        "{}. Percentages are of {} ({of}); “saved”: labels fewer than {} needs.",
        metric.title(),
        score(reference.score),
        view.baseline
    );
    Some(Table { caption, head, rows, is_folded: View::is_many(set) && !is_headline })
}

/// For each share, the labels needed to get there, and how many of the baseline's that saves.
fn labels(
    view: &View<'_>,
    set: &DataSet,
    strategy: &Strategy,
    metric: Metric,
    reference: Reference,
) -> Vec<Cell> {
    let baseline = view.baseline_of(set).map(|index| &set.strategies[index]);
    let of_share = |share: f64| {
        let target = share * reference.score;
        let saved = baseline.and_then(|baseline| saved(set, strategy, baseline, metric, target));
        [labels_needed(set, strategy, metric, target), saved.unwrap_or("–".to_owned())]
    };
    SHARES.into_iter().flat_map(of_share).map(Cell::new).collect()
}

/// Adds to each strategy's row the area of its classes seen, and what a query of it costs.
fn add_classes_and_cost(set: &DataSet, rows: &mut [Vec<Cell>]) {
    let mean = |strategy: &Strategy| Some(summary(&classes_seen(set, strategy))?.mean);
    let means: Vec<Option<f64>> = set.strategies.iter().map(mean).collect();
    let most = means.iter().flatten().copied().max_by(f64::total_cmp);
    for ((row, strategy), mean) in rows.iter_mut().zip(&set.strategies).zip(means) {
        let is_most = mean.zip(most).is_some_and(|(mean, most)| mean >= most);
        let classes = mean.map_or("–".to_owned(), |mean| format!("{mean:.1}"));
        row.push(Cell::new(classes).best(is_most));
        row.push(queries::mean_cell(set, strategy));
    }
}

fn mean_cell(values: &BySeed, standing: Option<&Standing>, index: usize) -> Cell {
    let Some(summary) = summary(&numbers(values)) else { return Cell::new("–") };
    let tied = standing.is_some_and(|standing| standing.tied[index]);
    let mark = if tied { " ≈" } else { "" };
    let text = format!("{}{mark}", mean_and_sd(&summary));
    Cell::new(text).best(standing.is_some_and(|standing| standing.best == index))
}

pub(super) fn mean_and_sd(summary: &Summary) -> String {
    match summary.spread {
        Some(spread) => format!("{} ± {}", score(summary.mean), score(spread.sd)),
        None => score(summary.mean),
    }
}

fn labels_needed(set: &DataSet, strategy: &Strategy, metric: Metric, target: f64) -> String {
    let reached = reached(set, strategy, metric, target);
    let there: Vec<f64> = reached.iter().filter_map(|seed| seed.1).collect();
    let Some(mean) = summary(&there) else { return "not reached".to_owned() };
    let at_start = there.iter().all(|labels| *labels <= set.labeled[0] as f64);
    let bound = if at_start { "≤ " } else { "" };
    let number = format!("{bound}{:.0}", mean.mean);
    if there.len() == reached.len() {
        number
    } else {
        format!("{number} ({} of {} seeds)", there.len(), reached.len())
    }
}

/// The share of the baseline's labels that are not needed, over common seeds. Where the baseline does
/// not get there within the budget, it needs more, and the share is a bound.
fn saved(
    set: &DataSet,
    strategy: &Strategy,
    baseline: &Strategy,
    metric: Metric,
    target: f64,
) -> Option<String> {
    if strategy.name == baseline.name {
        return None;
    }
    let ours = reached(set, strategy, metric, target);
    let ours: BySeed =
        ours.into_iter().map(|(seed, labels)| Some((seed, labels?))).collect::<Option<_>>()?;
    let theirs = reached(set, baseline, metric, target);
    let is_bound = theirs.iter().any(|seed| seed.1.is_none());
    let last = *set.labeled.last()? as f64;
    let theirs: BySeed =
        theirs.into_iter().map(|(seed, labels)| (seed, labels.unwrap_or(last))).collect();
    let (ours, theirs) = paired(&ours, &theirs);
    let share = 1.0 - summary(&ours)?.mean / summary(&theirs)?.mean;
    let bound = if is_bound { "> " } else { "" };
    Some(format!("{bound}{:.0}%", 100.0 * share).replace('-', "−"))
}

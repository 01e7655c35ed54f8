//! Sections on scores: learning curves, and the tables that sum them up.

use alhost_base::text::file_name;
use alhost_metrics::statistics::{Summary, summary};

use super::collect::{DataSet, Strategy};
use super::compare::{
    ALPHA, BySeed, Quantity, Standing, curve, numbers, paired, reached, reference, standing, values,
};
use super::document::{Block, Cell, Figure, Section, Table, score};
use super::metric::Metric;
use super::plot::{Chart, Point, Scale, Series, draw};
use super::view::View;

pub(super) fn curves(view: &View<'_>, set: &DataSet) -> Section {
    let mut section = Section::new(3, "Learning curves");
    let metrics = view.metric.headline();
    section
        .figures(metrics.iter().filter_map(|&metric| learning_curve(view, set, metric)).collect());
    section
}

fn learning_curve(view: &View<'_>, set: &DataSet, metric: Metric) -> Option<Figure> {
    let series = set.strategies.iter().map(|strategy| Series {
        name: strategy.name.clone(),
        style: view.style(strategy),
        points: curve(set, strategy, metric).into_iter().map(point).collect(),
    });
    let references = set.references.iter().enumerate().map(|(index, reference)| Series {
        name: reference.name.clone(),
        style: view.style_of_reference(index),
        points: curve(set, reference, metric).into_iter().map(point).collect(),
    });
    let series = series.chain(references.filter(|reference| reference.points.len() > 1));
    let seeds = set.strategies.iter().map(|strategy| strategy.runs.len()).max().unwrap_or(0);
    let spread = match seeds {
        1 => "one seed".to_owned(),
        _ => format!("mean of {seeds} seeds, band: ± one standard deviation"),
    };
    let full = reference(set, metric).filter(|reference| reference.is_full_data);
    let like = match metric.name() {
        "micro_f1" => "; as the paper's Figure 2",
        "macro_f1_paper" => "; as the paper's Figure 3",
        _ => "",
    };
    draw(&Chart {
        name: format!("{}-{metric}", file_name(&set.name)),
        caption: format!("{}: {} on test ({spread}{like})", set.name, metric.title()),
        x_title: "labeled texts".to_owned(),
        y_title: short(metric).to_owned(),
        series: series.collect(),
        level: full.map(|full| (full.score, "trained on the whole pool".to_owned())),
        starts_at_zero: false,
        scale: Scale::Linear,
    })
}

/// Shortens a metric's title for an axis.
fn short(metric: Metric) -> &'static str {
    match metric.name() {
        "micro_f1_at_micro" => "micro-F1 (micro-optimal)",
        _ => metric.title(),
    }
}

fn point((labeled, summary): (usize, Summary)) -> Point {
    let sd = summary.spread.map_or(0.0, |spread| spread.sd);
    let mean = summary.mean;
    Point { x: labeled as f64, mean, low: mean - sd, high: mean + sd }
}

/// Makes a table a metric: area, final score, labels to reach shares of a score, savings.
pub(super) fn tables(view: &View<'_>, set: &DataSet) -> Section {
    let mut section = Section::new(3, "Curves in numbers");
    for metric in view.metric.headline() {
        if let Some(table) = table(view, set, metric) {
            section.table(table);
        }
    }
    section.blocks.extend(references(view, set).map(Block::Table));
    section.text(format!(
        "Mean ± standard deviation over seeds. Bold: the best; ≈: its seeds cannot be told from the \
         best's (paired t-test, Holm over the strategies, p ≥ {ALPHA}), which with few seeds is no \
         sign that the two are equal. Area: under the learning curve by trapezoids, divided by the \
         range of labeled texts, so that it is the mean score over the budget."
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
    let baseline = view.baseline_of(set).map(|index| &set.strategies[index]);
    let mut head = vec!["strategy".to_owned(), "area".to_owned(), "final".to_owned()];
    for share in SHARES {
        head.push(format!("labels to {:.0}%", 100.0 * share));
        head.push("saved".to_owned());
    }
    let rows = set.strategies.iter().enumerate().map(|(index, strategy)| {
        let mut row = vec![Cell::new(strategy.name.clone())];
        for (quantity, standing) in Quantity::ALL.into_iter().zip(&standings) {
            row.push(mean_cell(&values(set, strategy, metric, quantity), standing.as_ref(), index));
        }
        for share in SHARES {
            let target = share * reference.score;
            row.push(Cell::new(labels_needed(set, strategy, metric, target)));
            let saved =
                baseline.and_then(|baseline| saved(set, strategy, baseline, metric, target));
            row.push(Cell::new(saved.unwrap_or("–".to_owned())));
        }
        row
    });
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
    Some(Table { caption, head, rows: rows.collect(), is_folded: false })
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

//! The section with the learning curves.

use alhost_base::text::file_name;
use alhost_metrics::statistics::Summary;

use super::axes::Scale;
use super::collect::DataSet;
use super::columns::Columns;
use super::compare::{curve, reference};
use super::document::{Block, Cell, Figure, Section, Table, score};
use super::metric::Metric;
use super::plot::{Chart, Point, Series, draw};
use super::view::{IN_FRONT, View};

pub(super) fn section(view: &View<'_>, set: &DataSet) -> Section {
    let mut section = Section::new(3, "Learning curves");
    if let Some(choice) = view.choice(set) {
        section.text(format!(
            "In front are the {IN_FRONT} best by area of {} and the baseline, {}; the others are grey, in all \
             figures of this data set. Each line has its name at its end.",
            view.metric.title(),
            view.baseline
        ));
        section.blocks.push(Block::Choice(choice));
    }
    let figure = |metric| Some(view.follows(set, learning_curve(view, set, metric)?));
    section.figures(view.metric.headline().into_iter().filter_map(figure).collect());
    section.table(points(view, set));
    section
}

fn learning_curve(view: &View<'_>, set: &DataSet, metric: Metric) -> Option<Figure> {
    let series = set.strategies.iter().map(|strategy| Series {
        name: strategy.name.clone(),
        style: view.style(set, strategy),
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

/// Tabulates what the first figure shows.
fn points(view: &View<'_>, set: &DataSet) -> Table {
    let shown = Columns::new(set);
    let curves = set.strategies.iter().map(|strategy| curve(set, strategy, view.metric));
    let curves: Vec<Vec<(usize, Summary)>> = curves.collect();
    let at = |curve: &[(usize, Summary)], labeled: usize| {
        curve.iter().find(|point| point.0 == labeled).map(|point| point.1.mean)
    };
    let best: Vec<f64> = shown
        .labeled
        .iter()
        .map(|&labeled| {
            let means = curves.iter().filter_map(|curve| at(curve, labeled));
            means.fold(f64::NEG_INFINITY, f64::max)
        })
        .collect();
    let rows = set.strategies.iter().zip(&curves).map(|(strategy, curve)| {
        let cells = shown.labeled.iter().zip(&best).map(|(&labeled, best)| {
            let Some(mean) = at(curve, labeled) else { return Cell::new("–") };
            // All start from the same set, of which nobody is the best.
            Cell::new(score(mean)).best(mean >= *best && labeled != set.labeled[0])
        });
        std::iter::once(view.cell(&strategy.name)).chain(cells).collect()
    });
    Table {
        caption: format!("{} {}, mean over seeds", view.metric.title(), shown.words("rounds.csv")),
        head: shown.head(&["strategy"]),
        rows: rows.collect(),
        is_folded: true,
    }
}

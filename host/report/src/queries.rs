//! What queries cost, also in the paper's unit.

use alhost_base::text::file_name;
use alhost_metrics::statistics::summary;
use alhost_record::RoundRecord;

use super::axes::Scale;
use super::collect::{DataSet, Run, Strategy};
use super::columns::Columns;
use super::cost::{actual, mean, seconds};
use super::document::{Cell, Figure, Table};
use super::plot::{Chart, Point, Series, draw};
use super::view::View;

/// The paper's Table 3 counts 100 batches of 16.
const TEXTS: f64 = 1600.0;

/// The paper's seconds for so many texts on an RTX A6000, with BERT-base and 512 tokens.
const PAPER: [(&str, &str); 4] =
    [("subword", "3.8"), ("alps", "50"), ("dal", "56"), ("cvirs", "123")];

/// Returns the seconds charged for the query of a round, where it made one.
pub(super) fn query_seconds(round: &RoundRecord) -> Option<f64> {
    let seconds = &round.cost.seconds;
    round.stop.is_none().then_some(seconds.features + seconds.select)
}

/// Returns the seconds really spent on the query: less where something had been computed for
/// another run.
pub(super) fn actual_query_seconds(round: &RoundRecord) -> Option<f64> {
    let seconds = actual(round);
    round.stop.is_none().then_some(seconds.features + seconds.select)
}

/// Seconds of a query in the paper's unit; older records do not say how large the pool was.
pub(super) fn per_1600(round: &RoundRecord, seconds: Option<f64>) -> Option<f64> {
    let pool = round.acquired.as_ref()?.unlabeled;
    (pool > 0).then_some(seconds? * TEXTS / pool as f64)
}

pub(super) fn table(view: &View<'_>, set: &DataSet) -> Table {
    let head = [
        "strategy",
        "first query, s",
        "later queries, s",
        "s per 1,600 texts",
        "really spent, s",
        "the paper, s",
    ];
    let rows = set.strategies.iter().map(|strategy| {
        let rounds = || strategy.runs.iter().flat_map(|run| set.rounds(run));
        let first = rounds().filter(|round| round.round == 0).filter_map(query_seconds);
        let later = rounds().filter(|round| round.round > 0).filter_map(query_seconds);
        let charged = rounds().filter_map(|round| per_1600(round, query_seconds(round)));
        let spent = rounds().filter_map(|round| per_1600(round, actual_query_seconds(round)));
        let id = &strategy.runs[0].records.manifest.plugin.id;
        let paper = PAPER.iter().find(|known| known.0 == id).map_or("–", |known| known.1);
        vec![
            view.cell(&strategy.name),
            seconds(mean(first)),
            seconds(mean(later)),
            seconds(mean(charged)),
            seconds(mean(spent)),
            Cell::new(paper),
        ]
    });
    let old = set.strategies.iter().flat_map(|s| &s.runs).any(|run| !says_pool(run));
    let hint =
        if old { " Records of earlier versions do not say how large the pool was." } else { "" };
    Table {
        caption: format!(
            "What queries cost (features and select), and the same for 1,600 texts, the unit of the \
             paper's Table 3, whose figures are of an RTX A6000, BERT-base and 512 tokens.{hint}"
        ),
        head: head.map(str::to_owned).to_vec(),
        rows: rows.collect(),
        is_folded: false,
    }
}

fn says_pool(run: &Run) -> bool {
    run.records.rounds.iter().all(|round| round.acquired.is_some())
}

pub(super) fn figure(view: &View<'_>, set: &DataSet) -> Option<Figure> {
    let series = |strategy: &Strategy| {
        let at = |labeled: usize| {
            let rounds = strategy.runs.iter().filter_map(|run| run.at(labeled));
            let costs: Vec<f64> = rounds.filter_map(query_seconds).collect();
            let cost = summary(&costs)?;
            Some(Point { x: labeled as f64, mean: cost.mean, low: cost.min, high: cost.max })
        };
        Series {
            name: strategy.name.clone(),
            style: view.style(set, strategy),
            points: set.labeled.iter().filter_map(|&labeled| at(labeled)).collect(),
        }
    };
    let all: Vec<Series> = set.strategies.iter().map(series).collect();
    let chart = Chart {
        name: format!("{}-query-seconds", file_name(&set.name)),
        caption: format!(
            "{}: seconds of a query (mean; band: from least to most over seeds)",
            set.name
        ),
        x_title: "labeled texts".to_owned(),
        y_title: "seconds".to_owned(),
        series: all.into_iter().filter(|series| !series.points.is_empty()).collect(),
        level: None,
        starts_at_zero: true,
        scale: Scale::Linear,
    };
    Some(view.follows(set, draw(&chart)?))
}

/// Tabulates what queries cost along the curve.
pub(super) fn by_round(view: &View<'_>, set: &DataSet) -> Table {
    let shown = Columns::new(set);
    let rows = set.strategies.iter().map(|strategy| {
        let cells = shown.labeled.iter().map(|&labeled| {
            let rounds = strategy.runs.iter().filter_map(|run| run.at(labeled));
            seconds(mean(rounds.filter_map(query_seconds)))
        });
        std::iter::once(view.cell(&strategy.name)).chain(cells).collect()
    });
    Table {
        caption: format!(
            "Seconds of a query (features and select) {}, mean over seeds; rounds.csv has each phase",
            shown.words("rounds.csv")
        ),
        head: shown.head(&["strategy"]),
        rows: rows.collect(),
        is_folded: true,
    }
}

/// What a query of a strategy costs in the mean over queries and seeds, for tables of scores.
pub(super) fn mean_cell(set: &DataSet, strategy: &Strategy) -> Cell {
    let rounds = strategy.runs.iter().flat_map(|run| set.rounds(run));
    seconds(mean(rounds.filter_map(query_seconds)))
}

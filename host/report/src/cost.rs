//! Sections on cost: seconds of each phase, queries in the paper's unit, memory, what was computed
//! once. Costs are charged, as if a run had been alone, unless they are called really spent.

use std::collections::BTreeMap;

use alhost_base::text::file_name;
use alhost_metrics::statistics::summary;
use alhost_record::{RoundRecord, Seconds};

use super::collect::{DataSet, Run, Strategy};
use super::document::{Cell, Section, Table};
use super::plot::{Chart, Point, Scale, Series, draw};
use super::view::View;

/// The paper's Table 3 counts 100 batches of 16.
const TEXTS: f64 = 1600.0;

/// The paper's seconds for so many texts on an RTX A6000, with BERT-base and 512 tokens.
const PAPER: [(&str, &str); 4] =
    [("subword", "3.8"), ("alps", "50"), ("dal", "56"), ("cvirs", "123")];

pub(super) fn section(view: &View<'_>, set: &DataSet) -> Section {
    let mut section = Section::new(3, "Cost");
    section.table(phases(set));
    section.table(queries(set));
    section.figures(draw(&query_chart(view, set)).into_iter().collect());
    section.table(by_round(set));
    section
}

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

/// Returns the seconds really spent. Records of the first version have no other cost than those
/// charged.
pub(super) fn actual(round: &RoundRecord) -> Seconds {
    round.cost.actual.unwrap_or(round.cost.seconds)
}

/// Seconds of a query in the paper's unit; older records do not say how large the pool was.
pub(super) fn per_1600(round: &RoundRecord, seconds: Option<f64>) -> Option<f64> {
    let pool = round.acquired.as_ref()?.unlabeled;
    (pool > 0).then_some(seconds? * TEXTS / pool as f64)
}

/// Name, what it is of the seconds, and whether only rounds with a query have it.
type Phase = (&'static str, fn(&Seconds) -> f64, bool);

const PHASES: [Phase; 5] = [
    ("train", |seconds| seconds.train, false),
    ("dev", |seconds| seconds.dev, false),
    ("test", |seconds| seconds.test, false),
    ("features", |seconds| seconds.features, true),
    ("select", |seconds| seconds.select, true),
];

/// Shows the mean of a phase over those of the rounds that have it.
fn phase_cell<'a>(rounds: impl Iterator<Item = &'a RoundRecord>, phase: Phase) -> Cell {
    let (_, of, needs_query) = phase;
    let rounds = rounds.filter(|round| !needs_query || query_seconds(round).is_some());
    seconds(mean(rounds.map(|round| of(&round.cost.seconds))))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    Some(summary(&values.collect::<Vec<_>>())?.mean)
}

fn seconds(value: Option<f64>) -> Cell {
    Cell::new(value.map_or("–".to_owned(), in_seconds))
}

/// Writes seconds with about three digits, whatever the size.
fn in_seconds(value: f64) -> String {
    match value {
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ if value >= 0.1 => format!("{value:.2}"),
        _ if value >= 0.0001 => format!("{value:.4}"),
        _ => "< 0.0001".to_owned(),
    }
}

/// Mean seconds of each phase in a round, memory, and the seconds of a whole run.
fn phases(set: &DataSet) -> Table {
    let names = PHASES.iter().map(|phase| format!("{}, s", phase.0));
    let head = std::iter::once("strategy".to_owned()).chain(names).chain(
        ["whole run, s", "really spent, s", "tokens/s", "peak memory, MiB"].map(str::to_owned),
    );
    let rows = set.strategies.iter().map(|strategy| {
        let rounds = || strategy.runs.iter().flat_map(|run| set.rounds(run));
        let whole = strategy
            .runs
            .iter()
            .map(|run| set.rounds(run).map(|round| round.cost.seconds.total()).sum());
        let spent = strategy
            .runs
            .iter()
            .map(|run| set.rounds(run).map(|round| actual(round).total()).sum());
        let memory = rounds().filter_map(|round| round.cost.peak_memory_bytes).max();
        let speed =
            mean(rounds().map(|round| round.cost.tokens_per_second).filter(|v| v.is_finite()));
        let mut row = vec![Cell::new(strategy.name.clone())];
        row.extend(PHASES.iter().map(|phase| phase_cell(rounds(), *phase)));
        row.push(seconds(mean(whole)));
        row.push(seconds(mean(spent)));
        row.push(Cell::new(speed.map_or("–".to_owned(), |speed| format!("{speed:.0}"))));
        row.push(Cell::new(memory.map_or("–".to_owned(), |bytes| format!("{}", bytes >> 20))));
        row
    });
    Table {
        caption:
            "Seconds a round, mean over rounds and seeds, charged: as if the run had been alone, \
                  although some of what it used was computed once for many. Features: what the \
                  host computed because the strategy asked for it; select: the strategy itself. \
                  Memory is the process's peak, so strategies that ran in one process share it."
                .to_owned(),
        head: head.collect(),
        rows: rows.collect(),
        is_folded: false,
    }
}

fn queries(set: &DataSet) -> Table {
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
            Cell::new(strategy.name.clone()),
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

fn query_chart(view: &View<'_>, set: &DataSet) -> Chart {
    let series = |strategy: &Strategy| {
        let at = |labeled: usize| {
            let rounds = strategy.runs.iter().filter_map(|run| run.at(labeled));
            let costs: Vec<f64> = rounds.filter_map(query_seconds).collect();
            let cost = summary(&costs)?;
            Some(Point { x: labeled as f64, mean: cost.mean, low: cost.min, high: cost.max })
        };
        Series {
            name: strategy.name.clone(),
            style: view.style(strategy),
            points: set.labeled.iter().filter_map(|&labeled| at(labeled)).collect(),
        }
    };
    let all: Vec<Series> = set.strategies.iter().map(series).collect();
    Chart {
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
    }
}

fn by_round(set: &DataSet) -> Table {
    let head = ["strategy", "labeled"].into_iter().chain(PHASES.iter().map(|phase| phase.0));
    let rows = set.strategies.iter().flat_map(|strategy| {
        set.labeled.iter().map(|&labeled| {
            let rounds = || strategy.runs.iter().filter_map(move |run| run.at(labeled));
            let phases = PHASES.iter().map(|phase| phase_cell(rounds(), *phase));
            let names = [Cell::new(strategy.name.clone()), Cell::new(labeled.to_string())];
            names.into_iter().chain(phases).collect()
        })
    });
    Table {
        caption: "Seconds of each phase in each round, mean over seeds".to_owned(),
        head: head.map(str::to_owned).collect(),
        rows: rows.collect(),
        is_folded: true,
    }
}

/// Tabulates what was computed once, how long that took, and by how many runs it was used.
pub(super) fn computed_once(sets: &[DataSet]) -> Option<Table> {
    // By kind: seconds of each thing, and uses.
    let mut kinds: BTreeMap<&str, (BTreeMap<&str, f64>, usize)> = BTreeMap::new();
    let runs = || sets.iter().flat_map(|set| &set.strategies).flat_map(|strategy| &strategy.runs);
    for shared in runs().flat_map(|run| &run.records.rounds).flat_map(|round| &round.cost.shared) {
        let (things, uses) = kinds.entry(&shared.what).or_default();
        let seconds = things.entry(&shared.key).or_default();
        *seconds = seconds.max(shared.seconds);
        *uses += 1;
    }
    let rows = kinds.iter().map(|(what, (things, uses))| {
        vec![
            Cell::new(*what),
            Cell::new(things.len().to_string()),
            seconds(Some(things.values().sum())),
            Cell::new(uses.to_string()),
        ]
    });
    let rounds = || runs().flat_map(|run| &run.records.rounds);
    let charged: f64 = rounds().map(|round| round.cost.seconds.total()).sum();
    let spent: f64 = rounds().map(|round| actual(round).total()).sum();
    (!kinds.is_empty()).then(|| Table {
        caption: format!(
            "Computed once and used by many runs. The rounds of all runs took {} s; each run alone, \
             they would have taken {} s.",
            in_seconds(spent),
            in_seconds(charged)
        ),
        head: ["what", "computed", "s", "used by runs"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        is_folded: false,
    })
}

//! Sections on cost: seconds of each phase, memory, what was computed once. Costs are charged, as if a
//! run had been alone, unless they are called really spent.

use std::collections::BTreeMap;

use alhost_metrics::statistics::summary;
use alhost_record::{RoundRecord, Seconds};

use super::collect::DataSet;
use super::document::{Cell, Section, Table};
use super::queries::{self, query_seconds};
use super::view::View;

pub(super) fn section(view: &View<'_>, set: &DataSet) -> Section {
    let mut section = Section::new(3, "Cost");
    section.table(phases(view, set));
    section.table(queries::table(view, set));
    section.figures(queries::figure(view, set).into_iter().collect());
    // A row for each round of each of many strategies would be too many.
    let by_round = if View::is_many(set) { queries::by_round } else { phases_by_round };
    section.table(by_round(view, set));
    section
}

/// Returns the seconds really spent. Records of the first version have no other cost than those
/// charged.
pub(super) fn actual(round: &RoundRecord) -> Seconds {
    round.cost.spent()
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

pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    Some(summary(&values.collect::<Vec<_>>())?.mean)
}

pub(super) fn seconds(value: Option<f64>) -> Cell {
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
fn phases(view: &View<'_>, set: &DataSet) -> Table {
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
        let mut row = vec![view.cell(&strategy.name)];
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

fn phases_by_round(view: &View<'_>, set: &DataSet) -> Table {
    let head = ["strategy", "labeled"].into_iter().chain(PHASES.iter().map(|phase| phase.0));
    let rows = set.strategies.iter().flat_map(|strategy| {
        set.labeled.iter().map(|&labeled| {
            let rounds = || strategy.runs.iter().filter_map(move |run| run.at(labeled));
            let phases = PHASES.iter().map(|phase| phase_cell(rounds(), *phase));
            let names = [view.cell(&strategy.name), Cell::new(labeled.to_string())];
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

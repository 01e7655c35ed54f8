//! The section on how much strategies select the same texts.

use std::collections::BTreeSet;

use alhost_base::text::file_name;
use alhost_metrics::statistics::summary;

use super::collect::{DataSet, Run};
use super::document::{Cell, Figure, Section, Table};
use super::heat::{self, Square};
use super::view::View;

/// Which selections are compared.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Which {
    /// The query that all make on the same model and pool, so that only the strategies differ.
    FirstQuery,
    /// Everything but the initial set.
    AllQueries,
}

impl Which {
    pub(super) const ALL: [Self; 2] = [Self::FirstQuery, Self::AllQueries];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FirstQuery => "first query",
            Self::AllQueries => "all queries",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::FirstQuery => "The first query, on the same model and pool",
            Self::AllQueries => "All queries, without the initial set",
        }
    }
}

pub(super) fn section(view: &View<'_>, set: &DataSet) -> Option<Section> {
    if set.strategies.len() < 2 {
        return None;
    }
    let mut section = Section::new(3, "Overlap of selections");
    let overlaps = Which::ALL.map(|which| (which, Overlaps::new(set, which)));
    if View::is_many(set) {
        section.figures(overlaps.iter().map(|(which, of)| figure(set, *which, of)).collect());
        section.table(nearest(view, set, &overlaps));
    } else {
        for (which, of) in &overlaps {
            section.table(table(view, set, *which, of));
        }
    }
    Some(section)
}

/// The texts that each strategy selected, by seed.
pub(super) struct Overlaps<'a>(Vec<Vec<(u64, BTreeSet<&'a str>)>>);

impl<'a> Overlaps<'a> {
    pub(super) fn new(set: &'a DataSet, which: Which) -> Self {
        let of_run = |run: &'a Run| (run.seed(), selected(set, run, which));
        let strategies = set.strategies.iter();
        Self(strategies.map(|strategy| strategy.runs.iter().map(of_run).collect()).collect())
    }

    /// Returns the mean Jaccard similarity of two strategies over common seeds, and how many there
    /// are.
    pub(super) fn jaccard(&self, a: usize, b: usize) -> Option<(f64, usize)> {
        let of_seed = |(seed, ours): &(u64, BTreeSet<&str>)| -> Option<f64> {
            let (_, theirs) = self.0[b].iter().find(|other| other.0 == *seed)?;
            let both = ours.intersection(theirs).count();
            let either = ours.len() + theirs.len() - both;
            (either > 0).then(|| both as f64 / either as f64)
        };
        let values: Vec<f64> = self.0[a].iter().filter_map(of_seed).collect();
        Some((summary(&values)?.mean, values.len()))
    }
}

fn selected<'a>(set: &DataSet, run: &'a Run, which: Which) -> BTreeSet<&'a str> {
    let last = match which {
        Which::FirstQuery => 1,
        Which::AllQueries => set.rounds(run).last().map_or(0, |round| round.round),
    };
    let queries = run.records.selections.iter().filter(|s| (1..=last).contains(&s.round));
    queries.flat_map(|selection| &selection.ids).map(String::as_str).collect()
}

/// What two random selections would have in common, in words, where that can be told.
fn by_chance(set: &DataSet, which: Which, write: impl Fn(f64) -> String) -> String {
    let chance = if which == Which::FirstQuery { chance(set) } else { None };
    let words = |chance| format!(" Two random selections would have {}.", write(chance));
    chance.map_or(String::new(), words)
}

/// Returns the Jaccard similarity of two random subsets of n among N texts: n²/N in common on
/// average, so about (n/N) / (2 - n/N).
fn chance(set: &DataSet) -> Option<f64> {
    let run = &set.strategies[0].runs[0];
    let pool = run.records.rounds.first()?.acquired.as_ref()?.unlabeled;
    let share = run.records.selections.get(1)?.ids.len() as f64 / pool as f64;
    Some(share / (2.0 - share))
}

fn table(view: &View<'_>, set: &DataSet, which: Which, overlaps: &Overlaps<'_>) -> Table {
    let n = set.strategies.len();
    let cell = |a: usize, b: usize| match overlaps.jaccard(a, b) {
        // With itself a strategy overlaps whole.
        _ if a == b => Cell::new(""),
        Some((value, _)) => Cell { shade: Some(value), ..Cell::new(format!("{value:.2}")) },
        None => Cell::new("–"),
    };
    let rows = set.strategies.iter().enumerate().map(|(row, strategy)| {
        let cells = (0..n).map(|column| cell(row, column));
        std::iter::once(view.cell(&strategy.name)).chain(cells).collect()
    });
    let head = set.strategies.iter().map(|strategy| strategy.name.clone());
    Table {
        caption: format!(
            "{}: texts that both selected as a share of those that either did (Jaccard), mean over \
             common seeds.{}",
            which.title(),
            by_chance(set, which, |chance| format!("{chance:.2}"))
        ),
        head: std::iter::once("strategy".to_owned()).chain(head).collect(),
        rows: rows.collect(),
        is_folded: false,
    }
}

/// Draws the same for many strategies, in percent.
fn figure(set: &DataSet, which: Which, overlaps: &Overlaps<'_>) -> Figure {
    let names: Vec<String> = set.strategies.iter().map(|strategy| strategy.name.clone()).collect();
    let percent = |value: f64| format!("{:.0}", 100.0 * value);
    let square = |row: usize, column: usize| {
        let (value, seeds) = overlaps.jaccard(row, column).filter(|_| row != column)?;
        Some(Square {
            color: 0,
            shade: 0.04 + 0.5 * value,
            text: percent(value),
            title: format!("{} and {}: {value:.3}, {seeds} seeds", names[row], names[column]),
        })
    };
    let caption = format!(
        "{}: texts that both selected in percent of those that either did (Jaccard), mean over common \
         seeds.{}",
        which.title(),
        by_chance(set, which, percent)
    );
    let name = format!("{}-overlap-{}", file_name(&set.name), which.name().replace(' ', "-"));
    heat::draw(&name, &caption, &names, square)
}

/// For each strategy, the one it has most in common with, and what it has with all in the mean.
fn nearest(view: &View<'_>, set: &DataSet, overlaps: &[(Which, Overlaps<'_>)]) -> Table {
    let n = set.strategies.len();
    let row = |at: usize| -> Vec<Cell> {
        let mut row = vec![view.cell(&set.strategies[at].name)];
        for (_, of) in overlaps {
            let others: Vec<(usize, f64)> = (0..n)
                .filter(|&other| other != at)
                .filter_map(|other| Some((other, of.jaccard(at, other)?.0)))
                .collect();
            let values: Vec<f64> = others.iter().map(|other| other.1).collect();
            // Of equal ones the first, which is the better strategy.
            let most = others.iter().rev().max_by(|a, b| a.1.total_cmp(&b.1));
            let number = |value: f64| format!("{value:.2}");
            row.push(Cell::new(most.map_or("–", |other| set.strategies[other.0].name.as_str())));
            row.push(Cell::new(most.map_or("–".to_owned(), |other| number(other.1))));
            let mean = summary(&values).map(|values| number(values.mean));
            row.push(Cell::new(mean.unwrap_or("–".to_owned())));
        }
        row
    };
    let head = overlaps.iter().flat_map(|(which, _)| {
        [format!("{}: most like", which.name()), "Jaccard".to_owned(), "mean of all".to_owned()]
    });
    Table {
        caption:
            "Whose selections are most like a strategy's, and how alike those of all others are; \
                  overlap.csv has every pair"
                .to_owned(),
        head: std::iter::once("strategy".to_owned()).chain(head).collect(),
        rows: (0..n).map(row).collect(),
        is_folded: false,
    }
}

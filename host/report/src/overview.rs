//! The first section: the answer in one table, and what keeps it from being more.

use alhost_metrics::statistics::summary;

use super::collect::Collected;
use super::compare::{Quantity, numbers, standing, values};
use super::document::{Cell, Section, Table};
use super::scores::mean_and_sd;
use super::significance::limits;
use super::view::{FEW, View, common_seeds};

pub(super) fn section(view: &View<'_>, collected: &Collected) -> Section {
    let mut section = Section::new(2, "At a glance");
    let n_runs: usize =
        view.sets.iter().flat_map(|set| &set.strategies).map(|strategy| strategy.runs.len()).sum();
    section.text(format!(
        "{n_runs} finished runs on {}. Scores are of test; the metric in the foreground is {}, the \
         baseline is {}.",
        names(view),
        view.metric.title(),
        view.baseline
    ));
    for quantity in Quantity::ALL {
        let is_folded = quantity == Quantity::Final && view.names.len() > FEW;
        section.table(Table { is_folded, ..table(view, quantity) });
    }
    let order = match view.sets {
        [_] => "in the order of their areas",
        _ => "in the order of their mean rank by area over the data sets",
    };
    section.text(format!(
        "Strategies are {order}. Bold: the best; ≈: not to be told from it by a paired t-test over seeds, \
         p ≥ .05."
    ));
    let mut said: Vec<String> = Vec::new();
    for set in view.sets {
        let comparisons = set.strategies.len().saturating_sub(1);
        // A reader of one line has to meet the most important one.
        for note in limits(common_seeds(set).len(), comparisons).into_iter().take(1) {
            if !said.contains(&note) {
                section.note(note.clone());
                said.push(note);
            }
        }
    }
    if !collected.notes.is_empty() {
        let n = collected.notes.len();
        let (are, notes) = if n == 1 { ("is", "note") } else { ("are", "notes") };
        section.note(format!("There {are} {n} {notes} on single runs under “What produced this”."));
    }
    section
}

fn names(view: &View<'_>) -> String {
    let names: Vec<&str> = view.sets.iter().map(|set| set.name.as_str()).collect();
    names.join(", ")
}

/// Makes a table of strategies x data sets, the best over all of them first.
pub(super) fn table(view: &View<'_>, quantity: Quantity) -> Table {
    let standings: Vec<_> =
        view.sets.iter().map(|set| standing(set, view.metric, quantity)).collect();
    let rows = view.names.iter().map(|name| {
        let cells = view.sets.iter().zip(&standings).map(|(set, standing)| {
            let index = set.strategies.iter().position(|strategy| strategy.name == *name);
            let found = index.and_then(|index| {
                let values = values(set, &set.strategies[index], view.metric, quantity);
                Some((index, summary(&numbers(&values))?))
            });
            let Some((index, summary)) = found else { return Cell::new("–") };
            let tied = standing.as_ref().is_some_and(|standing| standing.tied[index]);
            let best = standing.as_ref().is_some_and(|standing| standing.best == index);
            let mark = if tied { " ≈" } else { "" };
            Cell::new(format!("{}{mark}", mean_and_sd(&summary))).best(best)
        });
        std::iter::once(view.cell(name)).chain(cells).collect()
    });
    let head = view.sets.iter().map(|set| set.name.clone());
    Table {
        caption: format!(
            "{}: {}, mean ± standard deviation",
            view.metric.title(),
            quantity.title()
        ),
        head: std::iter::once("strategy".to_owned()).chain(head).collect(),
        rows: rows.collect(),
        is_folded: false,
    }
}

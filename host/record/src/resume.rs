//! Says where a run stopped, and whether its files can have come from one.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::error::RecordError;
use super::rounds::RoundRecord;
use super::selections::SelectionRecord;
use crate::rounds::is_finished;

/// Holds what is on disk of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resume {
    /// Selections by round. There is one for the next round to train, or, where the run was stopped
    /// between the two, one for the round after it: then that round's selection is this one.
    pub selections: Vec<SelectionRecord>,
    /// Records by round; the next round to train is `rounds.len()`.
    pub rounds: Vec<RoundRecord>,
    /// The strategy's state after the last selection; absent in a run that has no selection.
    pub strategy_state: Option<Vec<u8>>,
    /// The weights that the last round ended with, where they were kept.
    pub model_state: Option<PathBuf>,
}

impl Resume {
    /// Whether nothing is there yet.
    pub fn is_fresh(&self) -> bool {
        self.selections.is_empty()
    }

    /// Whether the last round said that it is the last.
    pub fn is_finished(&self) -> bool {
        is_finished(&self.rounds)
    }
}

/// Checks that counts and numbers are those of a run that was stopped at some moment.
pub(super) fn check_consistent(
    folder: &Path,
    selections: &[SelectionRecord],
    rounds: &[RoundRecord],
) -> Result<(), RecordError> {
    check_selections(selections)
        .and_then(|()| check_rounds(selections, rounds))
        .and_then(|()| check_end(selections, rounds))
        .map_err(|message| RecordError::Inconsistent { path: folder.to_owned(), message })
}

/// Checks that the selections are numbered in order, and that none has a text twice.
fn check_selections(selections: &[SelectionRecord]) -> Result<(), String> {
    for (index, selection) in selections.iter().enumerate() {
        if selection.round != index {
            let (line, round) = (index + 1, selection.round);
            return Err(format!("selections.jsonl has round {round} in line {line}"));
        }
    }
    let mut seen = HashSet::new();
    for (index, selection) in selections.iter().enumerate() {
        let (ids, rows) = (selection.ids.len(), selection.rows.len());
        if ids != rows {
            return Err(format!("selection {index} has {ids} ids and {rows} rows"));
        }
        if let Some(row) = selection.rows.iter().find(|row| !seen.insert(**row)) {
            return Err(format!("selection {index} has row {row}, which was selected before"));
        }
    }
    Ok(())
}

/// Checks that the rounds are numbered in order, trained on what was selected, and that none
/// follows the last.
fn check_rounds(selections: &[SelectionRecord], rounds: &[RoundRecord]) -> Result<(), String> {
    let mut labeled = 0;
    for (index, round) in rounds.iter().enumerate() {
        if round.round != index {
            let (line, round) = (index + 1, round.round);
            return Err(format!("rounds.jsonl has round {round} in line {line}"));
        }
        labeled += selections.get(index).map_or(0, |selection| selection.rows.len());
        // Fewer where the oracle skipped some.
        if round.labeled > labeled {
            return Err(format!(
                "round {index} was trained on {} texts, but {labeled} are selected up to there",
                round.labeled
            ));
        }
        if round.stop.is_some() && index + 1 < rounds.len() {
            return Err(format!("rounds.jsonl goes on after round {index}, which was the last"));
        }
    }
    Ok(())
}

/// Checks that there are as many selections as a run has that was stopped after these rounds.
fn check_end(selections: &[SelectionRecord], rounds: &[RoundRecord]) -> Result<(), String> {
    let finished = is_finished(rounds);
    let ahead = selections.len().checked_sub(rounds.len());
    let fits = match ahead {
        Some(0) => finished || rounds.is_empty(),
        Some(1 | 2) => !finished,
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let (s, r) = (selections.len(), rounds.len());
    Err(format!("{s} selections and {r} rounds do not belong together"))
}

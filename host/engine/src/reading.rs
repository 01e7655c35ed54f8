//! Reads texts with the current model: block by block, since texts x labels need not fit in memory.

use std::ops::Range;

use alhost_base::ledger::Work;
use alhost_base::matrix::Matrix;
use alhost_data::tokens::Tokens;
use alhost_model::{Model, Outputs, Wants, probabilities};
use anyhow::{Context as _, Result};

/// Rows of all texts of a split.
pub(crate) fn rows_of(n: usize) -> Vec<u32> {
    (0..n as u32).collect()
}

/// Hands the probabilities of each block, [rows, labels], to `visit`.
pub(crate) fn for_each_probabilities(
    model: &dyn Model,
    of: (&Tokens, &[u32]),
    n_labels: usize,
    work: Work<'_>,
    mut visit: impl FnMut(Range<usize>, Matrix) -> Result<()>,
) -> Result<()> {
    let block = Matrix::block_rows(n_labels);
    model.read(of, block, Wants::LOGITS, work, &mut |rows, outputs| {
        let logits = outputs.logits.context("the pass gave no logits")?;
        visit(rows, probabilities(logits))
    })
}

/// The probabilities of all rows, [rows, labels].
pub(crate) fn all_probabilities(
    model: &dyn Model,
    of: (&Tokens, &[u32]),
    n_labels: usize,
    work: Work<'_>,
) -> Result<Matrix> {
    let mut all = Matrix::zeros(of.1.len(), n_labels);
    for_each_probabilities(model, of, n_labels, work, |rows, block| {
        all.data[rows.start * n_labels..rows.end * n_labels].copy_from_slice(&block.data);
        Ok(())
    })?;
    Ok(all)
}

/// All that is wanted of some rows as one block, where the caller has made sure that it fits.
pub(crate) fn read_whole(
    model: &dyn Model,
    of: (&Tokens, &[u32]),
    wants: Wants,
    work: Work<'_>,
) -> Result<Outputs> {
    let mut whole = Outputs::default();
    model.read(of, of.1.len().max(1), wants, work, &mut |_rows, outputs| {
        whole = outputs;
        Ok(())
    })?;
    Ok(whole)
}

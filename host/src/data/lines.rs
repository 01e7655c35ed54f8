//! Texts and labels line by line in two files: raw text with a label matrix (XMC), and raw text
//! with labels separated by white space (as `AttentionXML`, `LightXML` and X-Transformer read it).

use std::path::Path;

use super::error::DataError;
use super::matrix;
use super::raw::{Names, RawSplit};
use super::read::{Source, open, utf8};
use super::texts::Texts;
use super::vocabulary::Vocabulary;
use crate::progress::Progress;

/// A text a line, and a row of the matrix in `labels` for each.
pub(super) fn read_xmc(
    texts: Source,
    labels: &Path,
    vocabulary: &Vocabulary,
    split: &mut RawSplit,
    names: &mut Names,
    progress: &dyn Progress,
) -> Result<(), DataError> {
    let matrix = matrix::read(labels)?;
    let n_names = vocabulary.labels.len();
    if matrix.n_labels() != n_names {
        return Err(DataError::MatrixWidth {
            path: labels.to_owned(),
            n_labels: matrix.n_labels(),
            n_names,
            names: vocabulary.path.clone(),
        });
    }
    let path = texts.path.clone();
    let texts = read_texts(texts, progress)?;
    check_lengths(&path, texts.len(), labels, matrix.len())?;
    for (text, row) in matrix.rows().enumerate() {
        let row = row.iter().map(|&label| vocabulary.labels[label as usize].as_str());
        push(split, text, texts.get(text), row, names)?;
    }
    Ok(())
}

/// A text a line, and its labels on the same line of `labels`.
pub(super) fn read_pairs(
    texts: Source,
    labels: &Path,
    split: &mut RawSplit,
    names: &mut Names,
    progress: &dyn Progress,
) -> Result<(), DataError> {
    let path = texts.path.clone();
    let texts = read_texts(texts, progress)?;
    let rows = read_texts(open(labels)?, progress)?;
    check_lengths(&path, texts.len(), labels, rows.len())?;
    for text in 0..texts.len() {
        push(split, text, texts.get(text), rows.get(text).split_whitespace(), names)?;
    }
    Ok(())
}

/// Such files have no ids.
fn push<'a>(
    split: &mut RawSplit,
    text: usize,
    content: &str,
    labels: impl Iterator<Item = &'a str>,
    names: &mut Names,
) -> Result<(), DataError> {
    let id = format!("{}-{}", split.key, text + 1);
    split.push(text as u64 + 1, &id, content, labels, names)
}

/// The lines of a file; an empty one is a text, too.
fn read_texts(source: Source, progress: &dyn Progress) -> Result<Texts, DataError> {
    let path = source.path.clone();
    let mut texts = Texts::default();
    source.blocks(matrix::BLOCK, |block| {
        let lines = block.lines();
        for &(number, line) in &lines {
            texts.push(utf8(&path, number, line)?);
        }
        progress.advance(lines.len() as u64);
        Ok(())
    })?;
    Ok(texts)
}

fn check_lengths(
    texts: &Path,
    n_texts: usize,
    labels: &Path,
    n_rows: usize,
) -> Result<(), DataError> {
    if n_texts == n_rows {
        return Ok(());
    }
    let (texts, labels) = (texts.to_owned(), labels.to_owned());
    Err(DataError::Lengths { texts, n_texts, labels, n_rows })
}

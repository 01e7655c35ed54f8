//! Texts and labels line by line in two files: raw text with a label matrix (XMC), and raw text
//! with labels separated by white space (as `AttentionXML`, `LightXML` and X-Transformer read it).

use std::borrow::Cow;
use std::path::Path;

use alhost_base::progress::Progress;

use super::error::DataError;
use super::filters::Filter;
use super::labels::Labels;
use super::matrix;
use super::raw::{Names, RawSplit};
use super::read::{Source, open, utf8};
use super::record::{Field, Label, Record};
use super::texts::Texts;
use super::vocabulary::Vocabulary;

/// Reads the labels of a split of XMC: the matrix, which must have as many columns as there are
/// labels, without the pairs of `filter`.
pub(super) fn matrix_of(
    labels: &Path,
    vocabulary: &Vocabulary,
    filter: Option<&Filter>,
) -> Result<Labels, DataError> {
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
    match filter {
        Some(filter) => filter.apply(&matrix),
        None => Ok(matrix),
    }
}

/// Reads a text a line, and a row of the matrix for each.
pub(super) fn read_xmc(
    texts: Source,
    labels: &Path,
    matrix: &Labels,
    split: &mut RawSplit,
    names: &mut Names,
    progress: &dyn Progress,
) -> Result<(), DataError> {
    let path = texts.path.clone();
    let texts = read_texts(texts, progress)?;
    check_lengths(&path, texts.len(), labels, matrix.len())?;
    for (text, row) in matrix.rows().enumerate() {
        let row = row.iter().map(|&label| Label::Number(i64::from(label))).collect();
        push(split, text, texts.get(text), row, names)?;
    }
    Ok(())
}

/// Reads a text a line, and its labels on the same line of `labels`.
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
        let row = rows.get(text).split_whitespace();
        let row = row.map(|name| Label::Name(Cow::Borrowed(name))).collect();
        push(split, text, texts.get(text), row, names)?;
    }
    Ok(())
}

/// Appends a text without an id, since such files have none.
fn push(
    split: &mut RawSplit,
    text: usize,
    content: &str,
    labels: Vec<Label<'_>>,
    names: &mut Names,
) -> Result<(), DataError> {
    let (line, content) = (text as u64 + 1, Cow::Borrowed(content));
    split.push(Record::new(line, None, content, Field::Labels(labels), ""), names)
}

/// Reads the lines of a file; an empty one is a text, too.
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

//! Matrices as products want them on their right: cut into panels of 48 columns, and in each panel the
//! words that are multiplied at once beside each other.

use super::number::{Element, LANES, wide};

/// Columns of a panel: three vector registers.
pub(super) const COLUMNS: usize = 48;

/// Words of a row that are transposed at once.
const WORDS: usize = LANES;

/// A view of a matrix that lies row after row, `stride` values apart.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, E> {
    pub(super) values: &'a [E],
    pub(super) stride: usize,
    pub(super) rows: usize,
}

impl<'a, E> Rows<'a, E> {
    pub(super) fn new(values: &'a [E], stride: usize, rows: usize) -> Self {
        Self { values, stride, rows }
    }

    #[inline(always)]
    pub(super) fn row(&self, row: usize, columns: usize) -> &'a [E] {
        &self.values[row * self.stride..][..columns]
    }
}

/// A matrix [words, columns] in panels. What stands in the last panel's columns beyond the matrix is
/// anything; no product shows it.
#[derive(Default)]
pub(super) struct Panels {
    pub(super) words: usize,
    pub(super) columns: usize,
    data: Vec<u32>,
}

/// Returns the words beside each other in the panel that begins at `column`.
fn width(columns: usize, column: usize) -> usize {
    (columns - column).next_multiple_of(LANES).min(COLUMNS)
}

impl Panels {
    pub(super) fn n_panels(&self) -> usize {
        self.columns.div_ceil(COLUMNS)
    }

    /// Returns a panel, [words, width].
    pub(super) fn panel(&self, panel: usize) -> &[u32] {
        let first = panel * COLUMNS;
        &self.data[first * self.words..][..self.words * width(self.columns, first)]
    }

    fn reset(&mut self, words: usize, columns: usize) {
        (self.words, self.columns) = (words, columns);
        let len = words * columns.next_multiple_of(LANES);
        if self.data.len() < len {
            self.data.resize(len, 0);
        }
    }

    fn panels_mut(&mut self) -> impl Iterator<Item = (usize, usize, &mut [u32])> {
        let (words, columns) = (self.words, self.columns);
        let data =
            self.data.chunks_mut((COLUMNS * words).max(1)).zip((0..columns).step_by(COLUMNS));
        data.map(move |(data, first)| (first, width(columns, first), data))
    }
}

wide! {
    /// Packs a factor whose rows are what is summed over: [rows, columns] in words down the rows.
    pub(super) fn down<S: Element, E: Element>(from: Rows<'_, S>, columns: usize, to: &mut Panels) {
        to.reset(from.rows.div_ceil(E::PER_WORD), columns);
        for (first, width, panel) in to.panels_mut() {
            let columns = (columns - first).min(COLUMNS);
            let words = panel.chunks_exact_mut(width).take(from.rows.div_ceil(E::PER_WORD));
            for (word, to) in words.enumerate() {
                let row = word * E::PER_WORD;
                let low = &from.row(row, first + columns)[first..];
                if E::PER_WORD == 2 && row + 1 < from.rows {
                    let high = &from.row(row + 1, first + columns)[first..];
                    for (to, (&low, &high)) in to.iter_mut().zip(low.iter().zip(high)) {
                        *to = low.convert::<E>().bits() | high.convert::<E>().bits() << 16;
                    }
                } else {
                    for (to, &low) in to.iter_mut().zip(low) {
                        *to = low.convert::<E>().bits();
                    }
                }
            }
        }
    }

    /// Packs a factor that is to be multiplied transposed: [rows, summed] in words along the rows, which
    /// become the columns. `summed` must be a multiple of a word's values.
    pub(super) fn along<S: Element, E: Element>(from: Rows<'_, S>, summed: usize, to: &mut Panels) {
        to.reset(summed / E::PER_WORD, from.rows);
        let mut block = [[0_u32; WORDS]; COLUMNS];
        for (first, width, panel) in to.panels_mut() {
            let columns = (from.rows - first).min(COLUMNS);
            for (index, panel) in panel.chunks_mut(WORDS * width).enumerate() {
                let values = index * WORDS * E::PER_WORD..summed.min((index + 1) * WORDS * E::PER_WORD);
                if values.is_empty() {
                    break; // Behind the last word there may be room of a greater matrix before.
                }
                for (column, block) in block.iter_mut().enumerate().take(columns) {
                    words::<S, E>(&from.row(first + column, summed)[values.clone()], block);
                }
                let words = values.len() / E::PER_WORD;
                for (word, to) in panel.chunks_exact_mut(width).enumerate().take(words) {
                    for (to, block) in to.iter_mut().zip(&block) {
                        *to = block[word];
                    }
                }
            }
        }
    }

    #[inline]
    fn words<S: Element, E: Element>(values: &[S], to: &mut [u32; WORDS]) {
        if E::PER_WORD == 2 {
            for (to, pair) in to.iter_mut().zip(values.as_chunks::<2>().0) {
                *to = pair[0].convert::<E>().bits() | pair[1].convert::<E>().bits() << 16;
            }
        } else {
            for (to, value) in to.iter_mut().zip(values) {
                *to = value.convert::<E>().bits();
            }
        }
    }
}

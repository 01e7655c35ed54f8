//! Dense features computed for one model state: kept until the state changes, lent without a copy.

use alhost_base::matrix::{Matrix, MatrixRoom};
use elsa::sync::FrozenVec;

/// Rows of one feature for some texts.
struct Panel {
    key: &'static str,
    /// Row of each text of the train split, or `ABSENT`.
    row_of: Vec<u32>,
    matrix: Matrix,
    /// The pass through the model that gave it.
    pass: usize,
}

const ABSENT: u32 = u32::MAX;

/// Rows lent for a list of texts.
#[derive(Clone, Copy)]
pub(super) struct Lent<'a> {
    pub(super) matrix: &'a Matrix,
    /// Stored row of each text asked for; `None` where they are all rows in order.
    pub(super) row_index: Option<&'a [u32]>,
    /// The pass that it comes from; `None` for what is not of the current model.
    pub(super) pass: Option<usize>,
}

/// Only grows, so that what was lent stays where it is for the whole call. Several strategies that
/// select on one model state may use the same.
pub struct Panels {
    n_texts: usize,
    panels: FrozenVec<Box<Panel>>,
    indices: FrozenVec<Vec<u32>>,
    /// Seconds of each pass.
    passes: FrozenVec<Box<f64>>,
}

impl Panels {
    pub fn new(n_texts: usize) -> Self {
        let (panels, indices, passes) = (FrozenVec::new(), FrozenVec::new(), FrozenVec::new());
        Self { n_texts, panels, indices, passes }
    }

    /// A pass through the model has been made; what it gave is to be added.
    pub(super) fn passed(&self, seconds: f64) -> usize {
        self.passes.push(Box::new(seconds));
        self.passes.len() - 1
    }

    pub(super) fn seconds_of(&self, pass: usize) -> f64 {
        self.passes.get(pass).copied().unwrap_or(0.0)
    }

    fn of(&self, key: &'static str) -> impl Iterator<Item = &Panel> {
        (0..self.panels.len()).filter_map(|i| self.panels.get(i)).filter(move |p| p.key == key)
    }

    pub(super) fn matrices(&self) -> impl Iterator<Item = &Matrix> {
        (0..self.panels.len()).filter_map(|i| self.panels.get(i)).map(|panel| &panel.matrix)
    }

    /// Lends the rows of `ids` if one panel has them all.
    pub(super) fn lend(&self, key: &'static str, ids: &[u32]) -> Option<Lent<'_>> {
        let has_all = |panel: &&Panel| ids.iter().all(|&id| panel.row_of[id as usize] != ABSENT);
        let panel = self.of(key).find(has_all)?;
        let matrix = &panel.matrix;
        let index: Vec<u32> = ids.iter().map(|&id| panel.row_of[id as usize]).collect();
        let is_whole =
            index.len() == matrix.rows && index.iter().copied().eq(0..matrix.rows as u32);
        let row_index = if is_whole { None } else { Some(self.indices.push_get(index)) };
        Some(Lent { matrix, row_index, pass: Some(panel.pass) })
    }

    /// The texts among `ids` that no panel has, each once, in order.
    pub(super) fn missing(&self, key: &'static str, ids: &[u32]) -> Vec<u32> {
        let mut known = vec![false; self.n_texts];
        for panel in self.of(key) {
            for (id, &row) in panel.row_of.iter().enumerate() {
                known[id] |= row != ABSENT;
            }
        }
        let mut missing = Vec::new();
        for &id in ids {
            if !std::mem::replace(&mut known[id as usize], true) {
                missing.push(id);
            }
        }
        missing
    }

    /// Keeps `matrix`, whose row `i` belongs to text `ids[i]`.
    pub(super) fn add(&self, key: &'static str, ids: &[u32], matrix: Matrix, pass: usize) {
        assert_eq!(ids.len(), matrix.rows, "one row a text");
        let mut row_of = vec![ABSENT; self.n_texts];
        for (row, &id) in ids.iter().enumerate() {
            row_of[id as usize] = row as u32;
        }
        self.panels.push(Box::new(Panel { key, row_of, matrix, pass }));
    }

    /// Copies rows of several panels into one, so that they can be lent together.
    pub(super) fn gather(&self, key: &'static str, ids: &[u32], matrices: &MatrixRoom) -> Matrix {
        let panels: Vec<&Panel> = self.of(key).collect();
        let cols = panels.first().map_or(0, |panel| panel.matrix.cols);
        let mut gathered = matrices.matrix(ids.len(), cols);
        for (place, &id) in ids.iter().enumerate() {
            let holder = panels.iter().find(|panel| panel.row_of[id as usize] != ABSENT);
            let holder = holder.expect("every missing text has just been computed");
            let row = holder.matrix.row(holder.row_of[id as usize] as usize);
            gathered.row_mut(place).copy_from_slice(row);
        }
        gathered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(ids: &[u32]) -> Matrix {
        let data = ids.iter().flat_map(|&id| [id as f32, -(id as f32)]).collect();
        Matrix::new(data, ids.len(), 2)
    }

    fn check(panels: &Panels, ids: &[u32], copied: bool) {
        let lent = panels.lend("x", ids).unwrap();
        assert_eq!(lent.row_index.is_some(), !copied && lent.matrix.rows != ids.len());
        for (i, &id) in ids.iter().enumerate() {
            let row = lent.row_index.map_or(i, |index| index[i] as usize);
            assert_eq!(lent.matrix.row(row), [id as f32, -(id as f32)]);
        }
    }

    #[test]
    fn a_panel_lends_its_rows_in_any_order_and_nothing_is_computed_twice() {
        let panels = Panels::new(10);
        assert_eq!(panels.missing("x", &[3, 1, 3]), [3, 1]);
        panels.add("x", &[1, 3, 5], matrix(&[1, 3, 5]), 0);
        check(&panels, &[1, 3, 5], false);
        check(&panels, &[5, 1], false);
        assert!(panels.lend("x", &[1, 2]).is_none());
        assert!(panels.lend("y", &[1]).is_none(), "another feature");
        assert_eq!(panels.missing("x", &[1, 2, 3]), [2]);
        panels.add("x", &[2], matrix(&[2]), 1);
        let gathered = panels.gather("x", &[2, 5], &MatrixRoom::default());
        assert_eq!(gathered, matrix(&[2, 5]));
        panels.add("x", &[2, 5], gathered, 2);
        check(&panels, &[2, 5], true);
    }
}

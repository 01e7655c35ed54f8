//! Who labels what was selected. The only way in which gold labels of training texts enter the loop.

use crate::data::Labels;
use crate::pool::ValidSelection;

/// Answers with the gold labels, and only for a selection that the pool has checked.
pub struct SimulatedOracle<'a> {
    gold: &'a Labels,
}

impl<'a> SimulatedOracle<'a> {
    /// `gold` has one row for each text of the pool.
    pub fn new(gold: &'a Labels) -> Self {
        Self { gold }
    }

    /// One row for each selected text, in the selection's order.
    pub fn annotate(&self, selection: &ValidSelection) -> Labels {
        let mut labels = Labels::new(self.gold.n_labels());
        for id in selection.ids() {
            labels.push(self.gold.row(id.0 as usize));
        }
        labels
    }
}

#[cfg(test)]
mod tests {
    use alhost_plugin_api::Selection;

    use super::*;
    use crate::DocId;
    use crate::pool::Pool;

    #[test]
    fn answers_come_in_the_order_of_the_selection() {
        let mut gold = Labels::new(3);
        for row in [&[0][..], &[1, 2], &[]] {
            gold.push(row);
        }
        let pool = Pool::new(3, 3);
        let claim = Selection::ranked(vec![DocId(2), DocId(1)]);
        let selection = pool.select(&claim, 2).unwrap();
        let labels = SimulatedOracle::new(&gold).annotate(&selection);
        assert_eq!(labels.rows().collect::<Vec<_>>(), [&[][..], &[1, 2]]);
    }
}

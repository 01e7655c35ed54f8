//! The pool: which texts are labeled and which are not, and the only way across.

use std::fmt;

use alhost_plugin_api::Selection;

use crate::DocId;
use crate::data::Labels;

/// Each text of the train split is on exactly one side at every moment.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Ascending.
    unlabeled: Vec<DocId>,
    /// In the order in which they were annotated.
    labeled: Vec<DocId>,
    /// Row `i` belongs to `labeled[i]`.
    labels: Labels,
    /// `rounds[i]` is the round in which `labeled[i]` came in; the initial set has 0.
    rounds: Vec<u32>,
    /// By text.
    is_labeled: Vec<bool>,
}

/// An answer that holds: texts of the pool, each once, as many as were asked for. Only
/// [`Pool::select`] makes one, and [`Pool::annotate`] uses it up.
#[derive(Debug, PartialEq)]
pub struct ValidSelection {
    ids: Vec<DocId>,
    scores: Option<Vec<f64>>,
}

impl ValidSelection {
    /// Best first.
    pub fn ids(&self) -> &[DocId] {
        &self.ids
    }

    /// The strategy's scores, one for each text; they go to the record and nowhere else.
    pub fn scores(&self) -> Option<&[f64]> {
        self.scores.as_deref()
    }
}

impl Pool {
    /// All texts unlabeled.
    pub fn new(n_texts: usize, n_labels: usize) -> Self {
        Self {
            unlabeled: (0..n_texts).map(|text| DocId(text as u32)).collect(),
            labeled: Vec::new(),
            labels: Labels::new(n_labels),
            rounds: Vec::new(),
            is_labeled: vec![false; n_texts],
        }
    }

    /// The texts that can be selected, ascending.
    pub fn unlabeled(&self) -> &[DocId] {
        &self.unlabeled
    }

    /// In the order in which they were annotated, as [`Pool::labels`] and [`Pool::rounds`].
    pub fn labeled(&self) -> &[DocId] {
        &self.labeled
    }

    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    pub fn rounds(&self) -> &[u32] {
        &self.rounds
    }

    /// Texts on both sides.
    pub fn n_texts(&self) -> usize {
        self.is_labeled.len()
    }

    /// Checks a strategy's claim. It must name exactly min(n, unlabeled texts) texts, all unlabeled
    /// and none twice; its scores, where there are any, must be finite and one for each.
    pub fn select(&self, claim: &Selection, n: usize) -> Result<ValidSelection, SelectionError> {
        let ids = &claim.ids;
        let asked = n.min(self.unlabeled.len());
        if ids.len() != asked {
            return Err(SelectionError::Count { returned: ids.len(), asked });
        }
        let mut seen = vec![false; self.n_texts()];
        for &id in ids {
            let text = id.0 as usize;
            if text >= self.n_texts() {
                return Err(SelectionError::Outside { id, n_texts: self.n_texts() });
            }
            if self.is_labeled[text] {
                return Err(SelectionError::Labeled { id });
            }
            if seen[text] {
                return Err(SelectionError::Repeated { id });
            }
            seen[text] = true;
        }
        if let Some(scores) = &claim.scores {
            if scores.len() != ids.len() {
                return Err(SelectionError::Scores { scores: scores.len(), ids: ids.len() });
            }
            if let Some(at) = scores.iter().position(|score| !score.is_finite()) {
                return Err(SelectionError::Score { id: ids[at], score: scores[at] });
            }
        }
        Ok(ValidSelection { ids: ids.clone(), scores: claim.scores.clone() })
    }

    /// Moves the selected texts to the labeled side; row `i` of `labels` belongs to the `i`-th.
    ///
    /// # Panics
    /// If the selection was checked before another one was annotated that shares a text with it, or
    /// if `labels` has another number of rows.
    pub fn annotate(&mut self, selection: ValidSelection, labels: &Labels, round: u32) {
        assert_eq!(selection.ids.len(), labels.len(), "one row of labels for each text");
        for (row, id) in selection.ids.into_iter().enumerate() {
            let is_labeled = &mut self.is_labeled[id.0 as usize];
            assert!(!*is_labeled, "text {} was selected on an older state of the pool", id.0);
            *is_labeled = true;
            self.labeled.push(id);
            self.labels.push(labels.row(row));
            self.rounds.push(round);
        }
        let is_labeled = &self.is_labeled;
        self.unlabeled.retain(|id| !is_labeled[id.0 as usize]);
    }
}

/// What is wrong with a selection. The strategy's name is added by who called it.
#[derive(Clone, Debug, PartialEq)]
pub enum SelectionError {
    Count { returned: usize, asked: usize },
    Repeated { id: DocId },
    Labeled { id: DocId },
    Outside { id: DocId, n_texts: usize },
    Scores { scores: usize, ids: usize },
    Score { id: DocId, score: f64 },
}

impl fmt::Display for SelectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { returned, asked } => {
                write!(f, "returned {returned} ids where {asked} were asked for")
            }
            Self::Repeated { id } => write!(f, "returned text {} twice", id.0),
            Self::Labeled { id } => {
                write!(f, "returned text {}, which is already labeled", id.0)
            }
            Self::Outside { id, n_texts } => {
                write!(f, "returned id {}, but the pool has ids 0..={}", id.0, n_texts - 1)
            }
            Self::Scores { scores, ids } => write!(f, "returned {scores} scores for {ids} ids"),
            Self::Score { id, score } => {
                write!(f, "returned the score {score} for text {}; a score must be finite", id.0)
            }
        }
    }
}

impl std::error::Error for SelectionError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(rows: &[u32]) -> Vec<DocId> {
        rows.iter().map(|&row| DocId(row)).collect()
    }

    fn claim(rows: &[u32]) -> Selection {
        Selection::ranked(ids(rows))
    }

    fn labels(rows: &[&[u32]]) -> Labels {
        let mut labels = Labels::new(4);
        for row in rows {
            labels.push(row);
        }
        labels
    }

    /// Six texts, of which 4 and 1 are labeled.
    fn pool() -> Pool {
        let mut pool = Pool::new(6, 4);
        let selection = pool.select(&claim(&[4, 1]), 2).unwrap();
        pool.annotate(selection, &labels(&[&[3], &[0, 2]]), 0);
        pool
    }

    #[test]
    fn annotated_texts_keep_order_labels_and_round() {
        let mut pool = pool();
        let scored = Selection { ids: ids(&[5, 0]), scores: Some(vec![0.5, 0.1]) };
        let selection = pool.select(&scored, 2).unwrap();
        assert_eq!(selection.ids(), ids(&[5, 0]));
        assert_eq!(selection.scores(), Some(&[0.5, 0.1][..]));
        pool.annotate(selection, &labels(&[&[], &[1]]), 1);
        assert_eq!(pool.labeled(), ids(&[4, 1, 5, 0]));
        assert_eq!(pool.unlabeled(), ids(&[2, 3]));
        assert_eq!(pool.rounds(), [0, 0, 1, 1]);
        let rows: Vec<&[u32]> = pool.labels().rows().collect();
        assert_eq!(rows, [&[3][..], &[0, 2], &[], &[1]]);
    }

    #[test]
    fn a_short_pool_is_taken_whole() {
        let pool = pool();
        assert_eq!(pool.select(&claim(&[0, 2, 3, 5]), 100).unwrap().ids().len(), 4);
        assert_eq!(Pool::new(0, 4).select(&claim(&[]), 100).unwrap().ids().len(), 0);
    }

    #[test]
    fn each_wrong_answer_is_named() {
        let check = |rows: &[u32], scores: Option<&[f64]>, expected: &str| {
            let scores = scores.map(<[f64]>::to_vec);
            let error = pool().select(&Selection { ids: ids(rows), scores }, 2).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(&[0], None, "returned 1 ids where 2 were asked for");
        check(&[0, 2, 3], None, "returned 3 ids where 2 were asked for");
        check(&[3, 3], None, "returned text 3 twice");
        check(&[0, 1], None, "returned text 1, which is already labeled");
        check(&[0, 99], None, "returned id 99, but the pool has ids 0..=5");
        check(&[0, 2], Some(&[1.0]), "returned 1 scores for 2 ids");
        let nan = "returned the score NaN for text 2; a score must be finite";
        check(&[0, 2], Some(&[1.0, f64::NAN]), nan);
        let error = pool().select(&claim(&[0, 2, 3]), 100).unwrap_err();
        assert_eq!(error.to_string(), "returned 3 ids where 4 were asked for");
    }

    #[test]
    #[should_panic(expected = "older state of the pool")]
    fn a_selection_cannot_be_annotated_twice() {
        let mut pool = pool();
        let one = pool.select(&claim(&[0]), 1).unwrap();
        let same = pool.select(&claim(&[0]), 1).unwrap();
        pool.annotate(one, &labels(&[&[1]]), 1);
        pool.annotate(same, &labels(&[&[1]]), 2);
    }

    proptest! {
        /// Whatever is claimed, right or wrong, both sides together hold every text once, and only
        /// a valid claim changes anything.
        #[test]
        fn any_sequence_of_claims_keeps_the_partition(
            n_texts in 0_usize..30,
            claims in prop::collection::vec(
                (prop::collection::vec(0_u32..32, 0..6), 0_usize..6), 0..20),
        ) {
            let mut pool = Pool::new(n_texts, 32);
            for (round, (rows, n)) in claims.iter().enumerate() {
                let before = pool.labeled().len();
                let valid = pool.select(&claim(rows), *n);
                let mut expected = before;
                if let Ok(selection) = valid {
                    prop_assert_eq!(rows.len(), (*n).min(n_texts - before));
                    expected += rows.len();
                    let mut labels = Labels::new(32);
                    for &row in rows {
                        labels.push(&[row]);
                    }
                    pool.annotate(selection, &labels, round as u32);
                }
                prop_assert_eq!(pool.labeled().len(), expected);
                prop_assert!(pool.unlabeled().is_sorted());
                let mut all: Vec<u32> =
                    pool.labeled().iter().chain(pool.unlabeled()).map(|id| id.0).collect();
                all.sort_unstable();
                prop_assert_eq!(all, (0..n_texts as u32).collect::<Vec<_>>());
                for (at, id) in pool.labeled().iter().enumerate() {
                    prop_assert_eq!(pool.labels().row(at), &[id.0]);
                }
            }
        }
    }
}

//! The pool: which texts are labeled and which are not, and the only way across.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use alhost_data::Labels;
use alhost_plugin_api::DocId;
use alhost_plugin_api::Selection;

/// An oracle's word on one text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Annotation {
    /// Its labels, by id; a text may have none.
    Labels(Vec<u32>),
    /// It is not to be labeled: it leaves the pool and is never trained on.
    Skipped,
}

/// Each text of the train split is unlabeled, labeled or skipped at every moment.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Ascending.
    unlabeled: Vec<DocId>,
    /// Each text that the oracle was asked about with its answer, in the order of asking. The three below
    /// follow from it.
    asked: Vec<Asked>,
    /// Sorted as they were asked about.
    labeled: Vec<DocId>,
    /// Row `i` belongs to `labeled[i]`.
    labels: Labels,
    /// `rounds[i]` is the round in which `labeled[i]` came in; the initial set has 0.
    rounds: Vec<u32>,
    /// Has an entry for each text.
    is_asked: Vec<bool>,
}

#[derive(Clone, Debug)]
struct Asked {
    id: DocId,
    round: u32,
    annotation: Annotation,
}

/// An answer that holds: texts of the pool, each once, as many as were asked for. Only
/// [`Pool::select`] makes one.
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

/// The part of the pool that a query is about.
#[derive(Clone, Copy)]
pub struct Offer<'a> {
    pub pool: &'a Pool,
    /// Unlabeled texts, ascending; `None` for all of them.
    pub among: Option<&'a [DocId]>,
}

impl<'a> Offer<'a> {
    /// The pool without a filter.
    pub fn whole(pool: &'a Pool) -> Self {
        Self { pool, among: None }
    }

    /// The texts that may be selected, ascending.
    pub fn texts(self) -> &'a [DocId] {
        self.among.unwrap_or(self.pool.unlabeled())
    }

    /// Checks a claim as [`Pool::select`] does, and that it names only what was offered.
    pub fn select(self, claim: &Selection, n: usize) -> Result<ValidSelection, SelectionError> {
        let selection = self.pool.select(claim, n)?;
        let texts = self.texts();
        match selection.ids.iter().find(|id| texts.binary_search(id).is_err()) {
            Some(&id) => Err(SelectionError::NotOffered { id }),
            None => Ok(selection),
        }
    }
}

impl Pool {
    /// All texts unlabeled.
    pub fn new(n_texts: usize, n_labels: usize) -> Self {
        Self {
            unlabeled: (0..n_texts).map(|text| DocId(text as u32)).collect(),
            asked: Vec::new(),
            labeled: Vec::new(),
            labels: Labels::new(n_labels),
            rounds: Vec::new(),
            is_asked: vec![false; n_texts],
        }
    }

    /// The texts that can be selected, ascending.
    pub fn unlabeled(&self) -> &[DocId] {
        &self.unlabeled
    }

    /// The labeled texts, sorted as they were asked about, as [`Pool::labels`] and [`Pool::rounds`].
    pub fn labeled(&self) -> &[DocId] {
        &self.labeled
    }

    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    pub fn rounds(&self) -> &[u32] {
        &self.rounds
    }

    /// Texts that are not to be labeled.
    pub fn skipped(&self) -> impl Iterator<Item = DocId> {
        let skipped = self.asked.iter().filter(|asked| asked.annotation == Annotation::Skipped);
        skipped.map(|asked| asked.id)
    }

    /// Texts on all sides.
    pub fn n_texts(&self) -> usize {
        self.is_asked.len()
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
            if self.is_asked[text] {
                return Err(SelectionError::Asked { id });
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

    /// Moves the selected texts to where the oracle's answer puts them. Nothing changes if the answer is
    /// wrong: it must name each of them once, no other, and labels that there are, each once.
    ///
    /// # Panics
    /// If the selection was checked before another one was annotated that has a text in common with it.
    pub fn annotate(
        &mut self,
        selection: &ValidSelection,
        given: Vec<(DocId, Annotation)>,
        round: u32,
    ) -> Result<(), AnswerError> {
        let asked: BTreeSet<DocId> = selection.ids.iter().copied().collect();
        let mut answers = BTreeMap::new();
        for (id, annotation) in given {
            if !asked.contains(&id) {
                return Err(AnswerError::NotAsked { id });
            }
            let annotation = self.checked(id, annotation)?;
            if answers.insert(id, annotation).is_some() {
                return Err(AnswerError::Twice { id });
            }
        }
        if let Some(&id) = selection.ids.iter().find(|id| !answers.contains_key(id)) {
            return Err(AnswerError::Missing { id });
        }
        for &id in &selection.ids {
            let is_asked = &mut self.is_asked[id.0 as usize];
            assert!(!*is_asked, "text {} was selected on an older state of the pool", id.0);
            *is_asked = true;
            let annotation = answers.remove(&id).expect("each has just been found");
            self.add(&Asked { id, round, annotation: annotation.clone() });
            self.asked.push(Asked { id, round, annotation });
        }
        let is_asked = &self.is_asked;
        self.unlabeled.retain(|id| !is_asked[id.0 as usize]);
        Ok(())
    }

    /// Puts other annotations in the place of those that texts have. Their order stays.
    pub fn correct(&mut self, given: Vec<(DocId, Annotation)>) -> Result<(), AnswerError> {
        if given.is_empty() {
            return Ok(());
        }
        let mut answers = BTreeMap::new();
        for (id, annotation) in given {
            if !self.is_asked.get(id.0 as usize).is_some_and(|asked| *asked) {
                return Err(AnswerError::NotAsked { id });
            }
            answers.insert(id, self.checked(id, annotation)?);
        }
        let mut asked = std::mem::take(&mut self.asked);
        (self.labeled, self.rounds) = (Vec::new(), Vec::new());
        self.labels = Labels::new(self.labels.n_labels());
        for asked in &mut asked {
            if let Some(annotation) = answers.remove(&asked.id) {
                asked.annotation = annotation;
            }
            self.add(asked);
        }
        self.asked = asked;
        Ok(())
    }

    fn add(&mut self, asked: &Asked) {
        if let Annotation::Labels(labels) = &asked.annotation {
            self.labeled.push(asked.id);
            self.labels.push(labels);
            self.rounds.push(asked.round);
        }
    }

    /// Labels ascending, if there are such labels and each stands once.
    fn checked(&self, id: DocId, annotation: Annotation) -> Result<Annotation, AnswerError> {
        let Annotation::Labels(mut labels) = annotation else { return Ok(annotation) };
        labels.sort_unstable();
        let n_labels = self.labels.n_labels();
        if let Some(&label) = labels.last().filter(|&&label| label as usize >= n_labels) {
            return Err(AnswerError::UnknownLabel { id, label, n_labels });
        }
        match labels.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(AnswerError::RepeatedLabel { id, label: pair[0] }),
            None => Ok(Annotation::Labels(labels)),
        }
    }
}

/// Says what is wrong with an oracle's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AnswerError {
    NotAsked { id: DocId },
    Twice { id: DocId },
    Missing { id: DocId },
    UnknownLabel { id: DocId, label: u32, n_labels: usize },
    RepeatedLabel { id: DocId, label: u32 },
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked { id } => {
                write!(f, "the oracle answered for text {}, which it was not asked about", id.0)
            }
            Self::Twice { id } => write!(f, "the oracle answered twice for text {}", id.0),
            Self::Missing { id } => write!(f, "the oracle gave no answer for text {}", id.0),
            Self::UnknownLabel { id, label, n_labels } => write!(
                f,
                "the oracle gave text {} the label {label}, but there are {n_labels} (0 to {})",
                id.0,
                n_labels.saturating_sub(1)
            ),
            Self::RepeatedLabel { id, label } => {
                write!(f, "the oracle gave text {} the label {label} twice", id.0)
            }
        }
    }
}

impl std::error::Error for AnswerError {}

/// Says what is wrong with a selection. The strategy's name is added by who called it.
#[derive(Clone, Debug, PartialEq)]
pub enum SelectionError {
    Count { returned: usize, asked: usize },
    Repeated { id: DocId },
    Asked { id: DocId },
    Outside { id: DocId, n_texts: usize },
    Scores { scores: usize, ids: usize },
    Score { id: DocId, score: f64 },
    NotOffered { id: DocId },
}

impl fmt::Display for SelectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { returned, asked } => {
                write!(f, "returned {returned} ids where {asked} were asked for")
            }
            Self::Repeated { id } => write!(f, "returned text {} twice", id.0),
            Self::Asked { id } => {
                write!(f, "returned text {}, which is already labeled", id.0)
            }
            Self::Outside { id, n_texts } => {
                write!(f, "returned id {}, but the pool has ids 0..={}", id.0, n_texts - 1)
            }
            Self::Scores { scores, ids } => write!(f, "returned {scores} scores for {ids} ids"),
            Self::Score { id, score } => {
                write!(f, "returned the score {score} for text {}; a score must be finite", id.0)
            }
            Self::NotOffered { id } => {
                write!(f, "returned text {}, which `loop.candidates` had filtered out", id.0)
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

    fn labels(selection: &ValidSelection, rows: &[&[u32]]) -> Vec<(DocId, Annotation)> {
        let rows = rows.iter().map(|row| Annotation::Labels(row.to_vec()));
        selection.ids().iter().copied().zip(rows).collect()
    }

    /// Six texts, of which 4 and 1 are labeled.
    fn pool() -> Pool {
        let mut pool = Pool::new(6, 4);
        let selection = pool.select(&claim(&[4, 1]), 2).unwrap();
        let given = labels(&selection, &[&[3], &[0, 2]]);
        pool.annotate(&selection, given, 0).unwrap();
        pool
    }

    #[test]
    fn what_was_filtered_out_cannot_be_selected() {
        let pool = pool();
        let among = ids(&[0, 3, 5]);
        let offer = Offer { pool: &pool, among: Some(&among) };
        assert!(offer.select(&claim(&[5, 0]), 2).is_ok());
        let refused = offer.select(&claim(&[5, 2]), 2);
        assert_eq!(refused, Err(SelectionError::NotOffered { id: DocId(2) }));
        assert!(Offer::whole(&pool).select(&claim(&[5, 2]), 2).is_ok());
    }

    #[test]
    fn annotated_texts_keep_order_labels_and_round() {
        let mut pool = pool();
        let scored = Selection { ids: ids(&[5, 0]), scores: Some(vec![0.5, 0.1]) };
        let selection = pool.select(&scored, 2).unwrap();
        assert_eq!(selection.ids(), ids(&[5, 0]));
        assert_eq!(selection.scores(), Some(&[0.5, 0.1][..]));
        let given = labels(&selection, &[&[], &[1]]);
        pool.annotate(&selection, given, 1).unwrap();
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
        pool.annotate(&one, labels(&one, &[&[1]]), 1).unwrap();
        pool.annotate(&same, labels(&same, &[&[1]]), 2).unwrap();
    }

    #[test]
    fn each_wrong_answer_of_an_oracle_is_named_and_changes_nothing() {
        let check = |given: &[(u32, &[u32])], expected: &str| {
            let mut pool = pool();
            let selection = pool.select(&claim(&[5, 0]), 2).unwrap();
            let given =
                given.iter().map(|(id, row)| (DocId(*id), Annotation::Labels(row.to_vec())));
            let error = pool.annotate(&selection, given.collect(), 1).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!((pool.labeled().len(), pool.unlabeled().len()), (2, 4));
        };
        let not_asked = "the oracle answered for text 3, which it was not asked about";
        check(&[(5, &[0]), (3, &[1]), (0, &[])], not_asked);
        check(&[(5, &[0]), (0, &[1]), (5, &[0])], "the oracle answered twice for text 5");
        check(&[(5, &[0])], "the oracle gave no answer for text 0");
        let unknown = "the oracle gave text 5 the label 4, but there are 4 (0 to 3)";
        check(&[(5, &[4, 1]), (0, &[1])], unknown);
        check(&[(5, &[1, 0, 1]), (0, &[])], "the oracle gave text 5 the label 1 twice");
    }

    #[test]
    fn skipped_texts_leave_the_pool_and_corrections_keep_the_order() {
        let mut pool = pool();
        let selection = pool.select(&claim(&[5, 0]), 2).unwrap();
        let given = vec![(DocId(0), Annotation::Labels(vec![2])), (DocId(5), Annotation::Skipped)];
        pool.annotate(&selection, given, 1).unwrap();
        assert_eq!(pool.labeled(), ids(&[4, 1, 0]));
        assert_eq!(pool.unlabeled(), ids(&[2, 3]));
        assert_eq!(pool.skipped().collect::<Vec<_>>(), ids(&[5]));
        assert!(pool.select(&claim(&[5, 2]), 2).is_err(), "a skipped text is not selected again");

        let given = vec![
            (DocId(5), Annotation::Labels(vec![1])),
            (DocId(4), Annotation::Skipped),
            (DocId(1), Annotation::Labels(vec![3])),
        ];
        pool.correct(given).unwrap();
        assert_eq!(pool.labeled(), ids(&[1, 5, 0]), "in the order of asking");
        assert_eq!(pool.rounds(), [0, 1, 1]);
        assert_eq!(pool.labels().rows().collect::<Vec<_>>(), [&[3][..], &[1], &[2]]);
        let unasked = pool.correct(vec![(DocId(2), Annotation::Skipped)]);
        assert_eq!(unasked, Err(AnswerError::NotAsked { id: DocId(2) }));
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
                    let given = rows.iter().map(|&row| (DocId(row), Annotation::Labels(vec![row])));
                    pool.annotate(&selection, given.collect(), round as u32).unwrap();
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

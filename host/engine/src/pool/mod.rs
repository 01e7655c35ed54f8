//! The pool: which texts are labeled and which are not, and the only way across.

mod audit;
mod errors;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use alhost_data::Labels;
use alhost_plugin_api::{DocId, Selection};

pub use audit::Audit;
pub use errors::{AnswerError, SelectionError};

/// An oracle's word on one text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Annotation {
    /// Its labels, by id; a text may have none.
    Labels(Vec<u32>),
    /// It is not to be labeled: it leaves the pool and is never trained on.
    Skipped,
}

/// Each text of the train split is unlabeled, labeled, skipped or of the audit at every moment.
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
    /// Has the texts that are kept apart, with what was answered about them.
    audit: Option<Audit>,
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
    /// So many of them were chosen; the others are of the audit.
    n_chosen: usize,
    scores: Option<Vec<f64>>,
}

impl ValidSelection {
    /// All texts that want labels: those chosen, best first, and then those of the audit.
    pub fn ids(&self) -> &[DocId] {
        &self.ids
    }

    /// The texts that were chosen, best first.
    pub fn chosen(&self) -> &[DocId] {
        &self.ids[..self.n_chosen]
    }

    /// The texts of the audit that are to be labeled with them.
    pub fn audit(&self) -> &[DocId] {
        &self.ids[self.n_chosen..]
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
            audit: None,
        }
    }

    /// All texts unlabeled but those of `audit`, which nothing can select.
    pub fn with_audit(n_texts: usize, n_labels: usize, audit: Option<Audit>) -> Self {
        let mut pool = Self::new(n_texts, n_labels);
        if let Some(audit) = &audit {
            pool.unlabeled.retain(|id| !audit.has(*id));
        }
        Self { audit, ..pool }
    }

    /// The texts that are kept apart, where there are any.
    pub fn audit(&self) -> Option<&Audit> {
        self.audit.as_ref()
    }

    /// Number of texts that are labeled, here and in the audit.
    pub fn n_labeled(&self) -> usize {
        self.labeled.len() + self.audit.as_ref().map_or(0, |audit| audit.texts().labeled.len())
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
            if self.audit.as_ref().is_some_and(|audit| audit.has(id)) {
                return Err(SelectionError::Audit { id });
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
        Ok(ValidSelection { ids: ids.clone(), n_chosen: ids.len(), scores: claim.scores.clone() })
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
        let mut found = |&id: &DocId| {
            let annotation = answers.remove(&id).expect("each has just been found");
            Asked { id, round, annotation }
        };
        self.take_in(selection.chosen().iter().map(&mut found).collect());
        if let Some(audit) = &mut self.audit {
            audit.texts_mut().take_in(selection.audit().iter().map(found).collect());
        }
        Ok(())
    }

    fn take_in(&mut self, asked: Vec<Asked>) {
        for asked in asked {
            let id = asked.id;
            let is_asked = &mut self.is_asked[id.0 as usize];
            assert!(!*is_asked, "text {} was selected on an older state of the pool", id.0);
            *is_asked = true;
            self.add(&asked);
            self.asked.push(asked);
        }
        let is_asked = &self.is_asked;
        self.unlabeled.retain(|id| !is_asked[id.0 as usize]);
    }

    /// Puts other annotations in the place of those that texts have. Their order stays.
    pub fn correct(&mut self, given: Vec<(DocId, Annotation)>) -> Result<(), AnswerError> {
        if given.is_empty() {
            return Ok(());
        }
        let mut answers = BTreeMap::new();
        for (id, annotation) in given {
            if !self.was_asked(id) {
                return Err(AnswerError::NotAsked { id });
            }
            answers.insert(id, self.checked(id, annotation)?);
        }
        if let Some(audit) = &mut self.audit {
            audit.texts_mut().replace(&mut answers);
        }
        self.replace(&mut answers);
        Ok(())
    }

    fn was_asked(&self, id: DocId) -> bool {
        let here = self.is_asked.get(id.0 as usize).is_some_and(|asked| *asked);
        here || self.audit.as_ref().is_some_and(|audit| audit.texts().was_asked(id))
    }

    fn replace(&mut self, answers: &mut BTreeMap<DocId, Annotation>) {
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

//! Filters between the passes: leaf rule, split, counts, which classes stay, which texts stay. They
//! come in this order, which is the one that gives the paper's counts for EurLex.

use serde::Serialize;

use crate::collect::Collected;
use crate::document::Part;
use crate::hierarchy::Hierarchy;
use crate::options::{Options, Scope, Unlabeled};
use crate::rows::Rows;
use crate::source::Tally;
use crate::{draw, leaf};

/// How much there was after a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    pub after: &'static str,
    pub texts: u64,
    /// Labels that at least one text has.
    pub labels: u64,
    /// Pairs of a text and a label of it.
    pub assignments: u64,
}

/// Holds what is written.
pub(crate) struct Filtered {
    /// Part that each text of the source goes to; none if it is left out.
    pub(crate) parts: Vec<Option<Part>>,
    /// Labels of the hierarchy, of texts that stay.
    pub(crate) rows: Rows,
    /// Labels that stay, by id.
    pub(crate) classes: Vec<u32>,
    /// Texts that stay by label of the hierarchy, in train and in all parts.
    pub(crate) n_train: Vec<u64>,
    pub(crate) n_all: Vec<u64>,
    pub(crate) steps: Vec<Step>,
    pub(crate) left_out: Tally,
}

pub(crate) fn filter(collected: &mut Collected, options: &Options) -> Filtered {
    let rows = std::mem::take(&mut collected.rows);
    let mut texts = Texts::new(rows, &collected.hierarchy, options.unlabeled);
    texts.step("reading");
    texts.leave_out_unlabeled("without a label");
    leaf::apply(options.leaf, texts.hierarchy, &mut texts.rows);
    texts.leave_out_unlabeled("without a label that the leaf rule keeps");
    texts.step("leaf rule");

    let mut parts = collected.parts.clone();
    if options.ids.is_none() {
        draw::split(&options.split, &collected.keys, &mut parts, &texts.out);
    }
    let counted = match options.min_count_scope {
        Scope::All => texts.counts(|_| true),
        Scope::Train => texts.counts(|text| parts[text] == Part::Train),
    };
    let stays = |label: u32| counted[label as usize] >= options.min_count;
    texts.rows.filter(|row, kept| kept.extend(row.iter().filter(|&&label| stays(label))));
    texts.leave_out_unlabeled("without a class that is frequent enough");
    texts.step("minimum count");

    let n_train = texts.counts(|text| parts[text] == Part::Train);
    texts.done(parts, n_train)
}

/// The texts on their way through the steps.
struct Texts<'a> {
    rows: Rows,
    /// Which texts are left out.
    out: Vec<bool>,
    hierarchy: &'a Hierarchy,
    unlabeled: Unlabeled,
    steps: Vec<Step>,
    left_out: Tally,
}

impl<'a> Texts<'a> {
    fn new(rows: Rows, hierarchy: &'a Hierarchy, unlabeled: Unlabeled) -> Self {
        let out = vec![false; rows.len()];
        Self { rows, out, hierarchy, unlabeled, steps: Vec::new(), left_out: Tally::new() }
    }

    fn leave_out_unlabeled(&mut self, reason: &str) {
        if self.unlabeled == Unlabeled::Keep {
            return;
        }
        let mut n_texts = 0;
        for (text, out) in self.out.iter_mut().enumerate() {
            if !*out && self.rows.row(text).is_empty() {
                *out = true;
                n_texts += 1;
            }
        }
        if n_texts > 0 {
            self.left_out.insert(reason.to_owned(), n_texts);
        }
    }

    /// Texts by label, of the texts for which this holds.
    fn counts(&self, counts: impl Fn(usize) -> bool) -> Vec<u64> {
        let mut n_texts = vec![0; self.hierarchy.len()];
        for text in (0..self.rows.len()).filter(|&text| counts(text)) {
            for &label in self.rows.row(text) {
                n_texts[label as usize] += 1;
            }
        }
        n_texts
    }

    fn step(&mut self, after: &'static str) {
        let n_texts = self.counts(|_| true);
        self.steps.push(Step {
            after,
            texts: self.out.iter().filter(|&&out| !out).count() as u64,
            labels: n_texts.iter().filter(|&&n| n > 0).count() as u64,
            assignments: n_texts.iter().sum(),
        });
    }

    fn done(self, parts: Vec<Part>, n_train: Vec<u64>) -> Filtered {
        let n_all = self.counts(|_| true);
        let mut classes: Vec<u32> =
            (0..self.hierarchy.len() as u32).filter(|&label| n_all[label as usize] > 0).collect();
        classes.sort_unstable_by_key(|&label| self.hierarchy.id(label));
        let parts = parts.into_iter().zip(&self.out);
        let parts = parts.map(|(part, &out)| (!out).then_some(part)).collect();
        let Self { rows, steps, left_out, .. } = self;
        Filtered { parts, rows, classes, n_train, n_all, steps, left_out }
    }
}

impl Filtered {
    /// Texts in train, dev and test.
    pub(crate) fn n_texts(&self) -> [u64; 3] {
        Part::ALL.map(|part| self.parts.iter().filter(|&&p| p == Some(part)).count() as u64)
    }

    /// Classes that cannot be learnt.
    pub(crate) fn n_absent_from_train(&self) -> u64 {
        let is_absent = |&&label: &&u32| self.n_train[label as usize] == 0;
        self.classes.iter().filter(is_absent).count() as u64
    }
}

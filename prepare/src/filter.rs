//! Between the passes: leaf rule, split, counts, which classes stay, which texts stay. In this
//! order, which is the one that gives the paper's counts for EurLex.

use serde::Serialize;

use crate::collect::Collected;
use crate::document::Part;
use crate::options::{Options, Scope, Unlabeled};
use crate::rows::Rows;
use crate::source::Tally;
use crate::{draw, leaf};

/// How much there was after a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    pub after: String,
    pub texts: u64,
    /// Labels that at least one text has.
    pub labels: u64,
    /// Pairs of a text and a label of it.
    pub assignments: u64,
}

/// What is written.
pub(crate) struct Filtered {
    /// Where each text of the source goes; none if it is left out.
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
    let hierarchy = &collected.hierarchy;
    let mut rows = std::mem::take(&mut collected.rows);
    let mut out = vec![false; rows.len()];
    let mut left_out = Tally::new();
    let mut leave_out = |rows: &Rows, out: &mut [bool], reason: &str| {
        let mut n = 0;
        for (text, out) in out.iter_mut().enumerate() {
            if !*out && rows.row(text).is_empty() && options.unlabeled == Unlabeled::Drop {
                *out = true;
                n += 1;
            }
        }
        if n > 0 {
            left_out.insert(reason.to_owned(), n);
        }
    };
    let counted = |rows: &Rows, counts: &dyn Fn(usize) -> bool| {
        let mut n_texts = vec![0; hierarchy.len()];
        for text in (0..rows.len()).filter(|&text| counts(text)) {
            for &label in rows.row(text) {
                n_texts[label as usize] += 1;
            }
        }
        n_texts
    };
    let mut steps = Vec::new();
    let mut step = |after: &str, n_texts: &[u64], out: &[bool]| {
        steps.push(Step {
            after: after.to_owned(),
            texts: out.iter().filter(|&&out| !out).count() as u64,
            labels: n_texts.iter().filter(|&&n| n > 0).count() as u64,
            assignments: n_texts.iter().sum(),
        });
    };

    step("reading", &counted(&rows, &|_| true), &out);
    leave_out(&rows, &mut out, "without a label");
    leaf::apply(options.leaf, hierarchy, &mut rows);
    leave_out(&rows, &mut out, "without a label that the leaf rule keeps");
    step("leaf rule", &counted(&rows, &|_| true), &out);

    let mut parts = collected.parts.clone();
    if options.ids.is_none() {
        draw::split(&options.split, &collected.keys, &mut parts, &out);
    }
    let n_counted =
        counted(&rows, &|text| options.min_count_scope == Scope::All || parts[text] == Part::Train);
    let stays = |label: u32| n_counted[label as usize] >= options.min_count;
    rows.filter(|row, kept| kept.extend(row.iter().filter(|&&label| stays(label))));
    leave_out(&rows, &mut out, "without a class that is frequent enough");
    let n_all = counted(&rows, &|_| true);
    step("minimum count", &n_all, &out);

    let n_train = counted(&rows, &|text| parts[text] == Part::Train);
    let mut classes: Vec<u32> =
        (0..hierarchy.len() as u32).filter(|&label| n_all[label as usize] > 0).collect();
    classes.sort_unstable_by_key(|&label| hierarchy.id(label));
    let parts = parts.into_iter().zip(&out).map(|(part, &out)| (!out).then_some(part)).collect();
    Filtered { parts, rows, classes, n_train, n_all, steps, left_out }
}

impl Filtered {
    /// Texts in train, dev and test.
    pub(crate) fn n_texts(&self) -> [u64; 3] {
        Part::ALL.map(|part| self.parts.iter().filter(|&&p| p == Some(part)).count() as u64)
    }
}

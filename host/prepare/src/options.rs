//! Options that can be chosen for a preparation. Everything here ends up in `meta.json`.

use std::path::PathBuf;

use serde::Serialize;

use crate::document::Part;

/// Every choice, made: a recipe's defaults with the user's changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Options {
    pub leaf: LeafRule,
    /// Classes with fewer texts are dropped, then texts without a class; 0 and 1 keep all.
    pub min_count: u64,
    pub min_count_scope: Scope,
    pub split: Split,
    pub unlabeled: Unlabeled,
    pub unknown_labels: UnknownLabels,
    /// Whether codes that mean the same become one label.
    pub merge_aliases: bool,
    /// The parts of a document that make its text, in this order.
    pub text: Vec<String>,
    /// Whether known artefacts of the text are cleaned.
    pub clean: bool,
    /// The share of the documents that is taken at all, drawn by [`Split::seed`].
    pub sample: Option<f64>,
    /// How many documents of the source are looked at.
    pub limit: Option<u64>,
    pub dates: Option<DateRange>,
    /// Lists of document ids that say which text goes where; others are left out.
    pub ids: Option<IdFiles>,
}

impl Options {
    /// A base for recipes to change: every label is a class, only texts without any are dropped.
    pub(crate) fn plain(split: Split) -> Self {
        Self {
            leaf: LeafRule::None,
            min_count: 1,
            min_count_scope: Scope::All,
            split,
            unlabeled: Unlabeled::Drop,
            unknown_labels: UnknownLabels::Error,
            merge_aliases: false,
            text: Vec::new(),
            clean: false,
            sample: None,
            limit: None,
            dates: None,
            ids: None,
        }
    }
}

/// Which labels of a text count as its classes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeafRule {
    /// Labels without children in the hierarchy.
    Structural,
    /// Per text, labels that are not above another label of the same text.
    MostSpecific,
    /// All labels.
    None,
}

impl LeafRule {
    /// Returns the name as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Structural => "structural",
            Self::MostSpecific => "most-specific",
            Self::None => "none",
        }
    }
}

/// Which texts [`Options::min_count`] counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    Train,
    All,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::All => "all",
        }
    }
}

/// How texts come into parts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Split {
    pub kind: SplitKind,
    /// Parts that are drawn, in this order, each from what was left; the rest is train.
    pub draws: Vec<Draw>,
    pub seed: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitKind {
    /// The split as the distribution has it; nothing is drawn.
    Official,
    /// Each text is drawn on its own, with the share as probability.
    Bernoulli,
    /// Exactly ceil(share * texts) are drawn, as scikit-learn's `train_test_split` counts.
    Holdout,
}

impl SplitKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Bernoulli => "bernoulli",
            Self::Holdout => "holdout",
        }
    }
}

/// A part that is drawn from the texts that the distribution leaves in train or unassigned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Draw {
    pub part: Part,
    pub share: Share,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Share {
    /// A share above 0 and below 1.
    Fraction(f64),
    /// A number of texts; with [`SplitKind::Holdout`] only.
    Texts(u64),
}

/// Says what becomes of a text without a class.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unlabeled {
    Drop,
    Keep,
}

/// Says what becomes of a label that the hierarchy does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownLabels {
    /// The preparation fails.
    Error,
    /// The label is dropped and counted.
    Drop,
    /// The label is kept, as a leaf without a parent, and counted.
    Keep,
}

/// Days, both ends included, as `YYYY-MM-DD`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct DateRange {
    pub from: Option<String>,
    pub to: Option<String>,
}

impl Split {
    pub(crate) fn official() -> Self {
        Self { kind: SplitKind::Official, draws: Vec::new(), seed: 1 }
    }

    /// Draws with seed 1, each part with its share of what the parts before it left.
    pub(crate) fn drawn(kind: SplitKind, draws: &[(Part, Share)]) -> Self {
        let draws = draws.iter().map(|&(part, share)| Draw { part, share }).collect();
        Self { kind, draws, seed: 1 }
    }
}

impl DateRange {
    /// Reads `FROM..TO`; either may be left out.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once("..")?;
        let day = |text: &str| match text {
            "" => Some(None),
            day if is_day(day) => Some(Some(day.to_owned())),
            _ => None,
        };
        let range = Self { from: day(from)?, to: day(to)? };
        let is_empty = matches!((&range.from, &range.to), (Some(from), Some(to)) if from > to);
        (!is_empty).then_some(range)
    }

    /// Whether `day`, as `YYYY-MM-DD`, is in the range.
    pub fn contains(&self, day: &str) -> bool {
        self.from.as_deref().is_none_or(|from| from <= day)
            && self.to.as_deref().is_none_or(|to| day <= to)
    }
}

fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let number = |text: &str, n_digits: usize| {
        let is_number = text.len() == n_digits && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u32>().ok()).flatten()
    };
    number(year, 4).is_some()
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
}

/// One file for each part, with one document id a line.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct IdFiles {
    pub train: PathBuf,
    pub dev: PathBuf,
    pub test: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_dates_has_two_open_ends() {
        let check = |range: &str, day: &str| DateRange::parse(range).unwrap().contains(day);
        assert!(check("2007-04-01..2007-04-30", "2007-04-01"));
        assert!(check("2007-04-01..2007-04-30", "2007-04-30"));
        assert!(!check("2007-04-01..2007-04-30", "2007-05-01"));
        assert!(!check("2007-04-01..2007-04-30", "2007-03-31"));
        assert!(check("..2007-04-30", "1991-01-01"));
        assert!(check("2007-04-01..", "2030-01-01"));
        for wrong in
            ["2007", "2007-04-01", "2007-4-1..", "2007-13-01..", "..x", "2008-01-01..2007-01-01"]
        {
            assert_eq!(DateRange::parse(wrong), None, "{wrong}");
        }
    }
}

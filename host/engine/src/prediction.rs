//! Labels texts with a trained classifier.

use std::str::FromStr;

use alhost_base::ledger::{Notes, Work};
use alhost_base::matrix::Matrix;
use alhost_base::progress::Silent;
use alhost_data::{Tokens, UnlabeledTexts};
use alhost_metrics::TopK;
use anyhow::Context as _;
use serde::Serialize;

use crate::reading::{for_each_probabilities, rows_of};
use crate::saved_classifier::SavedClassifier;

/// The labels that a text is given.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    pub id: String,
    /// Best first.
    pub labels: Vec<String>,
    /// Their probabilities.
    pub scores: Vec<f32>,
}

/// Which labels a text gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice<'a> {
    /// The labels above a probability; `None` is above all.
    Above(Option<f32>),
    /// The labels above their thresholds, which are by label.
    AboveOwn(&'a [f32]),
    /// The most probable ones, so many.
    Top(usize),
}

/// A threshold as a user names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NamedThreshold {
    /// The threshold of the classifier's config.
    Own,
    MacroF1Paper,
    MacroF1,
    MicroF1,
    /// One for each label.
    PerLabel,
    Fixed(f32),
}

impl FromStr for NamedThreshold {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "own" => Ok(Self::Own),
            "macro-f1-paper" => Ok(Self::MacroF1Paper),
            "macro-f1" => Ok(Self::MacroF1),
            "micro-f1" => Ok(Self::MicroF1),
            "per-label" => Ok(Self::PerLabel),
            number => match number.parse() {
                Ok(value) if (0.0..1.0).contains(&value) => Ok(Self::Fixed(value)),
                _ => Err(
                    "expected `own`, `macro-f1-paper`, `macro-f1`, `micro-f1`, `per-label`, or a \
                          probability from 0 to below 1"
                        .to_owned(),
                ),
            },
        }
    }
}

impl SavedClassifier {
    /// The labels above a threshold.
    pub fn choice(&self, named: NamedThreshold) -> anyhow::Result<Choice<'_>> {
        const HINT: &str = "hint: `--threshold own`, or a probability";
        let thresholds = &self.description.thresholds;
        let value = match named {
            NamedThreshold::Own => {
                return Ok(Choice::Above(thresholds.used.map(|value| value as f32)));
            }
            NamedThreshold::Fixed(value) => return Ok(Choice::Above(Some(value))),
            NamedThreshold::PerLabel => {
                let own = self.description.thresholds_per_label.as_deref();
                return Ok(Choice::AboveOwn(own.with_context(|| {
                    format!(
                        "the classifier has no thresholds by label: it was trained without \
                         `evaluation.per_label`\n{HINT}"
                    )
                })?));
            }
            NamedThreshold::MacroF1Paper => thresholds.macro_paper,
            NamedThreshold::MacroF1 => thresholds.macro_f1,
            NamedThreshold::MicroF1 => thresholds.micro,
        };
        let value = value.with_context(|| {
            format!(
                "the classifier has no such threshold: it was trained without a dev set\n{HINT}"
            )
        })?;
        Ok(Choice::Above(Some(value as f32)))
    }

    /// One prediction for each text, in their order.
    pub fn predict(
        &self,
        texts: &UnlabeledTexts,
        choice: Choice<'_>,
    ) -> anyhow::Result<Vec<Prediction>> {
        let max_tokens = self.description.model.max_tokens;
        let tokens = Tokens::make(self.model.tokenizer(), &texts.texts, max_tokens)?;
        let rows = rows_of(tokens.len());
        let notes = Notes::default();
        let work = Work { progress: &Silent, notes: &notes };
        let mut predictions = Vec::with_capacity(rows.len());
        let (of, n_labels) = ((&tokens, rows.as_slice()), self.description.labels.len());
        for_each_probabilities(&*self.model, of, n_labels, work, |block, scores| {
            predictions.extend(self.chosen(&texts.ids[block], &scores, choice));
            Ok(())
        })?;
        Ok(predictions)
    }

    /// The labels of a block of texts.
    fn chosen(&self, ids: &[String], scores: &Matrix, choice: Choice<'_>) -> Vec<Prediction> {
        let labels = &self.description.labels;
        let depth = match choice {
            Choice::Top(depth) => depth,
            Choice::Above(threshold) => most_above(scores, threshold),
            Choice::AboveOwn(_) => labels.len(),
        };
        let mut top = TopK::new(depth, labels.len());
        top.add(scores);
        let is_chosen = |&(&label, &score): &(&u32, &f32)| match choice {
            Choice::Top(_) => true,
            Choice::Above(threshold) => threshold.is_some_and(|least| score > least),
            Choice::AboveOwn(thresholds) => score > thresholds[label as usize],
        };
        let of_text = |(place, id): (usize, &String)| {
            let kept = if top.is_empty() { (&[][..], &[][..]) } else { top.of(place) };
            let kept = kept.0.iter().zip(kept.1).filter(is_chosen);
            let (labels, scores) =
                kept.map(|(&label, &score)| (labels[label as usize].clone(), score)).unzip();
            Prediction { id: id.clone(), labels, scores }
        };
        ids.iter().enumerate().map(of_text).collect()
    }
}

/// The most labels that a text has above the threshold.
fn most_above(scores: &Matrix, threshold: Option<f32>) -> usize {
    let Some(threshold) = threshold else { return 0 };
    let above = |row: usize| scores.row(row).iter().filter(|&&score| score > threshold).count();
    (0..scores.rows).map(above).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_named_or_numbers() {
        let check = |name: &str, expected: Result<NamedThreshold, ()>| {
            assert_eq!(name.parse::<NamedThreshold>().map_err(|_| ()), expected, "{name}");
        };
        check("own", Ok(NamedThreshold::Own));
        check("micro-f1", Ok(NamedThreshold::MicroF1));
        check("0.25", Ok(NamedThreshold::Fixed(0.25)));
        check("1", Err(()));
        check("-0.1", Err(()));
        check("nan", Err(()));
        check("best", Err(()));
    }

    #[test]
    fn the_deepest_row_decides() {
        let scores = Matrix::new(vec![0.9, 0.2, 0.1, 0.6, 0.7, 0.5], 2, 3);
        assert_eq!(most_above(&scores, Some(0.5)), 2);
        assert_eq!(most_above(&scores, Some(0.0)), 3);
        assert_eq!(most_above(&scores, None), 0);
    }
}

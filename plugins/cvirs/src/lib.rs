//! CVIRS: category-vector inconsistency and ranking of scores (Reyes, Morell and Ventura 2018).
//!
//! Two views of a text are multiplied: how uncertain the classifier is about its labels, compared
//! with the other texts ([`ranks`]), and how much the predicted label set differs from those of the
//! labeled texts ([`inconsistency`]). Both are exact, in closed forms that cost next to nothing once
//! the logits are there, and the bits of a score do not depend on the number of threads. See the
//! crate's README for formulas, choices and departures.

#![forbid(unsafe_code)]

pub mod inconsistency;
pub mod label_sets;
pub mod overlaps;
pub mod ranks;
pub mod scores;

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::labels;

use label_sets::{LabelSets, NotANumber, logit_cutoff};
use ranks::Ties;

#[derive(Params)]
pub struct CvirsParams {
    /// How texts of equal margin share ranks: by id, or all the mean of the ranks they cover.
    #[param(default = "index")]
    ties: Ties,
}

pub struct Cvirs {
    params: CvirsParams,
}

impl Strategy for Cvirs {
    type Params = CvirsParams;

    fn new(params: CvirsParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let labeled = labeled_sets(ctx)?;
        let threshold = ctx.threshold();
        if threshold.is_nan() {
            return Err("there is no threshold yet, so nothing is predicted".into());
        }
        let logits = ctx.logits(ctx.pool())?; // [pool, labels]
        let scores = scores::scores(logits, logit_cutoff(threshold), &labeled, self.params.ties)
            .map_err(|place| not_a_number(ctx, place))?;
        Ok(Selection::highest(ctx.pool(), scores, n))
    }
}

fn labeled_sets(ctx: &Context<'_>) -> Result<LabelSets> {
    labels::need_labeled(ctx, "CVIRS compares predictions with labels")?;
    let labeled = ctx.labeled();
    Ok(LabelSets::from_rows((0..labeled.len()).map(|i| labeled.labels(i))))
}

fn not_a_number(ctx: &Context<'_>, place: NotANumber) -> Error {
    let NotANumber { row, label } = place;
    let text = ctx.pool()[row].0;
    Error::new(format!(
        "the logit of label {label} for text {text} is not a number\n\
         hint: the training has diverged; try a lower learning rate"
    ))
}

export_strategy!(
    Cvirs,
    id = "cvirs",
    summary = "uncertain in many labels, and predicted unlike what is labeled",
    citation = "Reyes, Morell and Ventura, Neurocomputing 273, 2018",
    needs = [LOGITS],
);

#[cfg(test)]
mod golden;

#[cfg(test)]
mod tests {
    use alhost_plugin_api::testing::{StandIn, check_contract};

    use super::*;

    #[test]
    fn it_keeps_the_contract() {
        check_contract::<Cvirs>("{}", &[LOGITS], false);
        check_contract::<Cvirs>(r#"{"ties": "midrank"}"#, &[LOGITS], false);
    }

    /// Five texts, two labels; text 4 is labeled with label 0. Of the others n = 4, q = 2:
    ///
    /// | text | logits | points by label | s | predicted | v | score |
    /// | --- | --- | --- | --- | --- | --- | --- |
    /// | 0 | 1, 4 | 3, 0 | 3/6 | both | 1 | 3/6 |
    /// | 1 | -2, 3 | 2, 1 | 3/6 | 1 | 1 | 3/6 |
    /// | 2 | 3, -2 | 1, 2 | 3/6 | 0 | 0 | 0 |
    /// | 3 | -4, -1 | 0, 3 | 3/6 | none | 1 | 3/6 |
    fn host(threshold: f32) -> StandIn {
        let logits = vec![1.0, 4.0, -2.0, 3.0, 3.0, -2.0, -4.0, -1.0, 0.0, 0.0];
        StandIn::new(5, 2).labeled(&[(4, &[0])]).logits(logits).threshold(threshold)
    }

    fn check(threshold: f32, expected: &[(u32, f64)]) {
        let selection = host(threshold).select::<Cvirs>("{}", 4).unwrap();
        let scores = selection.scores.unwrap();
        let got: Vec<(u32, f64)> = selection.ids.iter().map(|id| id.0).zip(scores).collect();
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert_eq!(got.0, expected.0, "{got:?}");
            assert!((got.1 - expected.1).abs() < 1e-12, "{got:?}, expected {expected:?}");
        }
    }

    #[test]
    fn a_prediction_like_what_is_labeled_comes_last() {
        check(0.5, &[(0, 0.5), (1, 0.5), (3, 0.5), (2, 0.0)]);
    }

    /// Above 0.95 (a logit of 2.94) text 0 is predicted label 1 alone, text 2 still label 0; below
    /// 0.015 (-4.18) all four are predicted both labels, which says nothing about label 0.
    #[test]
    fn the_tuned_threshold_decides_what_is_predicted() {
        check(0.95, &[(0, 0.5), (1, 0.5), (3, 0.5), (2, 0.0)]);
        check(0.015, &[(0, 0.5), (1, 0.5), (2, 0.5), (3, 0.5)]);
    }

    #[test]
    fn ties_change_who_is_selected() {
        // Text 1 shares every margin with text 0, which has the lower id.
        let logits = vec![1.0, 1.0, -1.0, -1.0, 2.0, 0.5, 0.0, 0.0];
        let host = StandIn::new(4, 2).labeled(&[(3, &[])]).logits(logits);
        let scores = |params: &str| host.select::<Cvirs>(params, 9).unwrap().scores.unwrap();
        assert_ne!(scores("{}"), scores(r#"{"ties": "midrank"}"#));
    }

    fn message(host: &StandIn) -> String {
        host.select::<Cvirs>("{}", 1).unwrap_err().message().to_owned()
    }

    #[test]
    fn what_is_missing_or_broken_is_named() {
        assert!(message(&StandIn::new(5, 2)).starts_with("no text is labeled yet"));
        assert!(message(&host(f32::NAN)).starts_with("there is no threshold yet"));
        let mut logits = vec![0.5; 10];
        logits[7] = f32::NAN;
        let host = StandIn::new(5, 2).labeled(&[(1, &[0])]).logits(logits);
        assert!(message(&host).starts_with("the logit of label 1 for text 3 is not a number"));
    }
}

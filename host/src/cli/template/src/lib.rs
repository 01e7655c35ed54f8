//! `my-strategy`: which unlabeled texts should be labeled next.
//!
//! Active learning goes in rounds. In each, alhost trains a classifier on the texts labeled so far,
//! then asks a *query strategy* for the `n` texts of the *pool* (those not labeled yet) whose labels
//! would help most. This crate is such a strategy, built as a shared library: alhost loads it and
//! needs not be compiled again. It has four parts, in this order:
//!
//! 1. parameters, which users can set in a config;
//! 2. the strategy: `new` is called once, `select` once a round;
//! 3. `export_strategy!`, which makes the crate a plugin;
//! 4. tests, against a stand-in for alhost that needs no model.
//!
//! What stands here works: it is *least confidence* for texts with many labels. A text's score is
//!
//! ```text
//! score(x) = mean of min(p, 1 - p) over the k labels that are most probable for x
//! ```
//!
//! and the texts of the highest scores are selected: those whose likely labels are closest to a coin
//! toss. Of hundreds of labels nearly all have a probability near 0 for any text, and a mean over all
//! of them would tell how many labels there are, not how unsure the classifier is; so it is taken
//! over the likely ones only. Put your own idea in its place: `score` is the function to begin with.

// What the boundary needs of unsafe code is inside `export_strategy!`.
#![forbid(unsafe_code)]

use alhost_plugin_api::prelude::*;

// -- 1. Parameters ------------------------------------------------------------------------------

/// The parameters that a user can set, in a config (`params.top_labels = 3`) or on the command line
/// (`--set strategy.my-strategy.params.top_labels=3`). Each comment is the help text that `alhost
/// plugin inspect` shows. alhost refuses a misspelt name or a value out of range before anything
/// runs.
#[derive(Params)]
pub struct MyStrategyParams {
    /// Labels to average over: the k most probable of each text.
    #[param(default = 5, min = 1)]
    pub top_labels: u32,
}

// -- 2. The strategy ----------------------------------------------------------------------------

pub struct MyStrategy {
    params: MyStrategyParams,
}

impl Strategy for MyStrategy {
    type Params = MyStrategyParams;

    /// Creates the strategy, once and before the first round. `_env` says how many texts and labels
    /// there are.
    fn new(params: MyStrategyParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    /// Selects texts, once a round, with a freshly trained classifier. `ctx` is alhost for the
    /// length of this call: it lends the pool, the labeled texts with their labels, and what the
    /// classifier says.
    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        // One row a text of the pool, one column a label; computed by alhost, borrowed, not copied.
        // For pools whose matrix does not fit in memory there is `ctx.stream`.
        let probabilities = ctx.probabilities(ctx.pool())?;
        let k = self.params.top_labels as usize;
        let scores = probabilities.rows().map(|row| score(row, k));
        // The n highest, best first; ties go to the lower id, so that every machine agrees.
        Ok(Selection::highest(ctx.pool(), scores, n))
    }

    // A strategy that draws lots takes them from `ctx.rng("a name")` and from nowhere else, and says
    // `stochastic = true` below. One that remembers something from round to round implements `save`
    // and `load` as well, so that a run that was killed can go on.
}

/// Mean of min(p, 1 - p) over the `k` highest of one text's probabilities; from 0 (sure) to 0.5.
fn score(probabilities: &[f32], k: usize) -> f64 {
    let mut likely = probabilities.to_vec();
    if k < likely.len() {
        // Puts the k highest first, in no order: all that a mean needs, and quicker than sorting.
        likely.select_nth_unstable_by(k, |a, b| b.total_cmp(a));
        likely.truncate(k);
    }
    // Sums are in f64, so that they do not depend on rounding.
    let sum: f64 = likely.iter().map(|&p| f64::from(p.min(1.0 - p))).sum();
    sum / likely.len().max(1) as f64
}

// -- 3. What makes it a plugin ------------------------------------------------------------------

export_strategy!(
    MyStrategy,
    // What people write in configs, and what names its folder of records.
    id = "my-strategy",
    summary = "texts whose most probable labels are closest to a coin toss",
    citation = "confidence averaged over labels as in Esuli and Sebastiani, ECIR 2009, here over the likely ones",
    // Everything that `select` asks for must be listed: alhost refuses the rest.
    needs = [PROBABILITIES],
);

// -- 4. Tests -----------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use alhost_plugin_api::testing::{StandIn, check_contract};

    use super::*;

    // The right number of texts, all of the pool, none twice, nothing asked for that is not listed,
    // the same again for the same seed: what every strategy owes.
    #[test]
    fn it_keeps_the_contract() {
        check_contract::<MyStrategy>("{}", &[PROBABILITIES], false);
    }

    fn check_score(probabilities: &[f32], k: usize, expected: f64) {
        let got = score(probabilities, k);
        assert!(
            (got - expected).abs() < 1e-6,
            "{got} for {probabilities:?}, k = {k}"
        );
    }

    #[test]
    fn the_score_is_the_mean_doubt_about_the_likely_labels() {
        check_score(&[0.5, 0.1, 0.9], 1, 0.1); // 0.9 is the likeliest
        check_score(&[0.5, 0.1, 0.9], 2, 0.3); // (0.1 + 0.5) / 2
        check_score(&[0.5, 0.1, 0.9], 3, 0.7 / 3.0);
        check_score(&[0.5, 0.1, 0.9], 99, 0.7 / 3.0); // no more labels than there are
        check_score(&[0.0, 1.0], 2, 0.0);
        check_score(&[], 2, 0.0);
    }

    // Logits of three texts, two labels each; a logit of 0 is a probability of 0.5.
    fn order(params: &str) -> Vec<u32> {
        let host = StandIn::new(3, 2).logits(vec![4.0, 3.9, 9.0, 0.0, 1.0, -9.0]);
        let selection = host.select::<MyStrategy>(params, 3).unwrap();
        selection.ids.iter().map(|id| id.0).collect()
    }

    #[test]
    fn the_least_sure_text_comes_first_and_the_parameter_decides_what_sure_means() {
        assert_eq!(order(r#"{"top_labels": 1}"#), [2, 0, 1]);
        assert_eq!(order(r#"{"top_labels": 2}"#), [1, 2, 0]);
    }
}

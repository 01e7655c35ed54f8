//! EGL: expected gradient length (Settles, Craven and Ray 2007) of the last layer, in closed form.
//!
//! Were a text labeled, its loss would move the last layer by some gradient. Its labels are not known, but the
//! classifier has a probability for each; the expected length of the gradient says how much is to be learnt of
//! the text. See the crate's README for the formula, choices and departures.

#![forbid(unsafe_code)]

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::rows::{check_finite, dot};
use rayon::prelude::*;

#[derive(Params)]
pub struct EglParams {
    /// What is expected: the root mean square of the whole gradient's length, or the sum of the labels' lengths.
    #[param(default = "root")]
    form: Form,
}

/// The length that is expected.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Root of the expected squared length of the gradient.
    Root,
    /// Sum over labels of the expected length of that label's part of the gradient.
    Sum,
}

pub struct Egl {
    params: EglParams,
}

impl Strategy for Egl {
    type Params = EglParams;

    fn new(params: EglParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let features = ctx.features(ctx.pool())?; // [pool, width]
        let probabilities = ctx.probabilities(ctx.pool())?; // [pool, labels]
        check_finite(features, "features", ctx.pool())?;
        check_finite(probabilities, "probabilities", ctx.pool())?;
        let scores = lengths(probabilities, features, self.params.form);
        Ok(Selection::highest(ctx.pool(), scores, n))
    }
}

/// The expected length of each text's gradient.
pub fn lengths(probabilities: Matrix<'_>, features: Matrix<'_>, form: Form) -> Vec<f64> {
    let of = |text: usize| length(probabilities.row(text), features.row(text), form);
    (0..probabilities.n_rows()).into_par_iter().map(of).collect()
}

/// The gradient of label l is (p - y) [h; 1], where y is 1 with probability p, and 0 otherwise. So the expected
/// square of p - y is p (1 - p), and its expected absolute value twice that.
fn length(probabilities: &[f32], features: &[f32], form: Form) -> f64 {
    let variance = |&p: &f32| f64::from(p) * (1.0 - f64::from(p));
    let variances: f64 = probabilities.iter().map(variance).sum();
    let residual = match form {
        Form::Root => variances.sqrt(),
        Form::Sum => 2.0 * variances,
    };
    // The 1 is the input of the bias.
    residual * (1.0 + dot(features, features)).sqrt()
}

export_strategy!(
    Egl,
    id = "egl",
    summary = "texts of which the largest change of the last layer is expected",
    citation = "Settles, Craven and Ray, NIPS 2007",
    needs = [FEATURES, PROBABILITIES],
);

#[cfg(test)]
mod tests;

//! BADGE on golden values and on small pools made by hand.

use alhost_golden::Case;
use alhost_plugin_api::prelude::*;
use alhost_plugin_api::testing::{StandIn, check_contract};
use proptest::prelude::*;

use super::Badge;
use super::gradients::Gradients;
use super::seeding::Seeding;

const NEEDS: [&str; 2] = [PROBABILITIES, FEATURES];

/// Picks by numbers that are given, of which the first is not used.
fn picks(gradients: &Gradients<'_>, uniforms: &[f64]) -> Vec<u32> {
    let mut seeding = Seeding::new(gradients);
    uniforms.iter().take(gradients.squares().len()).map(|&u| seeding.pick(u)).collect()
}

/// `n` rows of the case's arrays.
fn golden_picks(case: &Case, threshold: f64) -> Vec<u32> {
    let n = case.rows("proba");
    let (proba, emb) = (case.f32s("proba"), case.f32s("emb"));
    let width = case.cols("emb");
    let proba = Matrix::new(&proba, n, case.cols("proba"));
    let emb = Matrix::new(&emb[..n * width], n, width);
    picks(&Gradients::new(proba, emb, threshold), case.values("badge_uniforms"))
}

#[test]
fn golden_picks_of_the_shelf() {
    for case in alhost_golden::all() {
        case.assert_picks("badge_picks", &golden_picks(&case, case.number("threshold")));
    }
    let misc = alhost_golden::misc();
    misc.assert_picks("badge_picks", &golden_picks(&misc, 0.5));
}

#[test]
fn it_keeps_the_contract() {
    check_contract::<Badge>("{}", &NEEDS, true);
}

/// Residuals 0.5, -0.2 and 0.1 (of a probability of 0.8, which is predicted), on features of one number.
#[test]
fn the_longest_comes_first_and_copies_last() {
    let (proba, features) = ([0.5, 0.8, 0.1, 0.8], [1.0, 3.0, 1.0, 3.0]);
    let gradients = Gradients::new(Matrix::new(&proba, 4, 1), Matrix::new(&features, 4, 1), 0.5);
    for (square, expected) in gradients.squares().iter().zip([0.25, 0.36, 0.01, 0.36]) {
        assert!((square - expected).abs() < 1e-7, "{square}, expected {expected}");
    }
    // Texts 0 and 2 lie at 0.5 and 0.1, text 1 at -0.6: 1.21 and 0.49 from it, squared, and text 3 at 0.
    assert_eq!(picks(&gradients, &[0.9, 0.0, 0.0, 0.0]), [1, 0, 2, 3]);
    assert_eq!(picks(&gradients, &[0.9, 0.72, 0.0, 0.99]), [1, 2, 0, 3]);
}

#[test]
fn another_threshold_predicts_other_labels() {
    let select = |threshold: f32| {
        let host = StandIn::new(60, 8).threshold(threshold).seed(3);
        host.select::<Badge>("{}", 9).unwrap().ids
    };
    assert_ne!(select(0.5), select(0.1));
}

#[test]
fn a_text_whose_numbers_are_none_is_named() {
    let mut vectors = vec![1.0; 10 * 2];
    vectors[7 * 2] = f32::NAN;
    let error = StandIn::new(10, 3).vectors(vectors, 2).select::<Badge>("{}", 3).unwrap_err();
    assert!(error.message().starts_with("features of text 7 are not"), "{error}");
}

#[test]
fn a_cancelled_run_stops() {
    let host = StandIn::new(20, 3).cancelled_after(2);
    assert_eq!(host.select::<Badge>("{}", 5).unwrap_err(), Error::cancelled());
}

proptest! {
    /// Against gradients that are built, and differences that are squared.
    #[test]
    fn distances_are_those_of_the_gradients(
        rows in prop::collection::vec((prop::array::uniform5(0.0_f32..=1.0), prop::array::uniform3(-3.0_f32..3.0)), 1..12),
        threshold in 0.1_f64..0.9,
    ) {
        let proba: Vec<f32> = rows.iter().flat_map(|row| row.0).collect();
        let features: Vec<f32> = rows.iter().flat_map(|row| row.1).collect();
        let n = rows.len();
        let matrix = |data, cols| Matrix::new(data, n, cols);
        let gradients = Gradients::new(matrix(&proba, 5), matrix(&features, 3), threshold);
        let built: Vec<Vec<f64>> = rows
            .iter()
            .map(|(p, h)| {
                let residual = |&p: &f32| f64::from(p) - f64::from(u8::from(f64::from(p) > threshold));
                p.iter().flat_map(|p| h.map(|h| residual(p) * f64::from(h))).collect()
            })
            .collect();
        for pick in 0..n {
            let mut nearest = vec![f64::INFINITY; n];
            gradients.lower(&mut nearest, pick);
            for (row, got) in built.iter().zip(nearest) {
                let expected: f64 = row.iter().zip(&built[pick]).map(|(a, b)| (a - b).powi(2)).sum();
                prop_assert!((got - expected).abs() < 1e-10, "{got}, expected {expected}");
            }
        }
    }
}

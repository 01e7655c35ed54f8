//! The one threshold that turns scores into label sets, found exactly: metrics change only where
//! the threshold passes a score, so walking down the sorted scores sees every value they can take.

use alhost_base::matrix::Matrix;
use alhost_data::Labels;
use rayon::prelude::*;

use super::descending::{Descending, between, score};
use super::f1::evaluate;
use super::sweep::{Sweep, Walk, tag};

/// The best threshold that there is, for each criterion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optima {
    /// Optimum of `Metrics::micro_f1`.
    pub micro: Optimum,
    /// Optimum of `Metrics::macro_f1_paper`.
    pub macro_paper: Optimum,
    /// Optimum of `Metrics::macro_f1`.
    pub macro_sklearn: Optimum,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimum {
    /// Half-way between two neighbouring scores; predicted is `s > threshold`. Among equally good
    /// thresholds, the one in the widest gap between scores, then the higher one. Infinite, which
    /// predicts nothing, where no threshold finds a single gold label.
    pub threshold: f32,
    /// The criterion's value at that threshold.
    pub value: f64,
}

/// Finds the exact global optimum of all three criteria in one sweep over the sorted `scores`
/// (texts x labels). A NaN is above no threshold. The answer depends neither on the order of the
/// texts nor on the number of threads.
///
/// # Panics
/// If `scores` and `gold` differ in texts or labels.
pub fn optima(scores: &Matrix, gold: &Labels) -> Optima {
    // Measured: the sweep can stop after some 5% of the scores.
    optima_from(scores, gold, (scores.data.len() as u64 * 6).div_ceil(100))
}

/// The threshold above which there are `labels_per_text` labels a text, in the mean over `scores`:
/// half-way between the K-th and the (K+1)-th highest score, K = round(texts · labels per text).
pub fn cardinality_threshold(scores: &Matrix, labels_per_text: f64) -> f32 {
    let wanted = (scores.rows as f64 * labels_per_text).round() as usize;
    let chunk = Descending::new(scores).next_chunk(wanted as u64 + 1, |_, _| 0);
    let value = |place: usize| chunk.get(place).map(|&entry| score((entry >> 32) as u32));
    match (wanted.checked_sub(1).and_then(value), value(wanted)) {
        (Some(last_in), Some(first_out)) => between(last_in, first_out),
        // None is wanted: the highest score itself is not above this.
        (None, Some(highest)) => highest,
        // All are wanted, or more than there are.
        (_, None) => chunk.last().map_or(0.0, |&lowest| score((lowest >> 32) as u32).next_down()),
    }
}

fn optima_from(scores: &Matrix, gold: &Labels, first_chunk: u64) -> Optima {
    assert_eq!(scores.rows, gold.len(), "scores and gold labels are of the same texts");
    assert_eq!(scores.cols, gold.n_labels(), "scores and gold labels are of the same classes");
    let mut descending = Descending::new(scores);
    let mut sweep = Sweep::new(gold);
    let mut at_least = first_chunk;
    loop {
        let chunk = descending.next_chunk(at_least, |text, label| tag(gold, text, label));
        if chunk.is_empty() {
            sweep.end();
            break;
        }
        if sweep.walk(&chunk) == Walk::Closed {
            break;
        }
        at_least = at_least.saturating_mul(2);
    }
    let thresholds = sweep.thresholds();
    recount(scores, gold, thresholds)
}

/// The values at the thresholds found, from whole counts: those of the sweep are running sums.
fn recount(scores: &Matrix, gold: &Labels, thresholds: [f32; 3]) -> Optima {
    let metrics: Vec<_> =
        thresholds.par_iter().map(|&threshold| evaluate(scores, gold, threshold)).collect();
    let optimum = |criterion: usize, value| Optimum { threshold: thresholds[criterion], value };
    Optima {
        micro: optimum(0, metrics[0].micro_f1),
        macro_paper: optimum(1, metrics[1].macro_f1_paper),
        macro_sklearn: optimum(2, metrics[2].macro_f1),
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    use super::*;

    fn uniform(rng: &mut ChaCha8Rng) -> f64 {
        (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Small scores and labels; every second case has heavy ties, some have NaN or no gold label.
    fn random_case(case: u64) -> (Matrix, Labels) {
        let mut rng = ChaCha8Rng::seed_from_u64(case);
        let rows = 5 + (rng.next_u32() % 17) as usize;
        let cols = 2 + (rng.next_u32() % 7) as usize;
        let mut gold = Labels::new(cols);
        let mut scores = Matrix::zeros(rows, cols);
        for row in 0..rows {
            let mut labels = Vec::new();
            for label in 0..cols {
                let p = uniform(&mut rng);
                if !case.is_multiple_of(11) && uniform(&mut rng) < 0.6 * p {
                    labels.push(label as u32);
                }
                let p = if case.is_multiple_of(2) { (p * 20.0).round() / 20.0 } else { p };
                let logit = if case.is_multiple_of(3) { p - 0.5 } else { p };
                let is_nan = case.is_multiple_of(13) && rng.next_u32().is_multiple_of(5);
                scores.row_mut(row)[label] = if is_nan { f32::NAN } else { logit as f32 };
            }
            gold.push(&labels);
        }
        (scores, gold)
    }

    fn values(optima: &Optima) -> [Optimum; 3] {
        [optima.micro, optima.macro_paper, optima.macro_sklearn]
    }

    /// The best values over every threshold that makes a difference.
    fn brute_force(scores: &Matrix, gold: &Labels) -> [f64; 3] {
        let mut best = [0.0_f64; 3];
        for &score in scores.data.iter() {
            if score.is_nan() {
                continue;
            }
            let metrics = evaluate(scores, gold, score.next_down());
            let values = [metrics.micro_f1, metrics.macro_f1_paper, metrics.macro_f1];
            best = std::array::from_fn(|criterion| best[criterion].max(values[criterion]));
        }
        best
    }

    #[test]
    fn the_optimum_is_that_of_brute_force() {
        for case in 0..500 {
            let (scores, gold) = random_case(case);
            let found = optima(&scores, &gold);
            let best = brute_force(&scores, &gold);
            for (found, best) in values(&found).into_iter().zip(best) {
                assert!((found.value - best).abs() < 1e-12, "case {case}: {found:?}, not {best}");
            }
            let at = evaluate(&scores, &gold, found.macro_paper.threshold).macro_f1_paper;
            assert!((at - found.macro_paper.value).abs() < 1e-15, "case {case}");
        }
    }

    #[test]
    fn the_partial_sweep_is_the_full_one() {
        for case in 0..300 {
            let (scores, gold) = random_case(case);
            let full = optima_from(&scores, &gold, u64::MAX);
            assert_eq!(optima_from(&scores, &gold, 1), full, "case {case}");
        }
    }

    #[test]
    fn threads_and_the_order_of_texts_change_no_bit() {
        let (scores, gold) = calibrated(3_000, 40);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| optima(&scores, &gold))
        };
        let one = on(1);
        assert_eq!(one, on(4));

        let mut reversed = Vec::new();
        let mut reversed_gold = Labels::new(scores.cols);
        for row in (0..scores.rows).rev() {
            reversed.extend_from_slice(scores.row(row));
            reversed_gold.push(gold.row(row));
        }
        let reversed = Matrix::new(reversed, scores.rows, scores.cols);
        assert_eq!(one, optima(&reversed, &reversed_gold));
    }

    /// Scores that are the very probabilities with which labels were drawn.
    fn calibrated(rows: usize, cols: usize) -> (Matrix, Labels) {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut gold = Labels::new(cols);
        let mut scores = Matrix::zeros(rows, cols);
        for row in 0..rows {
            let mut labels = Vec::new();
            for label in 0..cols {
                let p = uniform(&mut rng).powi(3);
                scores.row_mut(row)[label] = p as f32;
                if uniform(&mut rng) < p {
                    labels.push(label as u32);
                }
            }
            gold.push(&labels);
        }
        (scores, gold)
    }

    /// Lipton, Elkan & Narayanaswamy 2014: for calibrated scores the threshold that is best for
    /// F1 is half of the best F1.
    #[test]
    fn calibrated_scores_have_their_micro_optimum_at_half_of_it() {
        let (scores, gold) = calibrated(20_000, 20);
        let best = optima(&scores, &gold).micro;
        assert!((f64::from(best.threshold) - best.value / 2.0).abs() < 0.01, "{best:?}");
    }

    /// One label; texts with these scores, and which of them carry the label.
    fn check(scores: &[f32], gold: &[usize], expected: f32) {
        let mut labels = Labels::new(1);
        for text in 0..scores.len() {
            labels.push(if gold.contains(&text) { &[0] } else { &[] });
        }
        let scores = Matrix::new(scores.to_vec(), scores.len(), 1);
        for optimum in values(&optima(&scores, &labels)) {
            assert_eq!(optimum.threshold.to_bits(), expected.to_bits(), "{optimum:?}");
        }
    }

    #[test]
    fn the_threshold_is_in_the_middle_of_the_widest_gap() {
        check(&[0.75, 0.25], &[0], 0.5);
        // F1 is 2/3 above 0.75 and above 0.0; the wider gap is the second.
        check(&[1.0, 0.75, 0.5, 0.0, -1.0], &[0, 3], -0.5);
        // The same with gaps of equal width: the higher one.
        check(&[1.0, 0.5, 0.25, 0.0, -0.5], &[0, 3], 0.75);
        // Neighbouring numbers have no middle.
        check(&[0.5, 0.5_f32.next_down()], &[0], 0.5_f32.next_down());
        // Everything is predicted by any threshold below the lowest score.
        check(&[0.5, 0.25], &[0, 1], 0.25_f32.next_down());
        // No gold label: nothing is predicted.
        check(&[0.5, 0.25], &[], f32::INFINITY);
    }

    #[test]
    fn cardinality_asks_for_so_many_labels_a_text() {
        let scores = Matrix::new(vec![0.9, 0.1, 0.7, 0.3, 0.5, 0.5], 2, 3);
        let check = |labels_per_text, expected: f32| {
            let threshold = cardinality_threshold(&scores, labels_per_text);
            assert!((threshold - expected).abs() < 1e-6, "{labels_per_text}: {threshold}");
        };
        check(0.0, 0.9);
        check(0.5, 0.8);
        check(1.0, 0.6);
        // The third and the fourth are equal, so only two are above.
        check(1.5, 0.5);
        check(2.0, 0.4);
        check(3.0, 0.1_f32.next_down());
        check(9.0, 0.1_f32.next_down());
    }
}

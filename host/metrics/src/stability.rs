//! Measures what stopping rules look at: how much two models agree, and how sure a model is.

use alhost_base::matrix::Matrix;

/// Cohen's kappa between two sets of predictions, each (text, label) one yes-or-no decision:
/// (o - e) / (1 - e), where o is the share of equal decisions and e the share that is
/// expected from how often each says yes. 0/0 is 0: two models that predict nothing do not agree on
/// anything.
///
/// Each text has its labels ascending.
///
/// # Panics
/// If the two are not of the same number of texts.
pub fn kappa(first: &[Vec<u32>], second: &[Vec<u32>], n_labels: usize) -> f64 {
    assert_eq!(first.len(), second.len(), "predictions are of the same texts");
    let both: usize = first.iter().zip(second).map(|(a, b)| common(a, b)).sum();
    let count = |predicted: &[Vec<u32>]| predicted.iter().map(Vec::len).sum::<usize>();
    let all = (first.len() * n_labels) as f64;
    let (yes_first, yes_second) = (count(first), count(second));
    let neither = all - (yes_first + yes_second - both) as f64;
    let (yes_first, yes_second) = (yes_first as f64 / all, yes_second as f64 / all);
    let observed = (both as f64 + neither) / all;
    let expected = yes_first * yes_second + (1.0 - yes_first) * (1.0 - yes_second);
    let kappa = (observed - expected) / (1.0 - expected);
    if kappa.is_finite() { kappa } else { 0.0 }
}

/// Labels that are in both lists, which are ascending.
fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().filter(|label| b.binary_search(label).is_ok()).count()
}

/// Mean entropy of a text's label set in bits, its labels taken as independent: the mean over texts
/// of the sum over labels of -(s log2 s + (1 - s) log2(1 - s)). A NaN counts as 0.5, since nothing
/// is known there; 0 without texts.
pub fn uncertainty(probabilities: &Matrix) -> f64 {
    if probabilities.rows == 0 {
        return 0.0;
    }
    let bits: f64 = probabilities.data.iter().map(|&share| entropy(f64::from(share))).sum();
    bits / probabilities.rows as f64
}

fn entropy(share: f64) -> f64 {
    if share.is_nan() {
        return 1.0;
    }
    let part = |share: f64| if share > 0.0 { -share * share.log2() } else { 0.0 };
    part(share) + part(1.0 - share)
}

/// The labels of each text whose probability is above `threshold`, ascending.
pub fn predicted(probabilities: &Matrix, threshold: f32) -> Vec<Vec<u32>> {
    (0..probabilities.rows)
        .map(|text| {
            let row = probabilities.row(text).iter().enumerate();
            row.filter(|&(_, &share)| share > threshold).map(|(label, _)| label as u32).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lists<const N: usize>(lists: [&[u32]; N]) -> Vec<Vec<u32>> {
        lists.map(<[u32]>::to_vec).to_vec()
    }

    #[test]
    fn kappa_is_that_of_scikit_learn() {
        let first = lists([&[0, 2], &[1], &[], &[4], &[0, 1, 2], &[3]]);
        // cohen_kappa_score of scikit-learn 1.9.1 on the flattened indicator matrices.
        let check = |second: &[Vec<u32>], expected: f64| {
            let value = kappa(&first, second, 5);
            assert!((value - expected).abs() < 1e-12, "{value}");
        };
        check(&lists([&[0], &[1], &[2], &[3, 4], &[0, 1], &[3]]), 0.659_090_909_090_909_1);
        check(&lists([&[1], &[0], &[0, 1], &[2], &[3], &[4]]), -0.331_360_946_745_562_05);
        check(&first, 1.0);
    }

    #[test]
    fn models_that_predict_nothing_or_everything_do_not_agree() {
        let (nothing, everything) = (lists([&[], &[]]), lists([&[0, 1], &[0, 1]]));
        assert!(kappa(&nothing, &nothing, 2).abs() < 1e-15);
        assert!(kappa(&everything, &everything, 2).abs() < 1e-15);
        assert!(kappa(&nothing, &everything, 2).abs() < 1e-15);
    }

    #[test]
    fn uncertainty_is_the_mean_of_the_bits_of_a_text() {
        let check = |data: &[f32], rows: usize, expected: f64| {
            let matrix = Matrix::new(data.to_vec(), rows, data.len() / rows.max(1));
            let value = uncertainty(&matrix);
            assert!((value - expected).abs() < 1e-6, "{value}");
        };
        check(&[0.5, 0.5, 0.5], 1, 3.0);
        check(&[0.0, 1.0, 1.0, 0.0], 2, 0.0);
        // scipy.stats.entropy, base 2, summed over labels and averaged over texts.
        check(&[0.5, 0.1, 0.9, 0.01], 2, 1.009_392_161_537_236_8);
        check(&[f32::NAN, 0.0], 1, 1.0);
        check(&[], 0, 0.0);
    }

    #[test]
    fn a_label_is_predicted_above_the_threshold_and_not_at_it() {
        let scores = Matrix::new(vec![0.2, 0.5, 0.7, 0.1, 0.5, 0.5], 2, 3);
        assert_eq!(predicted(&scores, 0.5), lists([&[2], &[]]));
        assert_eq!(predicted(&scores, 0.15), lists([&[0, 1, 2], &[1, 2]]));
    }

    proptest! {
        #[test]
        fn kappa_is_that_of_the_dense_table(
            cells in prop::collection::vec((any::<bool>(), any::<bool>()), 12),
        ) {
            let list = |of: fn(&(bool, bool)) -> bool| -> Vec<Vec<u32>> {
                let rows = cells.chunks(4);
                let row = |row: &[(bool, bool)]| (0..4).filter(|&i| of(&row[i as usize])).collect();
                rows.map(row).collect()
            };
            let n = |a: bool, b: bool| cells.iter().filter(|&&cell| cell == (a, b)).count() as f64;
            let (yes, no, only_a, only_b) =
                (n(true, true), n(false, false), n(true, false), n(false, true));
            let agreed = (yes + no) / 12.0;
            let chance = ((yes + only_a) * (yes + only_b) + (no + only_b) * (no + only_a)) / 144.0;
            let value = kappa(&list(|cell| cell.0), &list(|cell| cell.1), 4);
            if chance < 1.0 {
                prop_assert!((value - (agreed - chance) / (1.0 - chance)).abs() < 1e-9);
            } else {
                prop_assert!(value.abs() < 1e-9);
            }
        }
    }
}

//! The weight of each label, once labels that occur together share what is learned.

use alhost_plugin_kit::cooccurrence::Cooccurrence;

/// Sums of the columns of the matrix by which gains of labels are mixed:
///
/// ```text
/// A = I + offdiag(P(j|i)) / (2 max_i sum_{j != i} P(j|i))      P(j|i) = c_ij / n_i, 0 where n_i = 0
/// mixed = sum_i sum_j A_ij gain_j = sum_j a_j gain_j           a_j = sum_i A_ij
/// ```
///
/// So a weight is at least 1, and larger for a label that follows from many others. A = I where no two labels
/// occur together.
pub fn weights(labeled: &Cooccurrence) -> Vec<f64> {
    let labels = 0..labeled.n_labels() as u32;
    let share = |label: u32, together: u32| f64::from(together) / f64::from(labeled.count(label));
    let from = |label: u32| {
        labeled.beside(label).iter().map(|&(_, together)| share(label, together)).sum::<f64>()
    };
    let most = labels.clone().map(from).fold(0.0, f64::max);
    let mut weights = vec![1.0; labeled.n_labels()];
    for label in labels {
        for &(other, together) in labeled.beside(label) {
            weights[other as usize] += share(label, together) / (2.0 * most);
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_weights() {
        for case in alhost_golden::all() {
            let n_labels = case.cols("proba");
            let labeled = crate::tests::labeled(&case);
            let labeled: Vec<&[u32]> = labeled.iter().map(Vec::as_slice).collect();
            case.assert_close("crab_weights", &weights(&Cooccurrence::of(&labeled, n_labels)));
        }
    }

    /// P(0|1) = 1, P(1|0) = 1/2, P(2|0) = 1/2, P(0|2) = 1: at most 1 from any label.
    #[test]
    fn a_label_that_follows_from_others_weighs_more() {
        let labeled = Cooccurrence::of(&[&[0, 1], &[0, 2]], 4);
        for (got, expected) in weights(&labeled).iter().zip([2.0, 1.25, 1.25, 1.0]) {
            assert!((got - expected).abs() < 1e-12, "{got}, expected {expected}");
        }
    }
}

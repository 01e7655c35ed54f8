//! Two measures of probabilities that know no threshold, for early stopping and for choosing C on dev:
//! average precision and cross-entropy.

use alhost_base::matrix::Matrix;
use alhost_data::Labels;

use super::descending::Descending;
use super::sweep::tag;

/// Micro-averaged average precision: all (text, label) pairs in one list, from the highest score down;
/// `sum_k (R_k - R_(k-1)) P_k` over its groups of equal scores, as scikit-learn's
/// `average_precision_score(average="micro")`. 0 where no text has a label.
///
/// # Panics
/// If `scores` and `gold` differ in texts or labels.
pub fn average_precision(scores: &Matrix, gold: &Labels) -> f64 {
    assert_eq!(scores.rows, gold.len(), "scores and gold labels are of the same texts");
    assert_eq!(scores.cols, gold.n_labels(), "scores and gold labels are of the same classes");
    let wanted = gold.n_assignments() as u64;
    let mut descending = Descending::new(scores);
    let (mut predicted, mut found, mut sum) = (0_u64, 0_u64, 0.0);
    // What stands behind the last gold label adds nothing.
    while found < wanted {
        let chunk = descending.next_chunk(4 * wanted, |text, label| tag(gold, text, label));
        if chunk.is_empty() {
            break;
        }
        for group in chunk.chunk_by(|left, right| left >> 32 == right >> 32) {
            let gained = group.iter().filter(|&&entry| entry & 1 == 1).count() as u64;
            predicted += group.len() as u64;
            found += gained;
            sum += gained as f64 * found as f64 / predicted as f64;
        }
    }
    if wanted == 0 { 0.0 } else { sum / wanted as f64 }
}

/// Mean over texts and labels of `-log p` of what is true. A probability closer to 0 or 1 than f32 can
/// tell from it counts as that close.
///
/// # Panics
/// If `probabilities` and `gold` differ in texts.
pub fn cross_entropy(probabilities: &Matrix, gold: &Labels) -> f64 {
    assert_eq!(
        probabilities.rows,
        gold.len(),
        "probabilities and gold labels are of the same texts"
    );
    let least = f64::from(f32::EPSILON);
    let of_row = |(row, gold): (&[f32], &[u32])| {
        let all: f64 = row.iter().map(|&p| -(1.0 - f64::from(p)).max(least).ln()).sum();
        let of_gold = |&label: &u32| {
            let p = f64::from(row[label as usize]);
            (1.0 - p).max(least).ln() - p.max(least).ln()
        };
        all + gold.iter().map(of_gold).sum::<f64>()
    };
    let rows = (0..probabilities.rows).map(|row| probabilities.row(row)).zip(gold.rows());
    rows.map(of_row).sum::<f64>() / (probabilities.data.len().max(1)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(rows: &[&[u32]], n_labels: usize) -> Labels {
        let mut labels = Labels::new(n_labels);
        for row in rows {
            labels.push(row);
        }
        labels
    }

    fn check(scores: &[f32], gold: &[&[u32]], expected: f64) {
        let cols = scores.len() / gold.len();
        let matrix = Matrix::new(scores.to_vec(), gold.len(), cols);
        let found = average_precision(&matrix, &labels(gold, cols));
        assert!((found - expected).abs() < 1e-15, "{scores:?}: {found}, expected {expected}");
    }

    #[test]
    fn average_precision_is_scikit_learns() {
        // Ranks 1 and 3 of [.9 gold, .8, .6 gold, ..]: (1/1 + 2/3) / 2.
        check(&[0.9, 0.8, 0.6, 0.1], &[&[0], &[0]], f64::midpoint(1.0, 2.0 / 3.0));
        // Equal scores are one group: 2 of 3 are gold, whatever their order.
        check(&[0.5, 0.5, 0.5, 0.1], &[&[0, 1], &[]], 2.0 / 3.0);
        check(&[0.1, 0.9], &[&[0, 1]], 1.0);
        check(&[0.1, 0.9], &[&[0]], 0.5);
        check(&[0.1, 0.9], &[&[]], 0.0);
    }

    #[test]
    fn cross_entropy_is_the_mean_over_texts_and_labels() {
        let probabilities = Matrix::new(vec![0.8, 0.1, 1.0, 0.0], 2, 2);
        let gold = labels(&[&[0], &[0]], 2);
        let expected = (-(0.8_f64.ln()) - 0.9_f64.ln()) / 4.0;
        let found = cross_entropy(&probabilities, &gold);
        assert!((found - expected).abs() < 1e-7, "{found}, expected {expected}");
        let wrong = cross_entropy(&probabilities, &labels(&[&[0], &[1]], 2));
        assert!(wrong.is_finite() && wrong > 7.0, "{wrong}");
    }
}

//! Describes what a selection brought, once the oracle has answered.

use alhost_data::{Labels, Tokens};
use alhost_record::Acquired;

use crate::pool::Pool;

/// Describes the texts that were annotated in `round`, in the order of their selection.
pub(crate) fn acquired(pool: &Pool, tokens: &Tokens, round: usize) -> Acquired {
    let of_round: Vec<usize> =
        (0..pool.labeled().len()).filter(|&at| pool.rounds()[at] as usize == round).collect();
    let length = |at: usize| tokens.row(pool.labeled()[at].0 as usize).len() as u32;
    Acquired {
        unlabeled: pool.unlabeled().len(),
        labels: of_round.iter().map(|&at| pool.labels().row(at).len() as u32).collect(),
        tokens: of_round.iter().map(|&at| length(at)).collect(),
        label_entropy: entropy(pool.labels()),
    }
}

/// The entropy of the labels in bits; 0 without labels.
fn entropy(labels: &Labels) -> f64 {
    let all = labels.n_assignments() as f64;
    let shares = labels.counts().into_iter().filter(|&n| n > 0).map(|n| f64::from(n) / all);
    // The sum of nothing is -0, which JSON would show.
    0.0 - shares.map(|share| share * share.log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_highest_where_all_labels_are_as_frequent() {
        let check = |rows: &[&[u32]], bits: f64| {
            let mut labels = Labels::new(4);
            for row in rows {
                labels.push(row);
            }
            assert!((entropy(&labels) - bits).abs() < 1e-12, "{rows:?}: {}", entropy(&labels));
        };
        check(&[], 0.0);
        check(&[&[2], &[2]], 0.0);
        check(&[&[0, 1], &[2, 3]], 2.0);
        // 3/4 and 1/4.
        check(&[&[0], &[0], &[0, 1]], 0.811_278_124_459_132_8);
    }
}

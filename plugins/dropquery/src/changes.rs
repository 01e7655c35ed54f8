//! How often dropout changes the predicted set of a text, and by how much.

use alhost_plugin_api::features::Matrix;
use rayon::prelude::*;

/// What the passes change, a value for each text.
pub struct Changes {
    passes: u32,
    /// Passes that change the predicted set.
    mismatches: Vec<u32>,
    /// Mean Jaccard distance between the predicted set and that of a pass.
    means: Vec<f64>,
}

impl Changes {
    /// Compares each row of `clean`, [labels], with the same row of `passes`, [passes * labels]. A label is
    /// predicted where its probability is above the threshold; a pass changes a text if the Jaccard distance of
    /// the two sets is above `min_change`.
    pub fn count(clean: Matrix<'_>, passes: Matrix<'_>, threshold: f64, min_change: f64) -> Self {
        let n_labels = clean.n_cols().max(1);
        let of_text = |text: usize| {
            let rows = passes.row(text).chunks_exact(n_labels);
            let distances = rows.map(|row| jaccard_distance(clean.row(text), row, threshold));
            distances.fold((0, 0.0), |(mismatches, sum), distance| {
                (mismatches + u32::from(distance > min_change), sum + distance)
            })
        };
        let texts = (0..clean.n_rows()).into_par_iter().with_min_len(64);
        let (mismatches, sums): (Vec<u32>, Vec<f64>) = texts.map(of_text).unzip();
        let passes = passes.n_cols() / n_labels;
        let means = sums.into_iter().map(|sum| sum / passes.max(1) as f64).collect();
        Self { passes: passes as u32, mismatches, means }
    }

    /// Passes that change each text.
    pub fn mismatches(&self) -> &[u32] {
        &self.mismatches
    }

    /// Mean Jaccard distance of each text from its passes.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// The number of changes that a candidate has more of: half the passes, or as far below as `wanted`
    /// candidates take it.
    pub fn limit(&self, wanted: usize) -> u32 {
        let n_above = |limit: u32| self.mismatches.iter().filter(|&&n| n > limit).count();
        let limits = (0..=self.passes / 2).rev();
        limits.into_iter().find(|&limit| n_above(limit) >= wanted).unwrap_or(0)
    }

    /// The positions of texts with more changes than `limit`, ascending.
    pub fn candidates(&self, limit: u32) -> Vec<u32> {
        let positions = (0..).zip(&self.mismatches);
        positions.filter_map(|(position, &n)| (n > limit).then_some(position)).collect()
    }

    /// The positions of `k` texts (or all): `candidates` first and then the others, both by their mean change,
    /// ties by position. `candidates` ascend.
    pub fn most(&self, candidates: &[u32], k: usize) -> Vec<u32> {
        let key = |position: u32| {
            (candidates.binary_search(&position).is_err(), self.means[position as usize])
        };
        let mut order: Vec<u32> = (0..self.means.len() as u32).collect();
        order.sort_by(|&a, &b| {
            let ((a_is_other, a), (b_is_other, b)) = (key(a), key(b));
            a_is_other.cmp(&b_is_other).then(b.total_cmp(&a))
        });
        order.truncate(k);
        order
    }
}

/// 1 - |both| / |either| of two predicted sets; 0 where both are empty.
fn jaccard_distance(one: &[f32], other: &[f32], threshold: f64) -> f64 {
    let (mut differing, mut either) = (0_u32, 0_u32);
    for (&a, &b) in one.iter().zip(other) {
        let (a, b) = (f64::from(a) > threshold, f64::from(b) > threshold);
        differing += u32::from(a != b);
        either += u32::from(a | b);
    }
    // One division of whole numbers, so that 3 of 10 are not above 0.3, as 1 - 7/10 would be.
    f64::from(differing) / f64::from(either.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_sets() {
        let check = |one: &[f32], other: &[f32], expected: f64| {
            let got = jaccard_distance(one, other, 0.5);
            assert!((got - expected).abs() < 1e-15, "{one:?} {other:?}: {got}");
        };
        check(&[0.9, 0.9, 0.1], &[0.9, 0.1, 0.1], 0.5);
        check(&[0.9, 0.1, 0.1], &[0.1, 0.1, 0.9], 1.0);
        check(&[0.9, 0.5, 0.1], &[0.6, 0.4, 0.5], 0.0);
        check(&[0.1, 0.1, 0.1], &[0.4, 0.5, 0.2], 0.0);
    }

    fn changes(mismatches: &[u32], means: &[f64]) -> Changes {
        Changes { passes: 5, mismatches: mismatches.to_vec(), means: means.to_vec() }
    }

    #[test]
    fn the_limit_goes_down_as_far_as_it_must() {
        let changes = changes(&[5, 3, 2, 1, 0], &[0.0; 5]);
        let check = |wanted: usize, limit: u32, candidates: &[u32]| {
            assert_eq!(changes.limit(wanted), limit, "{wanted} wanted");
            assert_eq!(changes.candidates(limit), candidates, "{wanted} wanted");
        };
        check(1, 2, &[0, 1]);
        check(2, 2, &[0, 1]);
        check(3, 1, &[0, 1, 2]);
        check(4, 0, &[0, 1, 2, 3]);
        check(9, 0, &[0, 1, 2, 3]);
    }

    #[test]
    fn candidates_come_before_others() {
        let changes = changes(&[1, 0, 1, 0, 1], &[0.2, 0.9, 0.3, 0.9, 0.2]);
        assert_eq!(changes.most(&[0, 2, 4], 9), [2, 0, 4, 1, 3]);
        assert_eq!(changes.most(&[0, 2, 4], 2), [2, 0]);
    }

    /// A change of 3 labels of 10: not above 0.3, though 1 - 7/10 is in f64.
    #[test]
    fn a_change_at_the_least_is_none() {
        let (mut clean, mut pass) = ([0.9; 10], [0.9; 10]);
        clean[0] = 0.1;
        pass[1..3].fill(0.1);
        let (clean, pass) = (Matrix::new(&clean, 1, 10), Matrix::new(&pass, 1, 10));
        assert_eq!(Changes::count(clean, pass, 0.5, 0.3).mismatches(), [0]);
        assert_eq!(Changes::count(clean, pass, 0.5, 0.29).mismatches(), [1]);
    }
}

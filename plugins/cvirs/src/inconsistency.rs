//! Category-vector inconsistency: how far a predicted label set is from those seen so far.
//!
//! With the counts of a 2x2 table over the q labels, a = |U and T|, b = |U| - a, c = |T| - a,
//! d = q - a - b - c, the published distance of a predicted set U and a labeled set T is
//!
//! ```text
//! d(U,T) = (2 H(U,T) - H(U) - H(T)) / H(U,T)     H(U,T): entropy of the table, H(U), H(T): margins
//!        = 1   if they differ in every label (a complement has no entropy distance)
//!        = 0   if they are equal (0/0)
//! v(U)   = mean of d(U,T) over the labeled texts
//! ```
//!
//! Grouping terms with phi(x) = x log2 x, phi(0) = 0, r = |U| and t = |T|, it depends on three
//! integers only, and no logarithm is left in the loop:
//!
//! ```text
//! g(a;r,t) = 2 - (2 phi(q) - phi(r) - phi(q-r) - phi(t) - phi(q-t))
//!                / (phi(q) - phi(a) - phi(r-a) - phi(t-a) - phi(q-r-t+a))
//! ```
//!
//! So v needs only how many labeled texts of each size t overlap U in a labels: a histogram of
//! integers, summed in a fixed order. However it is counted (see [`crate::overlaps`]) and on however
//! many threads, the bits of v are the same.

use rayon::prelude::*;

use crate::label_sets::LabelSets;
use crate::overlaps::{Counter, Counting, Labeled};

/// v(i) for every predicted set. `labeled` is not empty; all labels are below `n_labels`.
pub fn inconsistency(
    predicted: &LabelSets,
    labeled: &LabelSets,
    n_labels: usize,
    counting: Counting,
) -> Vec<f64> {
    assert!(!labeled.is_empty(), "the caller has checked that there is a labeled text");
    let distance = Distance::new(n_labels);
    let labeled = Labeled::new(labeled, n_labels);
    let distinct = predicted.distinct();
    let per_group: Vec<f64> = distinct
        .first
        .par_iter()
        .map_init(
            || Counter::new(&labeled),
            |counter, &row| {
                let set = predicted.row(row as usize);
                counter.count(set, counting);
                mean_distance(&distance, set.len(), &labeled, counter)
            },
        )
        .collect();
    distinct.group.iter().map(|&group| per_group[group as usize]).collect()
}

/// Sums the histogram in the order of (t, a).
fn mean_distance(distance: &Distance, r: usize, labeled: &Labeled, counter: &Counter<'_>) -> f64 {
    let mut sum = 0.0;
    for (class, size) in labeled.sizes().enumerate() {
        for (a, &texts) in counter.histogram(class)[..=r.min(size)].iter().enumerate() {
            if texts > 0 {
                sum += f64::from(texts) * distance.of(a, r, size);
            }
        }
    }
    sum / f64::from(labeled.n_texts())
}

/// The closed form, with phi tabulated for 0..=q.
struct Distance {
    phi: Vec<f64>,
}

impl Distance {
    fn new(n_labels: usize) -> Self {
        let phi = |x: usize| if x == 0 { 0.0 } else { x as f64 * (x as f64).log2() };
        Self { phi: (0..=n_labels).map(phi).collect() }
    }

    /// g(a; r, t).
    fn of(&self, a: usize, r: usize, t: usize) -> f64 {
        let phi = &self.phi;
        let q = phi.len() - 1;
        let differing = r + t - 2 * a;
        if differing == 0 {
            return 0.0;
        }
        if differing == q {
            return 1.0;
        }
        let margins = 2.0 * phi[q] - phi[r] - phi[q - r] - phi[t] - phi[q - t];
        let table = phi[q] - phi[a] - phi[r - a] - phi[t - a] - phi[q + a - r - t];
        2.0 - margins / table
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Entropy of a distribution, in bits.
    fn entropy(p: &[f64]) -> f64 {
        -p.iter().filter(|&&p| p > 0.0).map(|p| p * p.log2()).sum::<f64>()
    }

    /// The published formula, pair by pair, from the four counts.
    fn published(predicted: &[u32], labeled: &[u32], n_labels: usize) -> f64 {
        let all = n_labels as f64;
        let a = predicted.iter().filter(|label| labeled.contains(label)).count() as f64;
        let (b, c) = (predicted.len() as f64 - a, labeled.len() as f64 - a);
        let d = all - a - b - c;
        let differing = b + c;
        if differing.eq(&all) {
            return 1.0;
        }
        if differing.eq(&0.0) {
            return 0.0;
        }
        let of_predicted = entropy(&[(a + b) / all, (c + d) / all]);
        let of_labeled = entropy(&[(a + c) / all, (b + d) / all]);
        let mut joint = entropy(&[differing / all, (a + d) / all]);
        joint += differing / all * entropy(&[b / differing, c / differing]);
        if a + d > 0.0 {
            joint += (a + d) / all * entropy(&[a / (a + d), d / (a + d)]);
        }
        (2.0 * joint - of_predicted - of_labeled) / joint
    }

    fn sets(rows: &[Vec<u32>]) -> LabelSets {
        LabelSets::from_rows(rows.iter().map(Vec::as_slice))
    }

    fn check(predicted: &[Vec<u32>], labeled: &[Vec<u32>], q: usize) {
        let (predicted, labeled) = (sets(predicted), sets(labeled));
        let got = inconsistency(&predicted, &labeled, q, Counting::Cheapest);
        for (i, u) in predicted.rows().enumerate() {
            let all: f64 = labeled.rows().map(|t| published(u, t, q)).sum();
            let expected = all / labeled.len() as f64;
            assert!((got[i] - expected).abs() < 1e-12, "{u:?}: {}, expected {expected}", got[i]);
        }
        for counting in [Counting::Inverted, Counting::Popcount] {
            let other = inconsistency(&predicted, &labeled, q, counting);
            assert_eq!(other, got, "the two ways of counting give the same bits");
        }
    }

    #[test]
    fn equal_sets_have_no_distance_and_complements_have_one() {
        check(&[vec![], vec![0, 1, 2]], &[vec![]], 3);
        check(&[vec![], vec![0, 1, 2]], &[vec![0, 1, 2]], 3);
        check(&[vec![0], vec![1, 2]], &[vec![1, 2]], 3);
    }

    #[test]
    fn an_empty_prediction_is_as_far_as_can_be() {
        let v =
            inconsistency(&sets(&[vec![]]), &sets(&[vec![1], vec![0, 2]]), 5, Counting::Cheapest);
        assert_eq!(v, [1.0]);
    }

    #[test]
    fn repeated_labeled_sets_count_as_often_as_they_occur() {
        check(&[vec![0, 1]], &[vec![0], vec![0], vec![0], vec![3, 4]], 70);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let rows = |n: u32, step: u32| -> Vec<Vec<u32>> {
            (0..n).map(|i| (0..i % 7).map(|k| (i * step + k * k * 5) % 90).collect()).collect()
        };
        let (predicted, labeled) = (sets(&rows(700, 13)), sets(&rows(90, 29)));
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| inconsistency(&predicted, &labeled, 90, Counting::Cheapest))
        };
        let one = on(1);
        assert_eq!(on(2), one);
        assert_eq!(on(5), one);
    }

    /// A few rows of random label sets, of any density from empty to full.
    pub(crate) fn any_rows(q: u32, rows: usize) -> impl Strategy<Value = Vec<Vec<u32>>> {
        let row = (0.0..=1.0_f64).prop_flat_map(move |density| {
            prop::collection::vec(prop::bool::weighted(density), q as usize).prop_map(|bits| {
                (0..).zip(bits).filter_map(|(l, is_set)| is_set.then_some(l)).collect()
            })
        });
        prop::collection::vec(row, 1..=rows)
    }

    proptest! {
        #[test]
        fn any_sets_follow_the_published_formula(
            (q, predicted, labeled) in (1_u32..150)
                .prop_flat_map(|q| (Just(q), any_rows(q, 6), any_rows(q, 12)))
        ) {
            check(&predicted, &labeled, q as usize);
        }
    }
}

//! Texts drawn one after the other, by doubt and by distance from those drawn before.

use alhost_plugin_api::features::Matrix;
use alhost_plugin_kit::draws::draw;
use rayon::prelude::*;

/// Labels that a distance looks at before it asks whether it still matters.
const LABELS: usize = 64;

/// Picks so far, as far as they matter to the next one.
pub struct Drawing<'a> {
    probabilities: Matrix<'a>,
    /// The doubt about each text, not negative.
    doubts: &'a [f64],
    gamma: f64,
    /// The doubt about each text, or its distance from the nearest pick where that is less.
    distances: Vec<f64>,
    is_taken: Vec<bool>,
    last: Option<usize>,
}

impl<'a> Drawing<'a> {
    pub fn new(probabilities: Matrix<'a>, doubts: &'a [f64], gamma: f64) -> Self {
        let (distances, is_taken) = (doubts.to_vec(), vec![false; doubts.len()]);
        Self { probabilities, doubts, gamma, distances, is_taken, last: None }
    }

    /// The position of the next pick, which `u`, uniform in [0, 1), draws.
    ///
    /// # Panics
    /// Panics if every text is taken.
    pub fn pick(&mut self, u: f64) -> u32 {
        if let Some(last) = self.last {
            self.lower(last);
        }
        // No weight is above 0 where nothing is in doubt, or where a large power of it is too small a number.
        let pick = draw(&self.weights(), u).unwrap_or_else(|| self.free_at(u));
        self.is_taken[pick] = true;
        self.last = Some(pick);
        pick as u32
    }

    /// Lowers each text's distance to that from `pick`, where it is less.
    fn lower(&mut self, pick: usize) {
        let pick = self.probabilities.row(pick);
        let probabilities = self.probabilities;
        let texts = self.distances.par_iter_mut().enumerate().with_min_len(256);
        texts.for_each(|(text, distance)| {
            let row = probabilities.row(text);
            *distance = distance.min(distance_below(*distance, row, pick));
        });
    }

    /// (distance, scaled to [0, 1] over the free texts, + doubt) to the power of gamma; 0 for picks.
    fn weights(&self) -> Vec<f64> {
        let free = self.distances.iter().zip(&self.is_taken);
        let free = free.filter_map(|(&distance, is_taken)| (!is_taken).then_some(distance));
        let (low, high) = free.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), distance| {
            (low.min(distance), high.max(distance))
        });
        let weight = |text: usize| {
            if self.is_taken[text] {
                return 0.0;
            }
            let distance = self.distances[text] - low;
            let scaled = if high > low { distance / (high - low) } else { 0.0 };
            (scaled + self.doubts[text]).powf(self.gamma)
        };
        (0..self.doubts.len()).into_par_iter().with_min_len(1024).map(weight).collect()
    }

    /// The free text that lies at the share `u` of them.
    fn free_at(&self, u: f64) -> usize {
        let free: Vec<usize> = (0..self.is_taken.len()).filter(|&i| !self.is_taken[i]).collect();
        free[(u * free.len() as f64) as usize]
    }
}

/// Sum over labels of |a - b|, in a fixed order; or any number from `limit` on where it is not below: more
/// labels never make it less, so the rest need not be looked at.
fn distance_below(limit: f64, a: &[f32], b: &[f32]) -> f64 {
    // Four sums side by side, which a compiler makes into one of four lanes.
    const LANES: usize = 4;
    let difference = |a: f32, b: f32| (f64::from(a) - f64::from(b)).abs();
    let mut total = 0.0;
    for (a, b) in a.chunks(LABELS).zip(b.chunks(LABELS)) {
        let (a, b) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        let mut sums = [0.0; LANES];
        for (a, b) in a.0.iter().zip(b.0) {
            for lane in 0..LANES {
                sums[lane] += difference(a[lane], b[lane]);
            }
        }
        let rest: f64 = a.1.iter().zip(b.1).map(|(&a, &b)| difference(a, b)).sum();
        total += (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest;
        if total >= limit {
            break;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_distance_ends_where_it_does_not_matter() {
        let (a, b) = ([0.25; 1000], [0.5; 1000]);
        let distance = |limit: f64| distance_below(limit, &a, &b);
        assert!((distance(1e9) - 250.0).abs() < 1e-12);
        assert!((distance(250.0) - 250.0).abs() < 1e-12);
        assert!((distance(1.0) - 16.0).abs() < 1e-12, "after the first 64 labels");
    }

    proptest! {
        #[test]
        fn a_distance_below_the_limit_is_the_sum(
            rows in prop::collection::vec((0.0_f32..=1.0, 0.0_f32..=1.0), 0..300),
            limit in 0.0_f64..60.0,
        ) {
            let (a, b): (Vec<f32>, Vec<f32>) = rows.iter().copied().unzip();
            let sum: f64 = rows.iter().map(|&(a, b)| (f64::from(a) - f64::from(b)).abs()).sum();
            let got = distance_below(limit, &a, &b).min(limit);
            prop_assert!((got - sum.min(limit)).abs() < 1e-10, "{got}, expected {sum}");
        }
    }
}

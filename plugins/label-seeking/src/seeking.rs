//! The greedy choice of texts, without looking at all of them for each pick.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use alhost_plugin_api::Choice;
use alhost_plugin_api::features::Matrix;
use rayon::prelude::*;

/// The worth of a label that no labeled text carries.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unseen {
    /// None: the classifier has learnt nothing of the label, and its probability means nothing.
    Zero,
    /// As much as a label of one labeled text.
    One,
}

/// Picks texts one by one: that of the largest sum over labels of v p, where v = 1 / max(1, examples of the label).
///
/// With each pick labels get more examples, so no text's worth ever rises (rounded sums of products included, as
/// rounding keeps order). The worth when a text was last looked at is therefore a bound. Where the largest bound
/// is up to date, its text is the best of all; where it is not, it is brought up to date.
pub struct Seeking<'a> {
    probabilities: Matrix<'a>,
    /// Labeled texts of each label, then expected ones among the picks too.
    examples: Vec<f64>,
    is_sought: Vec<bool>,
    /// v of each label.
    worths: Vec<f64>,
    n_picked: u32,
    bounds: BinaryHeap<Bound>,
}

impl<'a> Seeking<'a> {
    /// Begins with the number of labeled texts that carry each label.
    pub fn new(probabilities: Matrix<'a>, counts: &[u32], unseen: Unseen) -> Self {
        let mut seeking = Self {
            probabilities,
            examples: counts.iter().map(|&count| f64::from(count)).collect(),
            is_sought: counts.iter().map(|&count| count > 0 || unseen == Unseen::One).collect(),
            worths: vec![0.0; counts.len()],
            n_picked: 0,
            bounds: BinaryHeap::new(),
        };
        seeking.update_worths();
        let worth = |position: u32| seeking.worth(position);
        let positions = 0..probabilities.n_rows() as u32;
        let bounds: Vec<Bound> = positions
            .into_par_iter()
            .map(|position| Bound { worth: worth(position), position, n_picked: 0 })
            .collect();
        seeking.bounds = bounds.into();
        seeking
    }

    /// The position of the best text that has not been picked, lower ones first where they tie, and its worth.
    pub fn pick(&mut self) -> Option<(u32, f64)> {
        loop {
            let best = self.bounds.pop()?;
            if best.n_picked == self.n_picked {
                self.count(best.position);
                return Some((best.position, best.worth));
            }
            let worth = self.worth(best.position);
            self.bounds.push(Bound { worth, n_picked: self.n_picked, ..best });
        }
    }

    /// Takes the labels of a pick for seen, each with its probability.
    fn count(&mut self, position: u32) {
        self.n_picked += 1;
        let row = self.row(position);
        for (examples, &p) in self.examples.iter_mut().zip(row) {
            *examples += f64::from(p);
        }
        self.update_worths();
    }

    fn update_worths(&mut self) {
        let labels = self.worths.iter_mut().zip(&self.examples).zip(&self.is_sought);
        for ((worth, examples), &is_sought) in labels {
            *worth = if is_sought { 1.0 / examples.max(1.0) } else { 0.0 };
        }
    }

    fn worth(&self, position: u32) -> f64 {
        let p = self.row(position);
        // Four sums side by side, which a compiler makes into vectors, in an order that is always the same.
        let mut sums = [0.0; 4];
        let (whole, rest) = (p.chunks_exact(4), p.chunks_exact(4).remainder());
        let (worths, worths_of_rest) =
            (self.worths.chunks_exact(4), self.worths.chunks_exact(4).remainder());
        for (p, v) in whole.zip(worths) {
            for lane in 0..4 {
                sums[lane] += f64::from(p[lane]) * v[lane];
            }
        }
        let rest: f64 = rest.iter().zip(worths_of_rest).map(|(&p, v)| f64::from(p) * v).sum();
        (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
    }

    fn row(&self, position: u32) -> &'a [f32] {
        self.probabilities.row(position as usize)
    }
}

/// What a text was worth after `n_picked` picks. The largest comes first, of equal ones the lowest position.
#[derive(Clone, Copy, Debug)]
struct Bound {
    worth: f64,
    position: u32,
    n_picked: u32,
}

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> Ordering {
        self.worth.total_cmp(&other.worth).then(other.position.cmp(&self.position))
    }
}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Bound {}

//! Measures how long texts are: words, and word pieces of the model's tokenizer.

use serde::Serialize;

use super::Tokens;
use super::stats::ratio;

/// Figures of the lengths of some texts; all are 0 where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Lengths {
    pub mean: f64,
    pub median: f64,
    /// The 95th percentile, by the nearest rank.
    pub p95: u32,
    pub max: u32,
}

impl Lengths {
    pub(super) fn of(mut lengths: Vec<u32>) -> Self {
        lengths.sort_unstable();
        let sum = lengths.iter().map(|&length| length as usize).sum();
        Self {
            mean: ratio(sum, lengths.len()),
            median: median(&lengths),
            p95: nearest_rank(&lengths, 95),
            max: lengths.last().copied().unwrap_or(0),
        }
    }
}

/// Word pieces of whole texts, without `[CLS]` and `[SEP]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pieces {
    #[serde(flatten)]
    pub lengths: Lengths,
    /// Share of the texts that the model sees only the beginning of.
    pub truncated: f64,
}

/// The token ids of all splits of a data set, in the order of `Dataset::splits`.
pub struct Tokenized {
    /// The checkpoint that the tokenizer is of.
    pub checkpoint: String,
    pub max_tokens: usize,
    pub splits: Vec<Tokens>,
}

/// Special tokens of a text: `[CLS]` and `[SEP]`.
const SPECIALS: usize = 2;

impl Tokenized {
    pub(super) fn pieces_of(&self, split: usize) -> Pieces {
        self.pieces(&self.splits[split..=split])
    }

    pub(super) fn pieces_of_all(&self) -> Pieces {
        self.pieces(&self.splits)
    }

    fn pieces(&self, splits: &[Tokens]) -> Pieces {
        let counts = |tokens: &Tokens| -> Vec<u32> {
            (0..tokens.len()).map(|text| tokens.word_pieces(text).pieces).collect()
        };
        let counts: Vec<u32> = splits.iter().flat_map(counts).collect();
        let is_cut = |count: &&u32| **count as usize + SPECIALS > self.max_tokens;
        let truncated = ratio(counts.iter().filter(is_cut).count(), counts.len());
        Pieces { lengths: Lengths::of(counts), truncated }
    }
}

pub(super) fn median(sorted: &[u32]) -> f64 {
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => f64::from(sorted[n / 2]),
        n => f64::midpoint(f64::from(sorted[n / 2 - 1]), f64::from(sorted[n / 2])),
    }
}

/// The smallest value with at least `percent` % of the values at or below it.
fn nearest_rank(sorted: &[u32], percent: usize) -> u32 {
    let rank = (sorted.len() * percent).div_ceil(100);
    if rank == 0 { 0 } else { sorted[rank - 1] }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_of_small_cases() {
        let check = |lengths: &[u32], mean: f64, median: f64, p95, max| {
            assert_eq!(Lengths::of(lengths.to_vec()), Lengths { mean, median, p95, max });
        };
        check(&[], 0.0, 0.0, 0, 0);
        check(&[7], 7.0, 7.0, 7, 7);
        check(&[4, 1], 2.5, 2.5, 4, 4);
        let twenty: Vec<u32> = (1..=20).rev().collect();
        check(&twenty, 10.5, 10.5, 19, 20);
    }

    proptest! {
        #[test]
        fn at_least_so_many_are_at_or_below_a_percentile(
            lengths in prop::collection::vec(0_u32..50, 1..200),
        ) {
            let of = Lengths::of(lengths.clone());
            let share = |limit: f64| {
                let below = lengths.iter().filter(|&&length| f64::from(length) <= limit).count();
                below as f64 / lengths.len() as f64
            };
            prop_assert!(share(f64::from(of.p95)) >= 0.95);
            prop_assert!(of.p95 == 0 || share(f64::from(of.p95) - 1.0) < 0.95);
            prop_assert!(share(of.median) >= 0.5);
            prop_assert_eq!(of.max, lengths.iter().copied().max().unwrap());
        }
    }
}

//! Texts as tensors: the grouping of texts into batches, and their padding.

use std::cmp::Reverse;

use alhost_data::tokens::Tokens;
use tch::{Device, Kind, Tensor};

/// A few texts of one split, padded to the longest of them.
#[derive(Debug)]
pub struct Batch {
    /// i64 [batch, len]; 0 where a text has ended.
    pub ids: Tensor,
    /// Tokens of each text, `[CLS]` and `[SEP]` included.
    pub lengths: Vec<i64>,
    /// bool [batch, len], true at tokens; `None` when nothing is padded.
    pub mask: Option<Tensor>,
}

impl Batch {
    /// Makes a batch of the texts `rows` of `tokens`.
    ///
    /// # Panics
    /// Panics if `rows` is empty or a text has no token; each has `[CLS]` and `[SEP]` at least.
    pub fn new(tokens: &Tokens, rows: &[u32], device: Device) -> Self {
        let texts: Vec<&[u32]> = rows.iter().map(|&row| tokens.row(row as usize)).collect();
        Self::from_texts(&texts, device)
    }

    /// Makes a batch of token ids that already carry `[CLS]` and `[SEP]`.
    ///
    /// # Panics
    /// Panics where `new` does.
    pub fn from_texts(texts: &[&[u32]], device: Device) -> Self {
        let lengths: Vec<i64> = texts.iter().map(|text| text.len() as i64).collect();
        let shortest = *lengths.iter().min().expect("a batch has at least one text");
        assert!(shortest > 0, "a text without a token reached the model");
        let longest = *lengths.iter().max().expect("a batch has at least one text");
        let mut ids = vec![0_i64; texts.len() * longest as usize];
        for (row, text) in ids.chunks_exact_mut(longest as usize).zip(texts) {
            for (to, &from) in row.iter_mut().zip(*text) {
                *to = i64::from(from);
            }
        }
        let ids = Tensor::from_slice(&ids).view([texts.len() as i64, longest]).to_device(device);
        let mask = (shortest < longest).then(|| {
            let lengths = Tensor::from_slice(&lengths).unsqueeze(1); // [batch, 1]
            Tensor::arange(longest, (Kind::Int64, Device::Cpu))
                .lt_tensor(&lengths)
                .to_device(device)
        });
        Self { ids, lengths, mask }
    }

    /// The token ids of each text.
    pub(crate) fn texts(&self) -> Vec<Vec<u32>> {
        let width = self.width() as usize;
        let mut ids = vec![0_i64; self.len() * width];
        self.ids.copy_data(&mut ids, self.len() * width);
        let texts = ids.chunks_exact(width).zip(&self.lengths);
        texts.map(|(ids, &len)| ids[..len as usize].iter().map(|&id| id as u32).collect()).collect()
    }

    /// Texts in the batch.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Tokens of the longest text.
    pub fn width(&self) -> i64 {
        self.ids.size()[1]
    }

    /// Tokens without padding.
    pub fn n_tokens(&self) -> u64 {
        self.lengths.iter().sum::<i64>() as u64
    }
}

/// Groups texts of similar length, longest first, so that little is padded and memory is claimed
/// by the first batch. Gives positions into `rows`; a batch takes at most `token_budget` tokens,
/// padding included, or is a single text.
pub fn by_length(tokens: &Tokens, rows: &[u32], token_budget: usize) -> Vec<Vec<u32>> {
    let length = |at: u32| tokens.row(rows[at as usize] as usize).len();
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    // Ties by position, so that the batches do not depend on the sort.
    order.sort_unstable_by_key(|&at| (Reverse(length(at)), at));

    let mut batches: Vec<Vec<u32>> = Vec::new();
    let mut texts_per_batch = 0;
    for at in order {
        match batches.last_mut() {
            Some(batch) if batch.len() < texts_per_batch => batch.push(at),
            _ => {
                texts_per_batch = (token_budget / length(at).max(1)).max(1);
                batches.push(vec![at]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(lengths: &[usize]) -> Tokens {
        let rows: Vec<Vec<u32>> =
            lengths.iter().enumerate().map(|(i, &n)| vec![i as u32 + 1; n]).collect();
        Tokens::from_rows(&rows, "test")
    }

    fn check(lengths: &[usize], budget: usize, expected: &[&[u32]]) {
        let tokens = tokens(lengths);
        let rows: Vec<u32> = (0..lengths.len() as u32).collect();
        assert_eq!(by_length(&tokens, &rows, budget), expected);
    }

    #[test]
    fn batches_are_sorted_by_length_and_ties_by_position() {
        check(&[2, 5, 3, 5], 10, &[&[1, 3], &[2, 0]]);
    }

    #[test]
    fn padding_counts_towards_the_budget() {
        check(&[4, 2, 2, 2], 8, &[&[0, 1], &[2, 3]]);
    }

    #[test]
    fn a_text_beyond_the_budget_goes_alone() {
        check(&[9, 2], 4, &[&[0], &[1]]);
    }

    #[test]
    fn no_text_makes_no_batch() {
        check(&[], 4, &[]);
    }

    #[test]
    fn positions_are_into_the_rows_asked_for() {
        let tokens = tokens(&[2, 9, 3]);
        assert_eq!(by_length(&tokens, &[2, 0], 100), [[0, 1]]);
    }

    #[test]
    fn a_short_text_is_padded_and_masked() {
        let batch = Batch::new(&tokens(&[2, 3]), &[1, 0], Device::Cpu);
        assert_eq!(Vec::<Vec<i64>>::try_from(&batch.ids).unwrap(), [[2, 2, 2], [1, 1, 0]]);
        let mask = Vec::<Vec<bool>>::try_from(batch.mask.as_ref().unwrap()).unwrap();
        assert_eq!(mask, [[true, true, true], [true, true, false]]);
        assert_eq!((batch.len(), batch.width(), batch.n_tokens()), (2, 3, 5));
    }

    #[test]
    fn equal_lengths_need_no_mask() {
        assert!(Batch::new(&tokens(&[3, 3]), &[0, 1], Device::Cpu).mask.is_none());
    }
}

//! ALPS's surprisal (Yuan, Lin and Boyd-Graber 2020): the masked-LM loss of the *unmasked* text at
//! a few sampled positions. <https://github.com/forest-snow/alps/blob/master/src/sample.py>.
//!
//! Departures from that code: positions are drawn by a hash of (seed, text, position), so they do
//! not depend on batches or on who else is in the pool; a text with any content has at least one
//! (`strict` switches that off); the head is evaluated at sampled positions only, which gives the
//! same losses.

pub mod file;
pub mod mlm;
mod mlm_data;
pub mod mlm_fit;

use alhost_base::progress::Progress;
use alhost_data::tokens::Tokens;
use alhost_model::Surprisal;
use tch::{Kind, Tensor};

use crate::encoder::batch::{Batch, by_length};
use crate::encoder::bert::Weights;
use crate::surprisal::mlm::MlmHead;
use crate::tokenizer::specials::Specials;

/// The choice of positions that are looked at, and of tokens at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// The probability of each position to be drawn, independently of the others.
    pub probability: f64,
    /// Whether a text may end up without any position, as in the reference.
    pub strict: bool,
    pub seed: u64,
    /// Tokens in one batch, padding included.
    pub token_budget: usize,
}

/// Surprisal of the texts in `rows`, in that order.
pub fn compute(
    weights: &Weights,
    mlm: &MlmHead,
    tokens: &Tokens,
    specials: Specials,
    rows: &[u32],
    options: Sampling,
    progress: &dyn Progress,
) -> Surprisal {
    let mut sampled = Surprisal { offsets: vec![0], ..Surprisal::default() };
    for &row in rows {
        let positions = sample(row, tokens.row(row as usize), specials, options);
        sampled.positions.extend(positions);
        sampled.offsets.push(sampled.positions.len() as u64);
    }
    fill_losses(weights, mlm, tokens, rows, sampled, options.token_budget, progress)
}

/// The positions of one text to look at.
fn sample(text: u32, ids: &[u32], specials: Specials, options: Sampling) -> Vec<u32> {
    let content = (0..ids.len() as u32).filter(|&at| !specials.has_no_text(ids[at as usize]));
    let draws: Vec<(u64, u32)> =
        content.map(|position| (draw(options.seed, text, position), position)).collect();
    // 53 bits make a uniform f64 in [0, 1).
    let is_sampled = |draw: u64| ((draw >> 11) as f64) < options.probability * 2_f64.powi(53);
    let sampled: Vec<u32> = draws
        .iter()
        .filter(|&&(draw, _)| is_sampled(draw))
        .map(|&(_, position)| position)
        .collect();
    if sampled.is_empty() && !options.strict {
        // The one that would come first if the probability grew.
        return draws.iter().min().map(|&(_, position)| position).into_iter().collect();
    }
    sampled
}

/// A uniform number that depends on its arguments alone: three rounds of `SplitMix64`'s finaliser
/// (Steele, Lea and Flood 2014).
fn draw(seed: u64, text: u32, position: u32) -> u64 {
    let mix = |state: u64| {
        let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    };
    mix(mix(mix(seed) ^ u64::from(text)) ^ u64::from(position))
}

/// Computes the losses at the positions of `sampled`, whose rows are the texts in `rows`.
pub fn fill_losses(
    weights: &Weights,
    mlm: &MlmHead,
    tokens: &Tokens,
    rows: &[u32],
    mut sampled: Surprisal,
    token_budget: usize,
    progress: &dyn Progress,
) -> Surprisal {
    // A text without a sampled position needs no pass.
    let asked: Vec<u32> =
        (0..rows.len() as u32).filter(|&at| !row_range(&sampled, at).is_empty()).collect();
    let asked_rows: Vec<u32> = asked.iter().map(|&at| rows[at as usize]).collect();
    sampled.losses = vec![0.0; sampled.positions.len()];
    progress.begin("surprisal", rows.len() as u64);
    progress.advance((rows.len() - asked.len()) as u64);
    for batch in by_length(tokens, &asked_rows, token_budget) {
        let at: Vec<u32> = batch.iter().map(|&i| asked[i as usize]).collect();
        let texts: Vec<u32> = at.iter().map(|&at| rows[at as usize]).collect();
        let batch = Batch::new(tokens, &texts, weights.device());

        let mut flat = Vec::new(); // Index into [batch * len].
        let mut slots = Vec::new(); // Index into the result.
        for (i, &at) in at.iter().enumerate() {
            let range = row_range(&sampled, at);
            let start = i as i64 * batch.width();
            flat.extend(sampled.positions[range.clone()].iter().map(|&p| start + i64::from(p)));
            slots.extend(range);
        }
        let flat = Tensor::from_slice(&flat).to_device(weights.device());
        let hidden_states = weights.forward(&batch).flatten(0, 1).index_select(0, &flat);
        let pieces = batch.ids.flatten(0, 1).index_select(0, &flat);
        let losses = mlm.losses(&hidden_states, &pieces).to_kind(Kind::Float);
        let losses = Vec::<f32>::try_from(losses).expect("a vector of f32 converts");
        for (slot, loss) in slots.into_iter().zip(losses) {
            sampled.losses[slot] = loss;
        }
        progress.advance(at.len() as u64);
    }
    progress.end();
    sampled
}

fn row_range(of: &Surprisal, text: u32) -> std::ops::Range<usize> {
    of.offsets[text as usize] as usize..of.offsets[text as usize + 1] as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIALS: Specials =
        Specials { classifier: 2, separator: 3, padding: 0, mask: 4, unknown: 1 };
    const OPTIONS: Sampling =
        Sampling { probability: 0.15, strict: false, seed: 7, token_budget: 64 };

    fn text(content: usize) -> Vec<u32> {
        [vec![2], vec![9; content], vec![3]].concat()
    }

    #[test]
    fn about_the_asked_share_of_positions_is_sampled() {
        for probability in [0.15, 0.5] {
            let options = Sampling { probability, ..OPTIONS };
            let n: usize = (0..1000).map(|t| sample(t, &text(100), SPECIALS, options).len()).sum();
            // Binomial with 100,000 trials: 5 standard deviations are under 800.
            assert!((n as f64 - probability * 1e5).abs() < 800.0, "{n}");
        }
    }

    #[test]
    fn special_tokens_are_never_sampled() {
        let options = Sampling { probability: 1.0, ..OPTIONS };
        assert_eq!(sample(0, &[2, 9, 3, 8, 4, 0, 3], SPECIALS, options), [1, 3]);
        assert_eq!(sample(0, &[2, 3], SPECIALS, options), Vec::<u32>::new());
    }

    #[test]
    fn a_text_with_content_has_a_position_unless_strict() {
        let strict = Sampling { strict: true, ..OPTIONS };
        let mut without = 0;
        for id in 0..200 {
            let reference = sample(id, &text(3), SPECIALS, strict);
            let ours = sample(id, &text(3), SPECIALS, OPTIONS);
            without += usize::from(reference.is_empty());
            assert!(!ours.is_empty());
            assert!(reference.is_empty() || reference == ours);
        }
        // 0.85 ^ 3 of them: 123.
        assert!((90..150).contains(&without), "{without}");
    }

    #[test]
    fn positions_depend_on_seed_and_text() {
        let of = |seed, id| sample(id, &text(50), SPECIALS, Sampling { seed, ..OPTIONS });
        assert_eq!(of(7, 0), of(7, 0));
        assert_ne!(of(7, 0), of(8, 0));
        assert_ne!(of(7, 0), of(7, 1));
    }

    #[test]
    fn a_longer_text_keeps_the_positions_of_its_beginning() {
        let short = sample(5, &text(40), SPECIALS, OPTIONS);
        let long = sample(5, &text(80), SPECIALS, OPTIONS);
        assert_eq!(long[..short.len()], short);
    }
}

//! The stand-in's synthetic texts and model, from a fixed seed.

use super::StandIn;
use crate::Rng;

/// Width of features and embeddings.
const WIDTH: usize = 12;
/// Longest text in tokens.
const LONGEST: usize = 24;

pub(super) fn fill(host: &mut StandIn) {
    let mut rng = Rng::stream(&[42; 32], "stand-in corpus");
    let n = host.n_texts;
    // Rare labels, as in real data: most logits well below 0.
    host.logits = (0..n * host.n_labels).map(|_| (rng.normal() * 2.0 - 2.0) as f32).collect();
    let vectors = (0..n * WIDTH).map(|_| rng.normal() as f32).collect();
    host.vectors = (vectors, WIDTH);
    for text in 0..n {
        let n_words = 3 + rng.below(LONGEST - 3);
        let words: Vec<String> = (0..n_words).map(|_| format!("w{}", rng.below(200))).collect();
        host.texts.push(words.join(" "));
        let extra = rng.below(n_words) as u32;
        host.word_pieces.push([n_words as u32, n_words as u32 + extra, (text % 7 == 0).into()]);
        for position in 0..n_words {
            if rng.f64() < 0.15 || position == text % n_words {
                host.surprisal.1.push(position as u32 + 1); // position 0 is [CLS]
                host.surprisal.2.push((rng.f64() * 8.0) as f32);
            }
        }
        host.surprisal.0.push(host.surprisal.1.len() as u64);
    }
}

/// Columns of a surprisal embedding: `[CLS]` and `[SEP]` count.
pub(super) fn n_positions(host: &StandIn) -> usize {
    let last = host.surprisal.1.iter().max().copied().unwrap_or(0);
    (last as usize + 2).max(LONGEST + 2)
}

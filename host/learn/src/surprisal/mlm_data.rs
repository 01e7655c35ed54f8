//! The examples that a masked-LM head is fitted on: texts with some pieces hidden, and the hidden
//! states there.

use alhost_base::progress::Progress;
use alhost_base::seed::{below, shuffle};
use alhost_data::tokens::Tokens;
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor};

use super::Specials;
use crate::encoder::batch::{Batch, by_length};
use crate::encoder::bert::Weights;

/// Bounds of the work.
const MAX_TEXTS: usize = 2000;
const MAX_TOKENS: usize = 80_000;

/// Texts in a random order, as many as the bounds allow.
pub(crate) fn choose(tokens: &Tokens, rows: &[u32], rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut rows = rows.to_vec();
    shuffle(&mut rows, rng);
    let mut n_tokens = 0;
    rows.truncate(MAX_TEXTS);
    rows.into_iter()
        .take_while(|&row| {
            n_tokens += tokens.row(row as usize).len();
            n_tokens <= MAX_TOKENS
        })
        .collect()
}

/// A text with some positions hidden.
pub(crate) struct Masked {
    ids: Vec<u32>,
    /// Positions to predict, and the pieces that were there.
    targets: Vec<(u32, u32)>,
}

impl Masked {
    pub(crate) fn new(
        text: &[u32],
        specials: Specials,
        vocabulary: usize,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let mut ids = text.to_vec();
        let mut targets = Vec::new();
        for (position, &piece) in text.iter().enumerate() {
            if specials.has_no_text(piece) || below(rng, 100) >= 15 {
                continue;
            }
            targets.push((position as u32, piece));
            ids[position] = match below(rng, 10) {
                0 => below(rng, vocabulary) as u32,
                1 => piece,
                _ => specials.mask,
            };
        }
        Self { ids, targets }
    }
}

/// Hidden states where a piece was hidden, and that piece.
pub(crate) struct Examples {
    pub(crate) hidden_states: Tensor, // f32 [n, hidden]
    pub(crate) pieces: Tensor,        // i64 [n]
}

impl Examples {
    pub(crate) fn select(&self, at: &[i64]) -> Self {
        let at = Tensor::from_slice(at).to_device(self.pieces.device());
        Self {
            hidden_states: self.hidden_states.index_select(0, &at),
            pieces: self.pieces.index_select(0, &at),
        }
    }
}

pub(crate) fn encode(
    weights: &Weights,
    masked: &[Masked],
    token_budget: usize,
    progress: &dyn Progress,
) -> Examples {
    let texts: Vec<Vec<u32>> = masked.iter().map(|text| text.ids.clone()).collect();
    let tokens = Tokens::from_rows(&texts, "");
    let all: Vec<u32> = (0..masked.len() as u32).collect();
    let hidden_size = weights.config().hidden_size;
    let float = (Kind::Float, weights.device());
    let mut hidden_states = vec![Tensor::empty([0, hidden_size], float)];
    let mut pieces = Vec::new();
    progress.begin("masked-LM head: encoding", masked.len() as u64);
    for rows in by_length(&tokens, &all, token_budget) {
        let batch = Batch::new(&tokens, &rows, weights.device());
        let mut flat = Vec::new(); // Index into [batch * len].
        for (i, &row) in rows.iter().enumerate() {
            for &(position, piece) in &masked[row as usize].targets {
                flat.push(i as i64 * batch.width() + i64::from(position));
                pieces.push(i64::from(piece));
            }
        }
        let flat = Tensor::from_slice(&flat).to_device(weights.device());
        let states = weights.forward(&batch).flatten(0, 1).index_select(0, &flat);
        hidden_states.push(states.to_kind(Kind::Float));
        progress.advance(rows.len() as u64);
    }
    progress.end();
    Examples {
        hidden_states: Tensor::cat(&hidden_states, 0),
        pieces: Tensor::from_slice(&pieces).to_device(weights.device()),
    }
}

//! The embeddings: word + position + token type, a layer norm, dropout; and their gradient.

use super::dropout::Mask;
use super::norm::{Masked, Normed, drop_rows, grow, norm_backward, norm_row};
use super::number::{Element, wide};
use crate::cpu::Tables;

/// The gradients of the tables.
pub(super) struct TableGradients<'a> {
    pub(super) words: &'a mut [f32],
    pub(super) positions: &'a mut [f32],
    pub(super) token_types: &'a mut [f32],
}

wide! {
    /// Embeds tokens, each a row of the word table and a position.
    pub(super) fn forward<E: Element, M: Mask>(
        tables: Tables<'_>,
        tokens: &[(u32, u32)],
        dropout: Masked<M>,
        row: &mut Vec<f32>,
        to: &mut Normed<E>,
    ) {
        let hidden = tables.norm.weight.len();
        to.grow(tokens.len(), hidden);
        grow(row, hidden);
        let row = &mut row[..hidden];
        // There is one segment, so the token type is always 0.
        let token_type = &tables.token_types[..hidden];
        for (index, &(word, position)) in tokens.iter().enumerate() {
            let word = &tables.words[word as usize * hidden..][..hidden];
            let position = &tables.positions[position as usize * hidden..][..hidden];
            let parts = word.iter().zip(position.iter().zip(token_type));
            for (to, (word, (position, token_type))) in row.iter_mut().zip(parts) {
                *to = word + (position + token_type);
            }
            norm_row(row, (tables.norm, tables.eps), index, dropout, to);
        }
    }

    /// Takes `gradient` from what dropout gave to the sum of the three tables.
    pub(super) fn backward<E: Element, M: Mask>(
        normed: &Normed<E>,
        weight: &[f32],
        dropout: Masked<M>,
        gradient: &mut [f32],
        sums: (&mut [f32], &mut [f32]),
    ) {
        drop_rows(gradient, dropout);
        norm_backward(gradient, normed, weight, sums);
    }

    /// Adds the gradient of each token's sum to its word, its position and the token type.
    pub(super) fn scatter(tokens: &[(u32, u32)], gradient: &[f32], to: &mut TableGradients<'_>) {
        let hidden = gradient.len() / tokens.len();
        for (&(word, position), row) in tokens.iter().zip(gradient.chunks_exact(hidden)) {
            let word = &mut to.words[word as usize * hidden..][..hidden];
            let position = &mut to.positions[position as usize * hidden..][..hidden];
            let token_type = &mut to.token_types[..hidden];
            let parts = word.iter_mut().zip(position.iter_mut().zip(token_type));
            for (gradient, (word, (position, token_type))) in row.iter().zip(parts) {
                *word += gradient;
                *position += gradient;
                *token_type += gradient;
            }
        }
    }
}

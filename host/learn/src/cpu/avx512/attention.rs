//! Attention of one head within one text, and its gradient. Queries go in blocks whose scores stay in the
//! cache; nothing of scores and weights is kept but a number for each query, from which the gradient
//! makes the weights anew.

use super::dropout::Mask;
use super::norm::grow;
use super::number::{Element, exp, sum, wide};
use super::panels::{Panels, Rows, along, down};
use super::product::{Place, Tile, times, transposed_times};

/// Queries whose scores are there at once, at most.
const QUERIES: usize = 128;

/// One head of one text: where its values are in the rows of all heads.
#[derive(Clone, Copy)]
pub(super) struct Head {
    /// The tokens of the text.
    pub(super) len: usize,
    pub(super) hidden: usize,
    /// The first of the head's columns.
    pub(super) first: usize,
    pub(super) size: usize,
}

/// Room for the work on one head.
#[derive(Default)]
pub(super) struct Scratch<E> {
    keys: Panels,
    values: Panels,
    queries: Panels,
    scores: Vec<f32>,
    slopes: Vec<f32>,
    weights: Vec<E>,
    score_gradients: Vec<E>,
    panels: [Panels; 2],
    gradients: Panels,
    keys_down: Panels,
    sums: [Vec<f32>; 2],
}

impl Head {
    /// The text's queries, keys or values (`part` 0, 1, 2) from a row on, of `projected`, [len, 3 hidden].
    fn part<E>(self, projected: &[E], part: usize, from: usize, rows: usize) -> Rows<'_, E> {
        let stride = 3 * self.hidden;
        let first = from * stride + part * self.hidden + self.first;
        Rows::new(&projected[first..], stride, rows)
    }

    /// The head's columns of a matrix [len, hidden].
    fn columns<E>(self, values: &[E], from: usize, rows: usize) -> Rows<'_, E> {
        Rows::new(&values[from * self.hidden + self.first..], self.hidden, rows)
    }

    fn scale(self) -> f32 {
        1.0 / (self.size as f32).sqrt()
    }

    fn blocks(self) -> impl Iterator<Item = (usize, usize)> {
        let block = self.len.div_ceil(self.len.div_ceil(QUERIES));
        (0..self.len).step_by(block).map(move |from| (from, block.min(self.len - from)))
    }
}

wide! {
    /// Puts the head's columns into `context`, [len, hidden], and into `sums` the logarithm of each query's
    /// sum of exponentials.
    pub(super) fn forward<E: Element, M: Mask>(
        head: Head,
        projected: &[E],
        mask: M,
        (sums, context): (&mut [f32], &mut [E]),
        scratch: &mut Scratch<E>,
    ) {
        let Scratch { keys, values, scores, weights, .. } = scratch;
        along::<E, E>(head.part(projected, 1, 0, head.len), head.size, keys);
        down::<E, E>(head.part(projected, 2, 0, head.len), head.size, values);
        let stride = values.words * E::PER_WORD;
        grow(scores, QUERIES * head.len);
        grow(weights, QUERIES * stride);
        for (from, rows) in head.blocks() {
            times(head.part(projected, 0, from, rows), keys, |tile, place| {
                store_scaled(tile, place, head.scale(), head.len, scores);
            });
            let scores = scores.chunks_exact_mut(head.len).zip(weights.chunks_exact_mut(stride));
            for (row, (scores, weights)) in scores.enumerate().take(rows) {
                let first = ((from + row) * head.len) as u32;
                sums[from + row] = soften(scores, mask, first, weights);
            }
            times(Rows::new(weights, stride, rows), values, |tile, place| {
                let place = Place { row: from + place.row, column: head.first + place.column, ..place };
                store(tile, place, head.hidden, context);
            });
        }
    }

    /// Puts the gradients of the head's queries, keys and values into `to`, [len, 3 hidden], given `gradient`,
    /// that of `context`.
    pub(super) fn backward<E: Element, M: Mask>(
        head: Head,
        (projected, log_sums, context): (&[E], &[f32], &[E]),
        gradient: &[E],
        mask: M,
        to: &mut [E],
        scratch: &mut Scratch<E>,
    ) {
        along::<E, E>(head.part(projected, 1, 0, head.len), head.size, &mut scratch.keys);
        along::<E, E>(head.part(projected, 2, 0, head.len), head.size, &mut scratch.values);
        down::<E, E>(head.part(projected, 1, 0, head.len), head.size, &mut scratch.keys_down);
        let [key_sums, value_sums] = &mut scratch.sums;
        grow(key_sums, head.len * head.size);
        grow(value_sums, head.len * head.size);
        for (from, rows) in head.blocks() {
            let of = (head, from, rows);
            weigh_again(of, (projected, log_sums), (gradient, context), mask, scratch);
            let stride = stride::<E>(head);
            let by_query = Rows::new(&scratch.score_gradients, stride, rows);
            times(by_query, &scratch.keys_down, |tile, place| {
                let place = Place { row: from + place.row, column: head.first + place.column, ..place };
                store(tile, place, 3 * head.hidden, to);
            });
            let Scratch { panels, gradients, queries, weights, score_gradients, sums, .. } = &mut *scratch;
            down::<E, E>(Rows::new(score_gradients, stride, rows), head.len, &mut panels[0]);
            down::<E, E>(Rows::new(weights, stride, rows), head.len, &mut panels[1]);
            down::<E, E>(head.part(projected, 0, from, rows), head.size, queries);
            down::<E, E>(head.columns(gradient, from, rows), head.size, gradients);
            add_transposed::<E>(&panels[0], queries, head.size, from > 0, &mut sums[0]);
            add_transposed::<E>(&panels[1], gradients, head.size, from > 0, &mut sums[1]);
        }
        for part in [1, 2] {
            for row in 0..head.len {
                let first = row * 3 * head.hidden + part * head.hidden + head.first;
                let from = &scratch.sums[part - 1][row * head.size..][..head.size];
                for (to, &from) in to[first..][..head.size].iter_mut().zip(from) {
                    *to = E::from_f32(from);
                }
            }
        }
    }

    /// Makes the attention weights of some queries anew, as dropout left them, and the gradients of their scores.
    fn weigh_again<E: Element, M: Mask>(
        (head, from, rows): (Head, usize, usize),
        (projected, sums): (&[E], &[f32]),
        (gradient, context): (&[E], &[E]),
        mask: M,
        scratch: &mut Scratch<E>,
    ) {
        let stride = stride::<E>(head);
        let Scratch { keys, values, scores, slopes, weights, score_gradients, .. } = scratch;
        grow(scores, QUERIES * head.len);
        grow(slopes, QUERIES * head.len);
        grow(weights, QUERIES * stride);
        grow(score_gradients, QUERIES * stride);
        times(head.part(projected, 0, from, rows), keys, |tile, place| {
            store_scaled(tile, place, head.scale(), head.len, scores);
        });
        times(head.columns(gradient, from, rows), values, |tile, place| {
            store_scaled(tile, place, 1.0, head.len, slopes);
        });
        let (of_output, output) = (head.columns(gradient, from, rows), head.columns(context, from, rows));
        for row in 0..rows {
            // The mean of a row's slopes under its weights.
            let mean = sum(
                of_output.row(row, head.size),
                output.row(row, head.size),
                |a: E, b: E| a.to_f32() * b.to_f32(),
            );
            let first = ((from + row) * head.len) as u32;
            let span = row * stride..(row + 1) * stride;
            weigh_row(
                (&scores[row * head.len..][..head.len], &slopes[row * head.len..][..head.len]),
                (sums[from + row], mean, head.scale()),
                (mask, first),
                (&mut weights[span.clone()], &mut score_gradients[span]),
            );
        }
    }

    fn weigh_row<E: Element, M: Mask>(
        (scores, slopes): (&[f32], &[f32]),
        (log_sum, mean, scale): (f32, f32, f32),
        (mask, first): (M, u32),
        (weights, gradients): (&mut [E], &mut [E]),
    ) {
        let to = weights.iter_mut().zip(gradients.iter_mut());
        for (column, ((&score, &slope), (weight, gradient))) in
            scores.iter().zip(slopes).zip(to).enumerate()
        {
            let probability = exp(score - log_sum);
            let factor = mask.factor(first.wrapping_add(column as u32));
            *weight = E::from_f32(probability * factor);
            *gradient = E::from_f32(probability * slope.mul_add(factor, -mean) * scale);
        }
        weights[scores.len()..].fill(E::default());
        gradients[scores.len()..].fill(E::default());
    }

    /// Turns a row of scores into weights, which dropout sees, and returns the logarithm of their sum.
    fn soften<E: Element, M: Mask>(
        scores: &mut [f32],
        mask: M,
        first: u32,
        weights: &mut [E],
    ) -> f32 {
        let highest = highest(scores);
        for score in scores.iter_mut() {
            *score = exp(*score - highest);
        }
        let total = sum(scores, scores, |score, _| score);
        let inverse = 1.0 / total;
        for (column, (weight, &score)) in weights.iter_mut().zip(scores.iter()).enumerate() {
            let factor = mask.factor(first.wrapping_add(column as u32));
            *weight = E::from_f32(score * inverse * factor);
        }
        // The last pair of bf16 may have but one weight.
        weights[scores.len()..].fill(E::default());
        highest + total.ln()
    }

    fn add_transposed<E: Element>(
        left: &Panels,
        right: &Panels,
        size: usize,
        add: bool,
        to: &mut [f32],
    ) {
        for panel in 0..left.n_panels() {
            transposed_times::<E>(&[(left, right)], panel, |tile, place, _| {
                place.put(tile, size, to, |to, value| *to = if add { *to + value } else { value });
            });
        }
    }

    fn store_scaled(tile: &Tile, place: Place, scale: f32, stride: usize, to: &mut [f32]) {
        place.put(tile, stride, to, |to, value| *to = value * scale);
    }

    /// Puts a tile into a matrix whose rows are `stride` long.
    pub(super) fn store<E: Element>(tile: &Tile, place: Place, stride: usize, to: &mut [E]) {
        place.put(tile, stride, to, |to, value| *to = E::from_f32(value));
    }
}

/// The highest of some numbers; one that is none has no say.
#[inline(always)]
fn highest(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<16>();
    let mut lanes = [f32::NEG_INFINITY; 16];
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |highest, &value| highest.max(value))
}

/// Values of a row of attention weights: the keys, filled up to whole words.
fn stride<E: Element>(head: Head) -> usize {
    head.len.next_multiple_of(E::PER_WORD)
}

//! The encoder in training: forward and backward over one batch, written out. libtorch's autograd does the
//! same, and is what the tests compare with.
#![expect(
    unsafe_code,
    reason = "code for vector extensions is called where they have been detected"
)]

use std::sync::Arc;

use tch::{Kind, Tensor};

use super::backward::{self, At, Room, Share, weight_gradient};
use super::dropout::{Dropout, Masks};
use super::embed;
use super::gradients::Gradients;
use super::layer::{self, EMBEDDED, LayerState, Shape, Unit};
use super::norm::{Masked, Normed, grow};
use super::number::{Element, wide};
use super::panels::{COLUMNS, Panels};
use super::tensors::tensor_of;
use super::weights::{LayerWeights, pack};
use crate::cpu::slices::{values, values_mut};
use crate::cpu::workers::{Rooms, Workers};
use crate::cpu::{Tables, Train, Variables};

/// Rows of a unit of work, at least: with fewer, the weights would be read too often.
const UNIT_ROWS: usize = 64;

pub(in crate::cpu) struct Trainer<E> {
    shape: Shape,
    variables: Variables,
    dropout: Dropout,
    workers: Arc<Workers>,
    weights: Vec<LayerWeights>,
    /// The units of the batch, with room that stays from step to step.
    work: Vec<Work<E>>,
    n_units: usize,
    rooms: Rooms<Room<E>>,
    gradients: Gradients,
}

/// A unit on its way through the encoder and back.
struct Work<E> {
    unit: Unit,
    /// The row in the word table and the position of each token.
    tokens: Vec<(u32, u32)>,
    embedded: Normed<E>,
    layers: Vec<LayerState<E>>,
    /// f32 [rows, hidden]
    gradient: Vec<f32>,
    share: Share,
    /// Of scale and shift of the embeddings' layer norm.
    norm: [Vec<f32>; 2],
}

impl<E: Element> Trainer<E> {
    /// Whoever calls has made sure that the processor has the extensions.
    pub(in crate::cpu) fn new(variables: Variables, seed: u64, workers: Arc<Workers>) -> Self {
        let config = &variables.config;
        let weights = variables.layers.iter().map(|_| LayerWeights::default()).collect();
        let dropout = Dropout {
            seed,
            step: 0,
            hidden: config.hidden_dropout_prob,
            attention: config.attention_probs_dropout_prob,
        };
        Self {
            shape: Shape::of(config),
            gradients: Gradients::of(&variables),
            variables,
            dropout,
            workers,
            weights,
            work: Vec::new(),
            n_units: 0,
            rooms: Rooms::default(),
        }
    }

    /// Divides the batch among units.
    fn divide(&mut self, texts: &[&[u32]]) {
        let lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        let units = Unit::group(&lengths, UNIT_ROWS);
        self.n_units = units.len();
        let n_layers = self.weights.len();
        for (index, unit) in units.into_iter().enumerate() {
            if self.work.len() == index {
                self.work.push(Work::new(n_layers, unit.clone()));
            }
            let work = &mut self.work[index];
            work.tokens.clear();
            for (text, ..) in unit.texts() {
                let local = texts[text].iter().map(|&word| self.variables.word_rows[word as usize]);
                work.tokens.extend(local.zip(0..));
            }
            work.unit = unit;
        }
    }

    fn layer_backward(&mut self, index: usize) {
        let (shape, dropout) = (self.shape, self.dropout);
        let weights = &self.weights[index];
        let work = longest_first(&mut self.work[..self.n_units]);
        self.workers.each(work.into_iter(), |work| {
            self.rooms.lend(|room| {
                let unit = &work.unit;
                let at = At { shape, weights, unit, layer: index, dropout };
                let (before, state) = work.layers.split_at_mut(index);
                let input = before.last().map_or(&work.embedded, |layer| &layer.output);
                let gradient = &mut work.gradient[..unit.rows * shape.hidden];
                let (state, share) = (&mut state[0], &mut work.share);
                // SAFETY: see `new`.
                unsafe { backward::backward(at, &input.output, state, gradient, share, room) };
            });
        });
        self.sum_shares(index);
    }

    /// Makes a layer's gradients of what the units have found.
    fn sum_shares(&mut self, index: usize) {
        let shares: Vec<&Share> =
            self.work[..self.n_units].iter().map(|work| &work.share).collect();
        let parts: [Vec<(&Panels, &Panels)>; 4] = std::array::from_fn(|place| {
            let factors = shares.iter().map(|share| &share.factors[place]);
            factors.map(|factors| (&factors.gradient, &factors.input)).collect()
        });
        let gradients = &mut self.gradients.layers[index];
        let mut pieces = Vec::new();
        for (gradient, parts) in gradients.weights.iter_mut().zip(&parts) {
            let inputs = parts[0].1.columns;
            let panels = values_mut(gradient).chunks_mut(COLUMNS * inputs).enumerate();
            pieces.extend(panels.map(|(panel, to)| (parts, panel, to)));
        }
        self.workers.each(pieces.into_iter(), |(parts, panel, to)| {
            // SAFETY: see `new`.
            unsafe { weight_gradient::<E>(parts, panel, to) };
        });
        let biases = gradients.biases.iter_mut().enumerate();
        for (place, to) in biases {
            add_all(shares.iter().map(|share| &share.biases[place]), values_mut(to));
        }
        for (place, to) in gradients.norms.iter_mut().flatten().enumerate() {
            add_all(shares.iter().map(|share| &share.norms[place / 2][place % 2]), values_mut(to));
        }
    }

    fn embeddings_backward(&mut self) {
        let (hidden, dropout) = (self.shape.hidden, self.dropout.hidden(0, EMBEDDED));
        let weight = self.variables.tables().norm.weight;
        let work = self.work[..self.n_units].iter_mut();
        self.workers.each(work, |work| {
            let rows = work.unit.rows * hidden;
            let masked = Masked { mask: dropout, first: work.unit.first_row * hidden };
            for sums in &mut work.norm {
                sums.clear();
                sums.resize(hidden, 0.0);
            }
            let [scale, shift] = &mut work.norm;
            let gradient = &mut work.gradient[..rows];
            // SAFETY: see `new`.
            unsafe { embed::backward(&work.embedded, weight, masked, gradient, (scale, shift)) };
        });
        let (mut tables, norm) = self.gradients.embeddings(&self.workers);
        for work in &self.work[..self.n_units] {
            let gradient = &work.gradient[..work.unit.rows * hidden];
            // SAFETY: see `new`.
            unsafe { embed::scatter(&work.tokens, gradient, &mut tables) };
        }
        for (place, to) in norm.into_iter().enumerate() {
            add_all(self.work[..self.n_units].iter().map(|work| &work.norm[place]), to);
        }
    }
}

impl<E: Element> Work<E> {
    fn new(n_layers: usize, unit: Unit) -> Self {
        Self {
            unit,
            tokens: Vec::new(),
            embedded: Normed::default(),
            layers: (0..n_layers).map(|_| LayerState::default()).collect(),
            gradient: Vec::new(),
            share: Share::default(),
            norm: Default::default(),
        }
    }
}

fn longest_first<E>(work: &mut [Work<E>]) -> Vec<&mut Work<E>> {
    let mut work: Vec<_> = work.iter_mut().collect();
    work.sort_by_key(|work| std::cmp::Reverse(work.unit.rows));
    work
}

/// Sums vectors in their order.
fn add_all<'a>(shares: impl Iterator<Item = &'a Vec<f32>>, to: &mut [f32]) {
    to.fill(0.0);
    for share in shares {
        for (to, value) in to.iter_mut().zip(share) {
            *to += value;
        }
    }
}

impl<E: Element> Train for Trainer<E> {
    fn forward(&mut self, texts: &[&[u32]]) {
        self.dropout.step += 1;
        self.divide(texts);
        let (shape, dropout) = (self.shape, self.dropout);
        let masters = self.variables.masters();
        self.workers.each(masters.iter().zip(&mut self.weights), |(masters, weights)| {
            // SAFETY: see `new`.
            unsafe { pack::<E>(masters, true, weights) };
        });
        let (tables, weights) = (self.variables.tables(), &self.weights);
        let work = longest_first(&mut self.work[..self.n_units]);
        self.workers.each(work.into_iter(), |work| {
            self.rooms.lend(|room| {
                // SAFETY: see `new`.
                unsafe { forward(shape, tables, weights, dropout, work, room) };
            });
        });
    }

    fn output(&self, first_only: bool) -> Tensor {
        let units = self.work[..self.n_units].iter();
        let states = units.map(|work| {
            let output = work.layers.last().map_or(&work.embedded, |layer| &layer.output);
            (&work.unit, &*output.output)
        });
        tensor_of(states, self.shape.hidden, first_only)
    }

    fn backward(&mut self, gradient: &Tensor) {
        let hidden = self.shape.hidden;
        let gradient = gradient.to_kind(Kind::Float).contiguous();
        let width = gradient.size()[1] as usize;
        let gradient = values(&gradient);
        for work in &mut self.work[..self.n_units] {
            let rows = work.unit.rows * hidden;
            grow(&mut work.gradient, rows);
            work.gradient[..rows].fill(0.0);
            for (text, first, len) in work.unit.texts() {
                let given = len.min(width) * hidden;
                let from = &gradient[text * width * hidden..][..given];
                work.gradient[first * hidden..][..given].copy_from_slice(from);
            }
        }
        for index in (0..self.weights.len()).rev() {
            self.layer_backward(index);
        }
        self.embeddings_backward();
    }

    fn gradients(&self) -> Vec<Tensor> {
        self.gradients.by_name()
    }
}

wide! {
    fn forward<E: Element>(
        shape: Shape,
        tables: Tables<'_>,
        weights: &[LayerWeights],
        dropout: Dropout,
        work: &mut Work<E>,
        room: &mut Room<E>,
    ) {
        let first = work.unit.first_row * shape.hidden;
        let masked = Masked { mask: dropout.hidden(0, EMBEDDED), first };
        let scratch = &mut room.layer;
        embed::forward(tables, &work.tokens, masked, &mut scratch.sums, &mut work.embedded);
        for (index, weights) in weights.iter().enumerate() {
            let (before, state) = work.layers.split_at_mut(index);
            let input = &before.last().map_or(&work.embedded, |layer| &layer.output).output;
            let at = (&work.unit, index);
            layer::forward((shape, weights), at, dropout, input, &mut state[0], scratch);
        }
    }
}

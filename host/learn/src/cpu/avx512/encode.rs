//! The encoder for inference: texts go through all layers in units, each of which a thread takes alone.
#![expect(
    unsafe_code,
    reason = "code for vector extensions is called where they have been detected"
)]

use tch::Tensor;

use super::dropout::{Off, Whole};
use super::embed;
use super::layer::{self, LayerState, Scratch, Shape, Unit};
use super::norm::{Masked, Normed};
use super::number::{Element, wide};
use super::tensors::tensor_of;
use super::weights::{LayerWeights, pack};
use crate::cpu::workers::{Rooms, Workers};
use crate::cpu::{Encode, Masters, Tables};
use crate::files::bert_config::BertConfig;

/// Rows of a unit of work, at least: with fewer, the weights would be read too often.
const UNIT_ROWS: usize = 96;

pub(in crate::cpu) struct Packed<E> {
    shape: Shape,
    weights: Vec<LayerWeights>,
    workers: Workers,
    rooms: Rooms<Room<E>>,
}

/// Room for a unit on its way.
#[derive(Default)]
struct Room<E> {
    embedded: Normed<E>,
    /// Of this layer and the one before.
    layers: [LayerState<E>; 2],
    scratch: Scratch<E>,
}

impl<E: Element> Packed<E> {
    /// Whoever calls has made sure that the processor has the extensions.
    pub(in crate::cpu) fn new(config: &BertConfig, masters: &[Masters<'_>]) -> Self {
        let workers = Workers::start();
        let mut weights: Vec<LayerWeights> =
            masters.iter().map(|_| LayerWeights::default()).collect();
        workers.each(masters.iter().zip(&mut weights), |(masters, weights)| {
            // SAFETY: see above.
            unsafe { pack::<E>(masters, false, weights) };
        });
        Self { shape: Shape::of(config), weights, workers, rooms: Rooms::default() }
    }
}

impl<E: Element> Encode for Packed<E> {
    fn encode(&self, tables: Tables<'_>, texts: &[&[u32]]) -> Tensor {
        let lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        let units = Unit::group(&lengths, UNIT_ROWS);
        let mut outputs: Vec<Vec<E>> = units.iter().map(|_| Vec::new()).collect();
        self.workers.each(units.iter().zip(&mut outputs), |(unit, output)| {
            let tokens: Vec<(u32, u32)> =
                unit.texts().flat_map(|(text, ..)| texts[text].iter().copied().zip(0..)).collect();
            self.rooms.lend(|room| {
                // SAFETY: see `new`.
                unsafe { forward(self, tables, unit, &tokens, room) };
                let last = match self.weights.len() {
                    0 => &room.embedded,
                    n => &room.layers[(n - 1) % 2].output,
                };
                output.extend_from_slice(&last.output[..unit.rows * self.shape.hidden]);
            });
        });
        let states = units.iter().zip(&outputs).map(|(unit, output)| (unit, &**output));
        tensor_of(states, self.shape.hidden, false)
    }

    fn workers(&self) -> &Workers {
        &self.workers
    }
}

wide! {
    fn forward<E: Element>(
        of: &Packed<E>,
        tables: Tables<'_>,
        unit: &Unit,
        tokens: &[(u32, u32)],
        room: &mut Room<E>,
    ) {
        let Room { embedded, layers: [even, odd], scratch } = room;
        let whole = Masked { mask: Whole, first: 0 };
        embed::forward(tables, tokens, whole, &mut scratch.sums, embedded);
        for (index, weights) in of.weights.iter().enumerate() {
            let (before, state) =
                if index % 2 == 0 { (&mut *odd, &mut *even) } else { (&mut *even, &mut *odd) };
            let input = if index == 0 { &embedded.output } else { &before.output.output };
            layer::forward((of.shape, weights), (unit, index), Off, input, state, scratch);
        }
    }
}

//! The convolutions of a CNN head, with their maxima over time. A window of some tokens is that many rows
//! behind each other, so a convolution is a product whose left rows overlap. Only the window with the
//! maximum has a gradient, which is little work.
#![expect(
    unsafe_code,
    reason = "code for vector extensions is called where they have been detected"
)]

use tch::{Device, Kind, Tensor};

use super::norm::grow;
use super::number::{Element, wide};
use super::panels::{Panels, Rows, along};
use super::product::{Place, Tile, times};
use crate::cpu::slices::{values, values_mut};
use crate::cpu::workers::{Rooms, Workers};
use crate::cpu::{Filters, Maxima};

/// Filters whose gradient a thread computes before it looks for more.
const FILTERS_AT_ONCE: usize = 16;

/// Filters of one width, [filters, width * hidden]: as a window lies in memory.
struct Windows<'a> {
    width: usize,
    /// Its first column among all filters.
    first: usize,
    weights: Vec<f32>,
    packed: Panels,
    filters: Filters<'a>,
}

/// A text, zero behind its end as far as the widest window reaches.
#[derive(Default)]
struct Room<E> {
    states: Vec<E>,
}

impl<'a> Windows<'a> {
    /// Turns weights [filters, hidden, width] into windows, packed for products if asked for.
    fn all<E: Element>(of: &[Filters<'a>], pack: bool, workers: &Workers) -> Vec<Self> {
        let mut first = 0;
        let place = |&filters: &Filters<'a>| {
            first += filters.n;
            let (width, packed) = (filters.width, Panels::default());
            Self { width, first: first - filters.n, weights: Vec::new(), packed, filters }
        };
        let mut windows: Vec<Self> = of.iter().map(place).collect();
        workers.each(windows.iter_mut(), |windows| {
            let len = windows.filters.weight.len();
            windows.weights.resize(len, 0.0);
            let (weight, width) = (windows.filters.weight, windows.width);
            transpose(weight, (windows.filters.n, width), &mut windows.weights);
            if pack {
                let summed = len / windows.filters.n;
                let rows = Rows::new(&windows.weights, summed, windows.filters.n);
                // SAFETY: see `maxima`.
                unsafe { along::<f32, E>(rows, summed, &mut windows.packed) };
            }
        });
        windows
    }
}

/// Takes [filters, hidden, width] to [filters, width, hidden].
fn transpose(from: &[f32], (n, width): (usize, usize), to: &mut [f32]) {
    let size = from.len() / n;
    for (from, to) in from.chunks_exact(size).zip(to.chunks_exact_mut(size)) {
        let hidden = size / width;
        for (at, from) in from.chunks_exact(width).enumerate() {
            for (window, &value) in from.iter().enumerate() {
                to[window * hidden + at] = value;
            }
        }
    }
}

/// The maxima of all windows of each text. Whoever calls has made sure that the processor has the extensions.
pub(in crate::cpu) fn maxima<E: Element>(
    states: &Tensor,
    lengths: &[i64],
    filters: &[Filters<'_>],
    workers: &Workers,
) -> Maxima {
    let (n_texts, len, hidden) = states.size3().expect("hidden states have 3 dimensions");
    let states = states.contiguous();
    let values = values::<E>(&states);
    let windows = Windows::all::<E>(filters, true, workers);
    let columns: usize = filters.iter().map(|filters| filters.n).sum();
    let mut tensor = Tensor::empty([n_texts, columns as i64], (Kind::Float, Device::Cpu));
    let mut starts = vec![0_u32; n_texts as usize * columns];
    let rooms = Rooms::<Room<E>>::default();
    let texts = values.chunks_exact((len * hidden) as usize).zip(lengths);
    let results = values_mut(&mut tensor).chunks_exact_mut(columns);
    let work = texts.zip(results.zip(starts.chunks_exact_mut(columns)));
    workers.each(work, |((states, &len), to)| {
        let text = &states[..len as usize * hidden as usize];
        // SAFETY: see above.
        rooms.lend(|room| unsafe { maxima_of_text(text, hidden as usize, &windows, to, room) });
    });
    Maxima { values: tensor, starts }
}

/// Takes `gradient`, that of the maxima, to those of the states, f32 [texts, len, hidden], and of the filters'
/// weights. Whoever calls has made sure that the processor has the extensions.
pub(in crate::cpu) fn maxima_backward<E: Element>(
    (states, lengths): (&Tensor, &[i64]),
    filters: &[Filters<'_>],
    (starts, gradient): (&[u32], &Tensor),
    workers: &Workers,
) -> (Tensor, Vec<Tensor>) {
    let (_, len, hidden) = states.size3().expect("hidden states have 3 dimensions");
    let columns: usize = filters.iter().map(|filters| filters.n).sum();
    let windows = Windows::all::<E>(filters, false, workers);
    let gradient = gradient.contiguous();
    let gradients = values(&gradient);
    let mut of_states = Tensor::empty(states.size(), (Kind::Float, Device::Cpu));
    let by_text = values_mut(&mut of_states).chunks_exact_mut((len * hidden) as usize);
    let by_text =
        by_text.zip(lengths).zip(starts.chunks_exact(columns)).zip(gradients.chunks_exact(columns));
    workers.each(by_text, |(((to, &len), starts), gradients)| {
        to.fill(0.0);
        let text = &mut to[..len as usize * hidden as usize];
        // SAFETY: see above.
        unsafe { backward_to_text(text, hidden as usize, &windows, (starts, gradients)) };
    });

    let states = states.contiguous();
    let texts = values::<E>(&states).chunks_exact((len * hidden) as usize).zip(lengths);
    let texts: Vec<&[E]> = texts.map(|(all, &len)| &all[..(len * hidden) as usize]).collect();
    let of_weights = windows.iter().map(|windows| {
        let size = windows.weights.len() / windows.filters.n;
        let shape = [windows.filters.n as i64, hidden, windows.width as i64];
        let mut to = Tensor::empty(shape, (Kind::Float, Device::Cpu));
        let pieces = values_mut(&mut to).chunks_mut(FILTERS_AT_ONCE * size).enumerate();
        workers.each(pieces, |(piece, to)| {
            let first = windows.first + piece * FILTERS_AT_ONCE;
            let of = (starts, gradients, columns);
            // SAFETY: see above.
            unsafe { backward_to_filters(&texts, (windows.width, size, first), of, to) };
        });
        to
    });
    let of_weights = of_weights.collect();
    (of_states, of_weights)
}

wide! {
    fn maxima_of_text<E: Element>(
        text: &[E],
        hidden: usize,
        windows: &[Windows<'_>],
        (maxima, starts): (&mut [f32], &mut [u32]),
        room: &mut Room<E>,
    ) {
        let widest = windows.iter().map(|windows| windows.width).max().unwrap_or(1);
        let states = &mut room.states;
        grow(states, text.len().max(widest * hidden));
        states[..text.len()].copy_from_slice(text);
        if text.len() < widest * hidden {
            states[text.len()..widest * hidden].fill(E::default());
        }
        maxima.fill(f32::NEG_INFINITY);
        for windows in windows {
            let rows = (text.len() / hidden + 1).saturating_sub(windows.width).max(1);
            let (n, first) = (windows.filters.n, windows.first);
            let (maxima, starts) = (&mut maxima[first..][..n], &mut starts[first..][..n]);
            times(Rows::new(states, hidden, rows), &windows.packed, |tile, place| {
                keep_greater(tile, place, maxima, starts);
            });
        }
    }

    fn keep_greater(tile: &Tile, place: Place, maxima: &mut [f32], starts: &mut [u32]) {
        let columns = place.column..place.column + place.columns;
        let (maxima, starts) = (&mut maxima[columns.clone()], &mut starts[columns]);
        for (row, tile) in tile.iter().enumerate().take(place.rows) {
            let row = (place.row + row) as u32;
            for ((maximum, start), &value) in maxima.iter_mut().zip(starts.iter_mut()).zip(tile) {
                // What is not a number stays, so that it shows in the loss.
                let greater = value > *maximum || value.is_nan();
                *maximum = if greater { value } else { *maximum };
                *start = if greater { row } else { *start };
            }
        }
    }

    fn backward_to_text(
        text: &mut [f32],
        hidden: usize,
        windows: &[Windows<'_>],
        (starts, gradients): (&[u32], &[f32]),
    ) {
        for windows in windows {
            let size = windows.width * hidden;
            for (filter, weights) in windows.weights.chunks_exact(size).enumerate() {
                let gradient = gradients[windows.first + filter];
                let start = starts[windows.first + filter] as usize * hidden;
                for (to, weight) in text[start..].iter_mut().zip(weights) {
                    *to += gradient * weight;
                }
            }
        }
    }

    /// The gradient of some filters' weights, from `first` on, [filters, hidden, width].
    fn backward_to_filters<E: Element>(
        texts: &[&[E]],
        (width, size, first): (usize, usize, usize),
        (starts, gradients, columns): (&[u32], &[f32], usize),
        to: &mut [f32],
    ) {
        let hidden = size / width;
        let mut sum = vec![0.0_f32; size];
        for (filter, to) in to.chunks_exact_mut(size).enumerate() {
            sum.fill(0.0);
            for (text, states) in texts.iter().enumerate() {
                let at = text * columns + first + filter;
                let (start, gradient) = (starts[at] as usize * hidden, gradients[at]);
                for (sum, state) in sum.iter_mut().zip(&states[start..]) {
                    *sum += gradient * state.to_f32();
                }
            }
            // As windows lie, [width, hidden], to [hidden, width].
            transpose(&sum, (1, hidden), to);
        }
    }
}

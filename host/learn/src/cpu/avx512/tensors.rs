//! Hidden states of units as one padded tensor, which is what heads read.

use tch::{Device, Tensor};

use super::layer::Unit;
use super::number::Element;
use crate::cpu::slices::values_mut;

/// Returns [texts, len, hidden] of `E`'s kind, or [texts, 1, hidden] with the first state of each; zero behind
/// a text's end.
pub(super) fn tensor_of<'a, E: Element>(
    units: impl Iterator<Item = (&'a Unit, &'a [E])>,
    hidden: usize,
    first_only: bool,
) -> Tensor {
    let units: Vec<_> = units.collect();
    let lengths = units.iter().flat_map(|(unit, _)| &unit.lengths);
    let width = if first_only { 1 } else { lengths.copied().max().unwrap_or(0) };
    let n_texts: usize = units.iter().map(|(unit, _)| unit.lengths.len()).sum();
    let shape = [n_texts as i64, width as i64, hidden as i64];
    let mut tensor = Tensor::empty(shape, (E::KIND, Device::Cpu));
    let to = values_mut::<E>(&mut tensor);
    for (unit, states) in units {
        for (text, first, len) in unit.texts() {
            let from = &states[first * hidden..][..len.min(width) * hidden];
            let to = &mut to[text * width * hidden..][..width * hidden];
            to[..from.len()].copy_from_slice(from);
            to[from.len()..].fill(E::default());
        }
    }
    tensor
}

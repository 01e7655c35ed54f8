//! Hidden states of units as one padded tensor, which is what heads read; and such a tensor's values.
#![expect(unsafe_code, reason = "libtorch gives a pointer to a tensor's memory")]

use tch::{Device, Tensor};

use super::layer::Unit;
use super::number::Element;

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
    let mut bytes = vec![0_u8; n_texts * width * hidden * size_of::<E>()];
    for (unit, states) in units {
        for (text, first, len) in unit.texts() {
            let from = &states[first * hidden..][..len.min(width) * hidden];
            let to = &mut bytes[text * width * hidden * size_of::<E>()..];
            E::write(from, to);
        }
    }
    let shape = [n_texts as i64, width as i64, hidden as i64];
    Tensor::from_data_size(&bytes, &shape, E::KIND)
}

/// The values of a tensor. While they are borrowed nothing may write them through another handle.
///
/// # Panics
/// Panics if it is not of `E`'s kind, on the CPU and in one piece.
pub(super) fn elements<E: Element>(tensor: &Tensor) -> &[E] {
    assert_eq!((tensor.kind(), tensor.device()), (E::KIND, Device::Cpu), "values of another kind");
    assert!(tensor.is_contiguous(), "a tensor in one piece");
    if tensor.numel() == 0 {
        return &[];
    }
    // SAFETY: the tensor keeps this many values of this kind in one piece as long as it lives, and whoever calls
    // has no other handle in use.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), tensor.numel()) }
}

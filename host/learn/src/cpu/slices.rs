//! Tensors on the CPU as slices of their memory.
#![expect(unsafe_code, reason = "libtorch gives a pointer to a tensor's memory")]

use tch::{Device, Kind, Tensor};

fn check(tensor: &Tensor) {
    assert_eq!((tensor.kind(), tensor.device()), (Kind::Float, Device::Cpu), "f32 on the CPU");
    assert!(tensor.is_contiguous(), "a tensor in one piece");
}

/// The values of `tensor`. While they are borrowed nothing may write them through another handle.
///
/// # Panics
/// Panics if it is not f32, on the CPU and in one piece.
pub(crate) fn values(tensor: &Tensor) -> &[f32] {
    check(tensor);
    if tensor.numel() == 0 {
        return &[];
    }
    // SAFETY: the tensor keeps this many values in one piece as long as it lives, and whoever calls has no
    // other handle in use.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), tensor.numel()) }
}

/// The values of `tensor`, to be written. While they are borrowed nothing may use another handle.
///
/// # Panics
/// Panics where `values` does.
pub(crate) fn values_mut(tensor: &mut Tensor) -> &mut [f32] {
    check(tensor);
    if tensor.numel() == 0 {
        return &mut [];
    }
    // SAFETY: as in `values`.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) }
}

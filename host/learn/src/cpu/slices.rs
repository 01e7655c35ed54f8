//! Tensors on the CPU as slices of their memory.
#![expect(unsafe_code, reason = "libtorch gives a pointer to a tensor's memory")]

use tch::{Device, Kind, Tensor};

/// A number as libtorch keeps it.
///
/// # Safety
/// `KIND` must be libtorch's name for a number of these very bits, all of which are valid.
pub(crate) unsafe trait Number: Copy + 'static {
    const KIND: Kind;
}

// SAFETY: libtorch calls an f32 so.
unsafe impl Number for f32 {
    const KIND: Kind = Kind::Float;
}

fn check<T: Number>(tensor: &Tensor) {
    assert_eq!((tensor.kind(), tensor.device()), (T::KIND, Device::Cpu), "values of another kind");
    assert!(tensor.is_contiguous(), "a tensor in one piece");
}

/// The values of `tensor`. While they are borrowed nothing may write them through another handle.
///
/// # Panics
/// Panics if it is not of `T`'s kind, on the CPU and in one piece.
pub(crate) fn values<T: Number>(tensor: &Tensor) -> &[T] {
    check::<T>(tensor);
    if tensor.numel() == 0 {
        return &[];
    }
    // SAFETY: the tensor keeps this many values of this kind in one piece as long as it lives, and whoever calls
    // has no other handle in use.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), tensor.numel()) }
}

/// The values of `tensor`, to be written. While they are borrowed nothing may use another handle.
///
/// # Panics
/// Panics where `values` does.
pub(crate) fn values_mut<T: Number>(tensor: &mut Tensor) -> &mut [T] {
    check::<T>(tensor);
    if tensor.numel() == 0 {
        return &mut [];
    }
    // SAFETY: as in `values`.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) }
}

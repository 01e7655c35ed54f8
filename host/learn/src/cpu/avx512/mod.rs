//! What is compiled for AVX-512. libtorch's products are slower (`product.rs`), and what is between them is
//! memory traffic, of which one pass needs less than several.
//!
//! A batch is divided into units of a few texts. One thread takes a unit through all layers, in memory
//! that stays in its cache; nothing is padded, and no thread waits for another. Only the gradient of a
//! weight needs all units. All sums have an order that no number of threads changes.
#![allow(
    clippy::inline_always,
    reason = "only what is inlined into code for vector extensions is compiled with them"
)]
#![allow(clippy::many_single_char_names, reason = "formulas have the letters of their sources")]

mod activation;
mod attention;
mod backward;
mod convolve;
mod dropout;
mod embed;
mod encode;
mod gradients;
mod layer;
mod norm;
mod number;
mod panels;
mod product;
mod tensors;
#[cfg(test)]
mod tests;
mod trainer;
mod weights;

pub(super) use convolve::{maxima, maxima_backward};
pub(super) use encode::Packed;
pub(super) use number::Bf16;
pub(super) use trainer::Trainer;

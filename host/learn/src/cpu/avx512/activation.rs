//! The activation between the two wide products of a layer, and its derivative.

use super::number::{Element, exp, wide};
use super::panels::COLUMNS;
use super::product::{Place, Tile};
use crate::files::bert_config::Activation;

/// Returns the value of an activation and its derivative.
#[inline(always)]
fn gelu(x: f32) -> (f32, f32) {
    // Phi(x) by Abramowitz and Stegun 7.1.26, to 1e-7; its exponential is that of the density as well.
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / z.mul_add(0.327_591_1, 1.0);
    let p = t.mul_add(1.061_405_4, -1.453_152_1);
    let p = p.mul_add(t, 1.421_413_8);
    let p = p.mul_add(t, -0.284_496_74);
    let p = p.mul_add(t, 0.254_829_6);
    let e = exp(-z * z);
    let tail = 0.5 * p * t * e;
    let phi = if x < 0.0 { tail } else { 1.0 - tail };
    let density = 0.398_942_3 * e; // 1 / sqrt(2 pi)
    (x * phi, x.mul_add(density, phi))
}

#[inline(always)]
fn gelu_tanh(x: f32) -> (f32, f32) {
    const SCALE: f32 = 0.797_884_6; // sqrt(2 / pi)
    let u = SCALE * (0.044_715 * x * x).mul_add(x, x);
    // Half of 1 + tanh(u), without the difference of two that are almost equal.
    let part = 1.0 / (1.0 + exp(-2.0 * u));
    let slope = SCALE * (3.0 * 0.044_715 * x).mul_add(x, 1.0);
    (x * part, (2.0 * x * part * (1.0 - part)).mul_add(slope, part))
}

#[inline(always)]
fn relu(x: f32) -> (f32, f32) {
    if x > 0.0 { (x, 1.0) } else { (0.0, 0.0) }
}

/// Calls `apply` with the function of an activation, so that it is compiled once for each.
macro_rules! with_function {
    ($activation:expr, $apply:ident($($argument:expr),*)) => {
        match $activation {
            Activation::Gelu => $apply($($argument,)* gelu),
            Activation::GeluTanh => $apply($($argument,)* gelu_tanh),
            Activation::Relu => $apply($($argument,)* relu),
        }
    };
}

/// Both matrices [rows, wide] of which a tile is a part.
pub(super) struct Wide<'a, E> {
    pub(super) first: &'a mut [E],
    pub(super) second: &'a mut [E],
    /// Values of a row.
    pub(super) stride: usize,
}

wide! {
    /// Takes a tile of products to what the activation sees, with the bias, in `to.first`, and to what it
    /// gives, in `to.second`.
    pub(super) fn forward<E: Element>(
        activation: Activation,
        (tile, place): (&Tile, Place),
        bias: &[f32],
        to: &mut Wide<'_, E>,
    ) {
        with_function!(activation, forward_with((tile, place), bias, to));
    }

    /// Takes a tile of the gradient of what the activation gave to that of what it saw, which stands in
    /// `of.first` and is replaced; `of.second` becomes what it gave.
    pub(super) fn backward<E: Element>(
        activation: Activation,
        (tile, place): (&Tile, Place),
        of: &mut Wide<'_, E>,
    ) {
        with_function!(activation, backward_with((tile, place), of));
    }

    #[inline]
    fn forward_with<E: Element>(
        (tile, place): (&Tile, Place),
        bias: &[f32],
        to: &mut Wide<'_, E>,
        function: impl Fn(f32) -> (f32, f32),
    ) {
        let bias = &bias[place.column..][..place.columns];
        for (row, tile) in tile.iter().enumerate().take(place.rows) {
            let (seen, given) = to.row(place, row);
            for ((seen, given), (&value, &bias)) in
                seen.iter_mut().zip(given).zip(tile.iter().zip(bias))
            {
                *seen = E::from_f32(value + bias);
                *given = E::from_f32(function(seen.to_f32()).0);
            }
        }
    }

    #[inline]
    fn backward_with<E: Element>(
        (tile, place): (&Tile, Place),
        of: &mut Wide<'_, E>,
        function: impl Fn(f32) -> (f32, f32),
    ) {
        for (row, tile) in tile.iter().enumerate().take(place.rows) {
            let (seen, given) = of.row(place, row);
            for ((seen, given), &gradient) in seen.iter_mut().zip(given).zip(tile) {
                let (value, slope) = function(seen.to_f32());
                *given = E::from_f32(value);
                *seen = E::from_f32(gradient * slope);
            }
        }
    }
}

impl<E> Wide<'_, E> {
    /// Returns the part of a row that a tile is, of both matrices.
    #[inline(always)]
    fn row(&mut self, place: Place, row: usize) -> (&mut [E], &mut [E]) {
        let first = (place.row + row) * self.stride + place.column;
        let columns = place.columns.min(COLUMNS);
        (&mut self.first[first..][..columns], &mut self.second[first..][..columns])
    }
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::*;

    fn check(activation: Activation, function: fn(f32) -> (f32, f32)) {
        let inputs: Vec<f32> = (-1200..1200).map(|i| i as f32 / 100.0 + 0.001).collect();
        let x = Tensor::from_slice(&inputs).set_requires_grad(true);
        let values = activation.apply(&x);
        let slopes = Tensor::run_backward(&[values.sum(tch::Kind::Float)], &[&x], false, false);
        let values = Vec::<f32>::try_from(values.detach()).unwrap();
        let slopes = Vec::<f32>::try_from(&slopes[0]).unwrap();
        for ((input, value), slope) in inputs.into_iter().zip(values).zip(slopes) {
            let (ours, our_slope) = function(input);
            assert!((ours - value).abs() < 1e-6 * (1.0 + input.abs()), "{input}: {ours} {value}");
            assert!((our_slope - slope).abs() < 5e-6, "{input}: {our_slope} {slope}");
        }
    }

    #[test]
    fn values_and_derivatives_are_libtorchs() {
        check(Activation::Gelu, gelu);
        check(Activation::GeluTanh, gelu_tanh);
        check(Activation::Relu, relu);
    }
}

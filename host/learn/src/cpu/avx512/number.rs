//! The two number formats of the layers, and arithmetic that a compiler turns into vector instructions.
#![expect(unsafe_code, reason = "what libtorch calls a number is promised")]

use tch::Kind;

use crate::cpu::slices::Number;

/// The extensions that everything here is compiled for; see `super::available`.
macro_rules! wide {
    ($($item:item)*) => {
        $(#[target_feature(enable = "avx512bw,avx512dq,avx512vl,avx512bf16")] $item)*
    };
}
pub(super) use wide;

/// A number in memory. Arithmetic is f32; a product takes its factors in 32-bit words.
pub(in crate::cpu) trait Element: Number + Default + Send + Sync {
    /// Values in a word.
    const PER_WORD: usize;
    fn from_f32(value: f32) -> Self;
    fn to_f32(self) -> f32;
    fn bits(self) -> u32;
    /// Returns the value whose bits are the upper half of an f32.
    fn from_bits(upper: u16) -> Self;
    /// Returns the value as an `E`; without arithmetic where it is one.
    fn convert<E: Element>(self) -> E;
}

impl Element for f32 {
    const PER_WORD: usize = 1;

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        self.to_bits()
    }

    #[inline(always)]
    fn from_bits(upper: u16) -> Self {
        f32::from_bits(u32::from(upper) << 16)
    }

    #[inline(always)]
    fn convert<E: Element>(self) -> E {
        E::from_f32(self)
    }
}

/// The upper half of an f32.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(transparent)]
pub(in crate::cpu) struct Bf16(u16);

// SAFETY: libtorch calls the upper half of an f32 so.
unsafe impl Number for Bf16 {
    const KIND: Kind = Kind::BFloat16;
}

impl Element for Bf16 {
    const PER_WORD: usize = 2;

    /// Rounds to the nearest, to even on a tie; what is not a number stays none.
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
        let bits = if value.is_nan() { bits | 0x40_0000 } else { rounded };
        Self((bits >> 16) as u16)
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        u32::from(self.0)
    }

    #[inline(always)]
    fn from_bits(upper: u16) -> Self {
        Self(upper)
    }

    #[inline(always)]
    fn convert<E: Element>(self) -> E {
        if E::PER_WORD == 2 { E::from_bits(self.0) } else { E::from_f32(self.to_f32()) }
    }
}

/// Numbers that one vector register holds.
pub(super) const LANES: usize = 16;

/// Sums `term` over the pairs of `a` and `b` in `LANES` partial sums, which end in a fixed order. So the
/// sum is the same everywhere, and the compiler need not keep the order of one long sum.
#[inline(always)]
pub(super) fn sum<A: Copy, B: Copy>(a: &[A], b: &[B], term: impl Fn(A, B) -> f32) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0.0_f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += term(a[lane], b[lane]);
        }
    }
    for (lane, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[lane] += term(a, b);
    }
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
    }
    lanes[0]
}

/// e to the power of `x`, to 2 units in the last place, for an `x` from -87.3 to 88; outside, as at the nearer end.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding it rounds to an integer, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23
    let x = x.clamp(-87.3, 88.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    // ln 2 in two parts, the first with few enough bits that its product with n is exact.
    let r = (-n).mul_add(0.693_359_4, x);
    let r = (-n).mul_add(-2.121_944_4e-4, r);
    // The polynomial of Cephes' expf.
    let p = 1.987_569_1e-4_f32;
    let p = p.mul_add(r, 1.398_2e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_5e-1);
    let p = p.mul_add(r, 0.5);
    let p = p.mul_add(r * r, r + 1.0);
    let power = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    p * f32::from_bits(power)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tch::Tensor;

    use super::*;

    #[test]
    fn bf16_rounds_as_libtorch_does() {
        let mut values: Vec<f32> = (0..2000_u32).map(|i| f32::from_bits(i * 2_000_003)).collect();
        values.extend([1.0, 1.003_906_3, 1.011_718_8, f32::MAX, f32::INFINITY, -0.0, 1e-40]);
        values.retain(|value| !value.is_nan());
        let theirs = Tensor::from_slice(&values).to_kind(Kind::BFloat16).to_kind(Kind::Float);
        let ours: Vec<f32> = values.iter().map(|&value| Bf16::from_f32(value).to_f32()).collect();
        assert_eq!(ours, Vec::<f32>::try_from(theirs).unwrap());
        assert!(Bf16::from_f32(f32::from_bits(0x7fff_ffff)).to_f32().is_nan());
    }

    proptest! {
        #[test]
        fn exp_is_near(x in -87.0_f32..88.0) {
            let expected = f64::from(x).exp();
            prop_assert!((f64::from(exp(x)) / expected - 1.0).abs() < 3e-7);
        }

        #[test]
        fn a_sum_is_of_all(values in proptest::collection::vec(-9_i8..9, 0..70)) {
            let floats: Vec<f32> = values.iter().map(|&v| f32::from(v)).collect();
            let expected: i32 = values.iter().map(|&v| i32::from(v) * i32::from(v)).sum();
            prop_assert!((sum(&floats, &floats, |a, b| a * b) - expected as f32).abs() < 0.5);
        }
    }
}

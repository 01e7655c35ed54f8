//! Dropout by a generator that counts instead of going on: whether a value is dropped is a hash of where it
//! is and when. So a mask is never stored, and is the same whatever the number of threads.

/// A factor for each value of a matrix, by its index.
pub(super) trait Mask: Copy + Send + Sync {
    fn factor(self, index: u32) -> f32;
}

/// Nothing is dropped.
#[derive(Clone, Copy)]
pub(super) struct Whole;

impl Mask for Whole {
    #[inline(always)]
    fn factor(self, _: u32) -> f32 {
        1.0
    }
}

/// 0 with the probability of dropout, else its inverse complement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dropped {
    key: [u32; 2],
    /// Hashes below it are dropped.
    threshold: u32,
    scale: f32,
}

impl Mask for Dropped {
    #[inline(always)]
    fn factor(self, index: u32) -> f32 {
        if hash(index, self.key) < self.threshold { 0.0 } else { self.scale }
    }
}

/// Makes the masks of one step of training.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dropout {
    pub(super) seed: u64,
    pub(super) step: u64,
    pub(super) hidden: f64,
    pub(super) attention: f64,
}

/// What makes the masks of a pass, if any.
pub(super) trait Masks: Copy + Send + Sync {
    type Mask: Mask;
    /// For the hidden states at one of the places of a layer.
    fn hidden(self, layer: usize, place: usize) -> Self::Mask;
    /// For the attention of one head within one text of the batch.
    fn attention(self, layer: usize, text: usize, head: usize) -> Self::Mask;
}

/// Inference.
#[derive(Clone, Copy)]
pub(super) struct Off;

impl Masks for Off {
    type Mask = Whole;

    fn hidden(self, _: usize, _: usize) -> Whole {
        Whole
    }

    fn attention(self, _: usize, _: usize, _: usize) -> Whole {
        Whole
    }
}

impl Masks for Dropout {
    type Mask = Dropped;

    fn hidden(self, layer: usize, place: usize) -> Dropped {
        self.mask(self.hidden, [layer, place, 0, 0])
    }

    fn attention(self, layer: usize, text: usize, head: usize) -> Dropped {
        self.mask(self.attention, [layer, 3, text, head])
    }
}

impl Dropout {
    fn mask(self, probability: f64, place: [usize; 4]) -> Dropped {
        let numbers = [self.seed, self.step].into_iter().chain(place.map(|part| part as u64));
        let key = numbers.fold(0, |key, number| split_mix(key ^ split_mix(number)));
        Dropped {
            key: [key as u32, (key >> 32) as u32],
            threshold: (probability * 2.0_f64.powi(32)) as u32,
            scale: (1.0 / (1.0 - probability)) as f32,
        }
    }
}

/// The output function of `SplitMix64`, by Sebastiano Vigna: <https://prng.di.unimi.it/splitmix64.c>.
fn split_mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A permutation of `index` that the key chooses, in 32 bits, of which a vector holds 16: two rounds of a
/// hash by Chris Wellons, <https://github.com/skeeto/hash-prospector>.
#[inline(always)]
fn hash(index: u32, key: [u32; 2]) -> u32 {
    let mut x = index ^ key[0];
    x = (x ^ (x >> 16)).wrapping_mul(0x21f0_aaad);
    x = (x ^ (x >> 15)).wrapping_mul(0xd35a_2d97);
    x = (x ^ (x >> 15)).wrapping_add(key[1]);
    x = (x ^ (x >> 16)).wrapping_mul(0x21f0_aaad);
    x ^ (x >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DROPOUT: Dropout = Dropout { seed: 1, step: 2, hidden: 0.1, attention: 0.3 };

    fn kept(mask: Dropped, n: u32) -> Vec<bool> {
        (0..n).map(|index| mask.factor(index) > 0.0).collect()
    }

    /// The number of equal ones must be that of independent draws, within five deviations.
    fn check_independent(a: Dropped, b: Dropped) {
        let n = 100_000;
        let equal = kept(a, n).iter().zip(kept(b, n)).filter(|(a, b)| **a == *b).count() as f64;
        let (p, q) = (0.9 * 0.9 + 0.1 * 0.1, 0.9 * 0.1 * 2.0);
        assert!((equal - p * f64::from(n)).abs() < 5.0 * (f64::from(n) * p * q).sqrt(), "{equal}");
    }

    #[test]
    fn the_part_that_is_dropped_is_the_probability_and_the_mean_stays() {
        for (mask, p) in [(DROPOUT.hidden(3, 1), 0.1), (DROPOUT.attention(0, 5, 2), 0.3)] {
            let factors: Vec<f64> = (0..200_000).map(|i| f64::from(mask.factor(i))).collect();
            let dropped = factors.iter().filter(|factor| **factor < 0.5).count() as f64 / 2e5;
            assert!((dropped - p).abs() < 5.0 * (p * (1.0 - p) / 2e5).sqrt(), "{dropped}");
            assert!((factors.iter().sum::<f64>() / 2e5 - 1.0).abs() < 0.01);
        }
    }

    #[test]
    fn seed_step_layer_place_text_and_head_each_make_another_mask() {
        let hidden = DROPOUT.hidden(0, 0);
        check_independent(hidden, Dropout { seed: 2, ..DROPOUT }.hidden(0, 0));
        check_independent(hidden, Dropout { step: 3, ..DROPOUT }.hidden(0, 0));
        check_independent(hidden, DROPOUT.hidden(1, 0));
        check_independent(hidden, DROPOUT.hidden(0, 1));
        let attention = Dropout { attention: 0.1, ..DROPOUT };
        check_independent(attention.attention(0, 0, 0), attention.attention(0, 1, 0));
        check_independent(attention.attention(0, 0, 0), attention.attention(0, 0, 1));
    }

    #[test]
    fn neighbours_are_dropped_independently() {
        let all = kept(DROPOUT.hidden(2, 2), 200_000);
        for apart in [1, 2, 16, 32, 384, 768] {
            let pairs = all.iter().zip(&all[apart..]).filter(|(a, b)| !**a && !**b).count() as f64;
            let expected = (all.len() - apart) as f64 * 0.01;
            assert!((pairs - expected).abs() < 5.0 * expected.sqrt(), "{apart}: {pairs}");
        }
    }

    #[test]
    fn without_a_probability_nothing_is_dropped() {
        let off = Dropout { hidden: 0.0, ..DROPOUT }.hidden(0, 0);
        assert!((0..10_000).all(|index| (off.factor(index) - 1.0).abs() < f32::EPSILON));
    }
}

//! Random numbers that are the same in every version: a fixed generator with named streams.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// ChaCha8 keyed with a seed of 32 bytes. What is drawn from it never changes within 1.x, so a
/// selection can be reproduced years later.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream called `name` of a seed. Streams of different names are independent; the same
    /// name twice gives the same numbers twice.
    pub fn stream(seed: &[u8; 32], name: &str) -> Self {
        let mut rng = ChaCha8Rng::from_seed(*seed);
        rng.set_stream(fnv1a(name.as_bytes()));
        Self(rng)
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1), with 53 random bits.
    pub fn f64(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in 0..n, without bias (Lemire's multiplication with rejection).
    ///
    /// # Panics
    /// Panics if `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "nothing is below 0");
        let n = n as u64;
        let reject_below = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(n);
            if product as u64 >= reject_below {
                return (product >> 64) as usize;
            }
        }
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller, one of the pair).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.f64()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.f64()).cos()
    }

    /// Brings `items` into a uniformly random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// `k` different numbers of 0..n in random order; all of them where `k >= n`.
    pub fn sample(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..n).collect();
        let k = k.min(n);
        for place in 0..k {
            let other = place + self.below(n - place);
            all.swap(place, other);
        }
        all.truncate(k);
        all
    }
}

/// FNV-1a, 64 bits: turns a stream's name into its number.
fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_fixed_for_ever() {
        let mut rng = Rng::stream(&[7; 32], "golden");
        let drawn = [rng.next_u64(), rng.next_u64()];
        // ChaCha8 with key 07..07, counter 0 and nonce FNV-1a("golden"), from a second
        // implementation written after RFC 8439 with 8 rounds.
        assert_eq!(drawn, [13_642_339_011_228_858_520, 5_196_396_556_508_488_748]);
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c, "the published FNV-1a test vector");
    }

    #[test]
    fn below_is_in_range_and_fair() {
        let mut rng = Rng::stream(&[1; 32], "below");
        let mut counts = [0; 5];
        for _ in 0..50_000 {
            counts[rng.below(5)] += 1;
        }
        // 10,000 expected, deviation 89: 5 deviations.
        assert!(counts.iter().all(|&c: &i32| (c - 10_000).abs() < 450), "{counts:?}");
    }

    #[test]
    fn a_sample_has_no_repeats_and_a_shuffle_loses_nothing() {
        let mut rng = Rng::stream(&[2; 32], "sample");
        let mut sample = rng.sample(100, 40);
        sample.sort_unstable();
        sample.dedup();
        assert_eq!(sample.len(), 40);
        assert_eq!(rng.sample(3, 9).len(), 3);
        let mut items: Vec<usize> = (0..50).collect();
        rng.shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn normal_has_mean_0_and_deviation_1() {
        let mut rng = Rng::stream(&[3; 32], "normal");
        let drawn: Vec<f64> = (0..20_000).map(|_| rng.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}

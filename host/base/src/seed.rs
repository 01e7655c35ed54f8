//! All randomness of a run comes from one number, through one derived stream per purpose and round.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Names what a stream is for. Strategies of one seed share all streams but `Strategy`, so that
/// they start from the same initial set and the same model.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    InitialSet,
    ModelInit,
    /// Order of the training texts, and dropout.
    Training,
    /// Sampled positions of the surprisal embeddings.
    Surprisal,
    /// Mistakes of a noisy oracle; the text takes the place of the round.
    Noise,
    /// Texts on which consecutive models are compared.
    StopSet,
    /// The part of the pool that strategies see.
    Candidates,
    /// The texts that are kept for the audit.
    Audit,
    /// Choices of a strategy, named by its instance.
    Strategy(&'a str),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RunSeed(pub u64);

impl RunSeed {
    /// 32 bytes that depend on the seed, the purpose and the round, and on nothing else.
    pub fn derive(self, purpose: Purpose<'_>, round: usize) -> [u8; 32] {
        let (name, detail) = match purpose {
            Purpose::InitialSet => ("initial-set", ""),
            Purpose::ModelInit => ("model-init", ""),
            Purpose::Training => ("training", ""),
            Purpose::Surprisal => ("surprisal", ""),
            Purpose::Noise => ("noise", ""),
            Purpose::StopSet => ("stop-set", ""),
            Purpose::Candidates => ("candidates", ""),
            Purpose::Audit => ("audit", ""),
            Purpose::Strategy(instance) => ("strategy", instance),
        };
        let mut hasher = blake3::Hasher::new_derive_key("alhost 1 run seed");
        hasher.update(&self.0.to_le_bytes());
        hasher.update(&(round as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(b"\0");
        hasher.update(detail.as_bytes());
        *hasher.finalize().as_bytes()
    }

    pub fn rng(self, purpose: Purpose<'_>, round: usize) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.derive(purpose, round))
    }

    /// A seed for torch's generator, which takes 64 bits.
    pub fn torch(self, purpose: Purpose<'_>, round: usize) -> i64 {
        let bytes = self.derive(purpose, round);
        i64::from_le_bytes(bytes[..8].try_into().expect("the array has 32 bytes"))
    }
}

/// Brings `items` into a random order (Fisher and Yates), each order as likely as any other up to 2^-64
/// times their number.
pub fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(rng, last + 1));
    }
}

/// Draws a number of 0..n: the high half of a product of 128 bits.
pub fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

//! The stand-in hosts that plugins are checked against: small, synthetic, from a seed.

use alhost_plugin_api::testing::StandIn;
use alhost_plugin_api::{Error, Rng};

use super::subject::Instance;

pub(super) const N_TEXTS: usize = 120;
pub(super) const N_LABELS: usize = 8;
/// Unlabeled texts of the ordinary host.
pub(super) const POOL: usize = 100;

/// 120 texts and 8 labels; every sixth text is labeled, with one to three labels.
pub(super) fn ordinary(seed: u64) -> StandIn {
    labeled(StandIn::new(N_TEXTS, N_LABELS), &first_labeled()).seed(round_seed(seed, 1)).quick()
}

/// The initial set of the ordinary host.
pub(super) fn first_labeled() -> Vec<u32> {
    (0..N_TEXTS as u32).step_by(6).collect()
}

/// Labels these texts with what the oracle says.
pub(super) fn labeled(host: StandIn, ids: &[u32]) -> StandIn {
    let labels: Vec<Vec<u32>> = ids.iter().map(|&id| gold(id)).collect();
    let pairs: Vec<(u32, &[u32])> =
        ids.iter().zip(&labels).map(|(&id, labels)| (id, labels.as_slice())).collect();
    host.labeled(&pairs)
}

/// One to three labels of a text; the last label is never seen. Labeled texts are multiples of 6.
fn gold(id: u32) -> Vec<u32> {
    let n = N_LABELS as u32 - 1;
    let mut labels: Vec<u32> = (0..=id / 6 % 3).map(|i| (id / 3 + i * (1 + id % 5)) % n).collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// The seed of a round, as the stand-in takes it.
pub(super) fn round_seed(seed: u64, round: usize) -> u8 {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Rng::stream(&bytes, &format!("round {round}")).next_u64() as u8
}

/// Random numbers of a case's own.
pub(super) fn rng(seed: u64, name: &str) -> Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Rng::stream(&bytes, name)
}

/// An experiment of a few rounds: what is selected in one is labeled before the next.
#[derive(Clone, Debug)]
pub(super) struct Experiment {
    pub(super) seed: u64,
    /// Texts a query.
    pub(super) n: usize,
    /// Texts that the rounds so far selected.
    pub(super) done: Vec<Vec<u32>>,
}

impl Experiment {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, n: 7, done: Vec::new() }
    }

    /// The host of the next round.
    pub(super) fn host(&self) -> StandIn {
        let mut ids = first_labeled();
        ids.extend(self.done.iter().flatten().filter(|&&id| id < N_TEXTS as u32));
        let round = self.done.len() + 1;
        let host = labeled(StandIn::new(N_TEXTS, N_LABELS), &ids).round(round as u32);
        host.seed(round_seed(self.seed, round)).quick()
    }

    /// Runs one round.
    pub(super) fn step(&mut self, instance: &mut Instance) -> Result<(), Error> {
        let selection = instance.select(&self.host(), self.n)?;
        self.done.push(selection.ids.iter().map(|id| id.0).collect());
        Ok(())
    }
}

//! Values that depend on the pre-trained weights and the texts alone: computed once for all
//! strategies, seeds and rounds, kept in the cache, and remembered by this process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use alhost_base::ledger::{Notes, Reused, Work};
use alhost_base::matrix::Matrix;
use alhost_base::store;
use alhost_data::tokens::Tokens;
use alhost_model::Surprisal;
use alhost_plugin_api::features::{Pooling, SurprisalOptions};

use crate::encoder::bert::Weights;
use crate::encoder::frozen::KEPT_BUDGET;
use crate::files::identity::Computation;
use crate::surprisal::mlm::MlmHead;
use crate::surprisal::mlm_fit::{self, MlmFitOptions};
use crate::surprisal::{self, Sampling, file};
use crate::{Checkpoint, Learner, ModelError};

/// A fitted masked-LM head belongs to the checkpoint and the data, not to a run: all seeds share it.
const MLM_FIT_SEED: u64 = 0;

/// The values that have been asked for so far. Texts are named by the hash of their tokens.
pub(crate) struct Pretrained {
    cache: PathBuf,
    embeddings: HashMap<(String, Pooling), Remembered<Arc<Matrix>>>,
    /// The surprisals by texts, probability (its bits), `strict` and seed.
    surprisals: HashMap<(String, u64, bool, u64), Remembered<Arc<Surprisal>>>,
    heads: HashMap<String, Remembered<MlmHead>>,
}

/// A value, and what of the kept files it was made with: the next run uses those too.
struct Remembered<T> {
    value: T,
    reused: Vec<Reused>,
}

impl<T> Remembered<T> {
    /// Remembers a value that was made with what stands in `notes`, and tells `work` of it.
    fn new(value: T, notes: &Notes, work: Work<'_>) -> Self {
        let reused = notes.take();
        for reused in &reused {
            work.notes.add(reused.clone());
        }
        Self { value, reused }
    }

    fn get(&self, work: Work<'_>) -> &T {
        for reused in &self.reused {
            work.notes.add(Reused { computed: false, spent: 0.0, ..reused.clone() });
        }
        &self.value
    }
}

/// The model and the texts that something is computed of.
#[derive(Clone, Copy)]
pub(crate) struct Of<'a> {
    pub(crate) learner: &'a Learner,
    pub(crate) checkpoint: &'a Checkpoint,
    pub(crate) tokens: &'a Tokens,
}

impl Of<'_> {
    fn all(&self) -> Vec<u32> {
        (0..self.tokens.len() as u32).collect()
    }
}

impl Pretrained {
    pub(crate) fn new(cache: &Path) -> Self {
        Self {
            cache: cache.to_owned(),
            embeddings: HashMap::new(),
            surprisals: HashMap::new(),
            heads: HashMap::new(),
        }
    }

    pub(crate) fn embeddings(
        &mut self,
        of: Of<'_>,
        pooling: Pooling,
        work: Work<'_>,
    ) -> Result<Arc<Matrix>, ModelError> {
        let key = (of.tokens.hash().to_owned(), pooling);
        if let Some(kept) = self.embeddings.get(&key) {
            return Ok(Arc::clone(kept.get(work)));
        }
        let notes = Notes::default();
        let inner = Work { notes: &notes, ..work };
        let matrix = Arc::new(of.learner.pretrained(of.tokens, &of.all(), pooling, inner)?);
        self.embeddings.insert(key, Remembered::new(Arc::clone(&matrix), &notes, work));
        Ok(matrix)
    }

    /// The losses of the pre-trained model; `seed` decides the positions.
    pub(crate) fn surprisal(
        &mut self,
        of: Of<'_>,
        options: &SurprisalOptions,
        seed: u64,
        work: Work<'_>,
    ) -> Result<Arc<Surprisal>, ModelError> {
        let texts = of.tokens.hash().to_owned();
        let key = (texts, options.probability.to_bits(), options.strict, seed);
        if let Some(kept) = self.surprisals.get(&key) {
            return Ok(Arc::clone(kept.get(work)));
        }
        let notes = Notes::default();
        let inner = Work { notes: &notes, ..work };
        let surprisal = Arc::new(self.kept_surprisal(of, options, seed, inner)?);
        self.surprisals.insert(key, Remembered::new(Arc::clone(&surprisal), &notes, work));
        Ok(surprisal)
    }

    /// The losses of `rows` under `weights`, with the head that belongs to the checkpoint.
    pub(crate) fn losses(
        &mut self,
        of: Of<'_>,
        (rows, sampling): (&[u32], Sampling),
        weights: &Weights,
        work: Work<'_>,
    ) -> Result<Surprisal, ModelError> {
        self.remember_head(of, work)?;
        let head = &self.heads[of.tokens.hash()].value;
        let specials = of.checkpoint.specials;
        Ok(surprisal::compute(weights, head, of.tokens, specials, rows, sampling, work.progress))
    }

    fn mlm_options(&self) -> MlmFitOptions<'_> {
        MlmFitOptions { seed: MLM_FIT_SEED, cache: &self.cache }
    }

    fn remember_head(&mut self, of: Of<'_>, work: Work<'_>) -> Result<(), ModelError> {
        if let Some(kept) = self.heads.get(of.tokens.hash()) {
            kept.get(work);
            return Ok(());
        }
        let notes = Notes::default();
        let inner = Work { notes: &notes, ..work };
        let (weights, rows) = (of.learner.pretrained_weights(), of.all());
        let options = self.mlm_options();
        let head = mlm_fit::open(of.checkpoint, &weights, of.tokens, &rows, options, inner)?;
        self.heads.insert(of.tokens.hash().to_owned(), Remembered::new(head, &notes, work));
        Ok(())
    }

    /// Reads the losses from disk if they are there, else computes and keeps them.
    fn kept_surprisal(
        &mut self,
        of: Of<'_>,
        options: &SurprisalOptions,
        seed: u64,
        work: Work<'_>,
    ) -> Result<Surprisal, ModelError> {
        let (weights, rows) = (of.learner.pretrained_weights(), of.all());
        let head = mlm_fit::kept_at(of.checkpoint, &weights, of.tokens, &rows, self.mlm_options());
        let head_name = head.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        let checkpoint = of.checkpoint.identity().name();
        let computation = Computation::here(of.learner.device(), of.learner.kind()).name();
        let parts = (&*checkpoint, head_name.unwrap_or("checkpoint"), &*computation);
        // Whoever asks first, with whatever budget of tokens, what is kept is the same.
        let sampling = sampling(options, seed, KEPT_BUDGET);
        let kept = file::place(&self.cache, parts, of.tokens, sampling);
        // The head is made before, so that its time is not counted twice.
        match head {
            _ if !kept.is_file() => self.remember_head(of, work)?,
            Some(head) => work.notes.add(store::used("masked-LM head", &head, Instant::now())),
            None => {}
        }
        let open = || file::read(&kept, rows.len());
        let making = match store::find("surprisal", &kept, work, open) {
            Ok(found) => return Ok(found),
            Err(making) => making,
        };
        let surprisal = self.losses(of, (&rows, sampling), &weights, work)?;
        file::write(&kept, &surprisal)?;
        making.done(work);
        Ok(surprisal)
    }
}

pub(crate) fn sampling(options: &SurprisalOptions, seed: u64, token_budget: usize) -> Sampling {
    let SurprisalOptions { probability, strict, model: _ } = *options;
    Sampling { probability, strict, seed, token_budget }
}

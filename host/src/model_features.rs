//! The model as the plugin services ask for it: passes over the train split, and what depends on
//! the pre-trained weights alone, which is computed once for all strategies, seeds and rounds.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use alhost_plugin_api::features::{Pooling, SurprisalOptions};
use anyhow::Context as _;

use crate::compute::Device;
use crate::data::tokens::Tokens;
use crate::matrix::Matrix;
use crate::model::KEPT_BUDGET;
use crate::model::bert::Weights;
use crate::model::identity::Computation;
use crate::model::mlm::MlmHead;
use crate::model::mlm_fit::{self, MlmFitOptions};
use crate::model::surprisal::{self, Surprisal};
use crate::model::{self, Checkpoint, Learner, Wants, surprisal_file};
use crate::plugin::{Answered, Asked, FeatureSource, SparseRows};
use crate::progress::{Noting, Progress, Shared};
use crate::store;

/// A fitted masked-LM head belongs to the checkpoint and the data, not to a run: all seeds share it.
const MLM_FIT_SEED: u64 = 0;

/// What depends on the checkpoint and the data alone, once it has been asked for.
#[derive(Default)]
pub struct Pretrained {
    embeddings: HashMap<bool, Remembered<Arc<Matrix>>>,
    /// By probability (its bits), `strict` and seed.
    surprisals: HashMap<(u64, bool, u64), Remembered<Arc<SparseRows>>>,
    mlm: Option<Remembered<MlmHead>>,
}

/// A value, and what of the kept files it was made with: the next run uses those too.
struct Remembered<T> {
    value: T,
    shared: Vec<Shared>,
}

impl<T> Remembered<T> {
    fn new(value: T, noted: &Noting<'_>) -> Self {
        Self { value, shared: noted.take() }
    }

    fn get(&self, progress: &dyn Progress) -> &T {
        for shared in &self.shared {
            progress.shared(&Shared { computed: false, spent: 0.0, ..shared.clone() });
        }
        &self.value
    }
}

/// One model state, lent to one strategy for one round.
pub struct ModelFeatures<'a> {
    /// Exclusive, though nothing changes it, since torch's tensors are not for two threads at once.
    pub learner: &'a mut Learner,
    pub checkpoint: &'a mut Checkpoint,
    pub pretrained: &'a mut Pretrained,
    pub tokens: &'a Tokens,
    pub token_budget: usize,
    pub cache: &'a Path,
    /// Of the sampled positions: the same in all rounds.
    pub seed: u64,
    pub progress: &'a dyn Progress,
}

impl ModelFeatures<'_> {
    /// Rows of the train split, all of them.
    fn all(&self) -> Vec<u32> {
        (0..self.tokens.len() as u32).collect()
    }

    fn mlm_options(&self) -> MlmFitOptions<'_> {
        MlmFitOptions { seed: MLM_FIT_SEED, cache: self.cache }
    }

    fn mlm_head(&mut self, progress: &dyn Progress) -> anyhow::Result<()> {
        if let Some(kept) = &self.pretrained.mlm {
            kept.get(progress);
            return Ok(());
        }
        let noting = Noting::new(progress);
        let (weights, rows) = (self.learner.pretrained_weights(), self.all());
        let options = self.mlm_options();
        let head = mlm_fit::open(self.checkpoint, &weights, self.tokens, &rows, options, &noting)?;
        self.pretrained.mlm = Some(Remembered::new(head, &noting));
        Ok(())
    }

    /// The losses of the pre-trained model, from disk if they are there.
    fn kept_surprisal(
        &mut self,
        options: &SurprisalOptions,
        progress: &dyn Progress,
    ) -> anyhow::Result<Surprisal> {
        let (weights, rows) = (self.learner.pretrained_weights(), self.all());
        let of_mlm = self.mlm_options();
        let head = mlm_fit::kept_at(self.checkpoint, &weights, self.tokens, &rows, of_mlm);
        let head_name = head.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        let checkpoint = self.checkpoint.identity().name();
        let computation = Computation::here(self.learner.device(), self.learner.kind()).name();
        let parts = (&*checkpoint, head_name.unwrap_or("checkpoint"), &*computation);
        let file =
            surprisal_file::place(self.cache, parts, self.tokens, self.kept_options(options));
        // The head is made before, so that its time is not counted twice.
        match head {
            _ if !file.is_file() => self.mlm_head(progress)?,
            Some(head) => progress.shared(&store::used("masked-LM head", &head, Instant::now())),
            None => {}
        }
        let open = || surprisal_file::read(&file, rows.len());
        let making = match store::find("surprisal", &file, progress, open) {
            Ok(found) => return Ok(found),
            Err(making) => making,
        };
        let surprisal = self.surprisal(&rows, self.kept_options(options), &weights, progress)?;
        surprisal_file::write(&file, &surprisal)?;
        making.done(progress);
        Ok(surprisal)
    }

    /// Of what is kept: whoever asks first, with whatever budget, it is the same.
    fn kept_options(&self, options: &SurprisalOptions) -> surprisal::SurprisalOptions {
        surprisal::SurprisalOptions { token_budget: KEPT_BUDGET, ..self.options(options) }
    }

    fn options(&self, options: &SurprisalOptions) -> surprisal::SurprisalOptions {
        surprisal::SurprisalOptions {
            probability: options.probability,
            strict: options.strict,
            seed: self.seed,
            token_budget: self.token_budget,
        }
    }

    fn surprisal(
        &mut self,
        rows: &[u32],
        options: surprisal::SurprisalOptions,
        weights: &Weights,
        progress: &dyn Progress,
    ) -> anyhow::Result<Surprisal> {
        self.mlm_head(progress)?;
        let head = self.pretrained.mlm.as_ref().context("the masked-LM head has just been made")?;
        let specials = self.checkpoint.specials;
        let head = &head.value;
        Ok(surprisal::compute(weights, head, self.tokens, specials, rows, options, progress))
    }

    fn sparse(&self, surprisal: Surprisal) -> SparseRows {
        let Surprisal { offsets, positions, losses } = surprisal;
        let longest = (0..self.tokens.len()).map(|row| self.tokens.row(row).len()).max();
        SparseRows { offsets, positions, losses, cols: longest.unwrap_or(0) }
    }
}

impl FeatureSource for ModelFeatures<'_> {
    fn infer(&mut self, rows: &[u32], asked: Asked) -> anyhow::Result<Answered> {
        let Asked { logits, features, cls, mean } = asked;
        let wants = Wants { logits, features, cls, mean, ..Wants::default() };
        let outputs = self.learner.infer(self.tokens, rows, wants, self.progress)?;
        Ok(Answered {
            logits: outputs.logits,
            features: outputs.features,
            cls: outputs.cls,
            mean: outputs.mean,
        })
    }

    fn n_features(&self) -> usize {
        self.learner.n_features()
    }

    fn hidden(&self) -> usize {
        self.learner.hidden()
    }

    fn mc_probabilities(
        &mut self,
        rows: &[u32],
        passes: u32,
        seed: &[u8; 32],
    ) -> anyhow::Result<Matrix> {
        let mc_seed = i64::from_le_bytes(seed[..8].try_into().context("32 bytes")?);
        let wants = Wants { mc_passes: passes, mc_seed, ..Wants::default() };
        let outputs = self.learner.infer(self.tokens, rows, wants, self.progress)?;
        outputs.mc.context("the pass gave no probabilities")
    }

    fn pretrained(&mut self, pooling: Pooling) -> anyhow::Result<Arc<Matrix>> {
        let is_mean = pooling == Pooling::Mean;
        if let Some(kept) = self.pretrained.embeddings.get(&is_mean) {
            return Ok(Arc::clone(kept.get(self.progress)));
        }
        let noting = Noting::new(self.progress);
        let pooling = if is_mean { model::Pooling::Mean } else { model::Pooling::Cls };
        let matrix = self.learner.pretrained(self.tokens, &self.all(), pooling, &noting)?;
        let matrix = Arc::new(matrix);
        let kept = Remembered::new(Arc::clone(&matrix), &noting);
        self.pretrained.embeddings.insert(is_mean, kept);
        Ok(matrix)
    }

    fn pretrained_surprisal(
        &mut self,
        options: &SurprisalOptions,
    ) -> anyhow::Result<Arc<SparseRows>> {
        let key = (options.probability.to_bits(), options.strict, self.seed);
        if let Some(kept) = self.pretrained.surprisals.get(&key) {
            return Ok(Arc::clone(kept.get(self.progress)));
        }
        let noting = Noting::new(self.progress);
        let surprisal = self.kept_surprisal(options, &noting)?;
        let rows = Arc::new(self.sparse(surprisal));
        let kept = Remembered::new(Arc::clone(&rows), &noting);
        self.pretrained.surprisals.insert(key, kept);
        Ok(rows)
    }

    fn current_surprisal(
        &mut self,
        rows: &[u32],
        options: &SurprisalOptions,
    ) -> anyhow::Result<SparseRows> {
        let weights = self.learner.weights();
        let surprisal = self.surprisal(rows, self.options(options), &weights, self.progress)?;
        Ok(self.sparse(surprisal))
    }

    fn device(&self) -> Device {
        self.learner.device()
    }
}

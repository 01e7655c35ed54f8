//! The model as the plugin services ask for it: passes over the train split, and what depends on
//! the pre-trained weights alone, which is computed once for all strategies, seeds and rounds.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use alhost_plugin_api::features::{Pooling, SurprisalOptions};
use anyhow::Context as _;

use crate::compute::Device;
use crate::data::tokens::Tokens;
use crate::matrix::Matrix;
use crate::model::mlm::MlmHead;
use crate::model::mlm_fit::{self, MlmFitOptions};
use crate::model::surprisal::{self, Surprisal};
use crate::model::{self, Checkpoint, Learner, Wants};
use crate::plugin::{Answered, Asked, FeatureSource, SparseRows};
use crate::progress::Progress;

/// A fitted masked-LM head belongs to the checkpoint and the data, not to a run: all seeds share it.
const MLM_FIT_SEED: u64 = 0;

/// What depends on the checkpoint and the data alone.
#[derive(Default)]
pub struct Pretrained {
    embeddings: HashMap<bool, Arc<Matrix>>,
    /// By probability (its bits), `strict` and seed.
    surprisals: HashMap<(u64, bool, u64), Arc<SparseRows>>,
    mlm: Option<MlmHead>,
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
    fn mlm_head(&mut self) -> anyhow::Result<()> {
        if self.pretrained.mlm.is_none() {
            let options = MlmFitOptions {
                seed: MLM_FIT_SEED,
                token_budget: self.token_budget,
                cache: self.cache,
            };
            let rows: Vec<u32> = (0..self.tokens.len() as u32).collect();
            let weights = self.learner.pretrained_weights();
            let head = mlm_fit::open(
                self.checkpoint,
                &weights,
                self.tokens,
                &rows,
                options,
                self.progress,
            )?;
            self.pretrained.mlm = Some(head);
        }
        Ok(())
    }

    fn surprisal(
        &mut self,
        rows: &[u32],
        options: &SurprisalOptions,
        is_pretrained: bool,
    ) -> anyhow::Result<SparseRows> {
        self.mlm_head()?;
        let head = self.pretrained.mlm.as_ref().context("the masked-LM head has just been made")?;
        let weights =
            if is_pretrained { self.learner.pretrained_weights() } else { self.learner.weights() };
        let options = surprisal::SurprisalOptions {
            probability: options.probability,
            strict: options.strict,
            seed: self.seed,
            token_budget: self.token_budget,
        };
        let specials = self.checkpoint.specials;
        let Surprisal { offsets, positions, losses } =
            surprisal::compute(&weights, head, self.tokens, specials, rows, options, self.progress);
        let longest = (0..self.tokens.len()).map(|row| self.tokens.row(row).len()).max();
        Ok(SparseRows { offsets, positions, losses, cols: longest.unwrap_or(0) })
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
            return Ok(Arc::clone(kept));
        }
        let rows: Vec<u32> = (0..self.tokens.len() as u32).collect();
        let pooling = if is_mean { model::Pooling::Mean } else { model::Pooling::Cls };
        let matrix = self.learner.pretrained(self.tokens, &rows, pooling, self.progress)?;
        let matrix = Arc::new(matrix);
        self.pretrained.embeddings.insert(is_mean, Arc::clone(&matrix));
        Ok(matrix)
    }

    fn pretrained_surprisal(
        &mut self,
        options: &SurprisalOptions,
    ) -> anyhow::Result<Arc<SparseRows>> {
        let key = (options.probability.to_bits(), options.strict, self.seed);
        if let Some(kept) = self.pretrained.surprisals.get(&key) {
            return Ok(Arc::clone(kept));
        }
        let rows: Vec<u32> = (0..self.tokens.len() as u32).collect();
        let rows = Arc::new(self.surprisal(&rows, options, true)?);
        self.pretrained.surprisals.insert(key, Arc::clone(&rows));
        Ok(rows)
    }

    fn current_surprisal(
        &mut self,
        rows: &[u32],
        options: &SurprisalOptions,
    ) -> anyhow::Result<SparseRows> {
        self.surprisal(rows, options, false)
    }

    fn device(&self) -> Device {
        self.learner.device()
    }
}

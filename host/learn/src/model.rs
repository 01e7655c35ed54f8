//! The learner as the rest of alhost sees it: what `alhost-model` asks for, answered on libtorch.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alhost_base::ledger::Work;
use alhost_base::matrix::{Matrix, MatrixRoom};
use alhost_config::{EncoderMode, ModelConfig, RunConfig, TrainConfig};
use alhost_data::tokens::Tokens;
use alhost_model::{
    About, Compute, Dev, Examples, Model, Models, Seeds, Surprisal, Training, Visit, Wants,
};
use alhost_plugin_api::features::{Pooling, SurprisalOptions};
use anyhow::{Context as _, Result};
use tch::Device;
use tokenizers::Tokenizer;

use crate::files::identity::{Computation, build};
use crate::pretrained::{Of, Pretrained, sampling};
use crate::{Checkpoint, HEAD, LIBTORCH, Learner, Places, compute, device};

/// Opens models that run on libtorch; checkpoints are looked for in these places.
pub struct Torch(pub Places);

impl Models for Torch {
    fn check(&self, config: &RunConfig) -> Result<()> {
        // `auto` is always one, and `open` says which.
        if config.device != "auto" {
            device::open(&config.device)?;
        }
        Ok(())
    }

    fn open(&self, config: &RunConfig, n_labels: usize, cache: &Path) -> Result<Box<dyn Model>> {
        let device = device::open(&config.device)?;
        let checkpoint = Checkpoint::open(&config.model.checkpoint, &self.0)?;
        Ok(Box::new(OnTorch::new(checkpoint, &config.model, n_labels, device, cache)?))
    }

    fn open_exported(
        &self,
        folder: &Path,
        config: &ModelConfig,
        device: &str,
        n_labels: usize,
    ) -> Result<Box<dyn Model>> {
        let device = device::open(device)?;
        let checkpoint = Checkpoint::open(name_of(folder)?, &Places::default())?;
        // Kept states of a frozen encoder are of use only where texts are read again and again.
        let config = ModelConfig { encoder: EncoderMode::FineTuned, ..config.clone() };
        let mut model = OnTorch::new(checkpoint, &config, n_labels, device, Path::new(""))?;
        model.learner.load_head(&folder.join(HEAD))?;
        Ok(Box::new(model))
    }

    fn exported_files(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        Ok(Checkpoint::files(name_of(folder)?, &Places::default()))
    }
}

fn name_of(folder: &Path) -> Result<&str> {
    folder.to_str().context("the classifier's path is not UTF-8")
}

struct OnTorch {
    learner: Learner,
    checkpoint: Checkpoint,
    pretrained: Pretrained,
    about: About,
}

impl OnTorch {
    fn new(
        checkpoint: Checkpoint,
        config: &ModelConfig,
        n_labels: usize,
        device: Device,
        cache: &Path,
    ) -> Result<Self> {
        let learner = Learner::new(&checkpoint, config, n_labels, device, cache)?;
        let about = about(&checkpoint, &learner);
        Ok(Self { learner, checkpoint, pretrained: Pretrained::new(cache), about })
    }

    fn of<'a>(&'a mut self, tokens: &'a Tokens) -> (&'a mut Pretrained, Of<'a>) {
        let of = Of { learner: &self.learner, checkpoint: &self.checkpoint, tokens };
        (&mut self.pretrained, of)
    }
}

fn about(checkpoint: &Checkpoint, learner: &Learner) -> About {
    let identity = checkpoint.identity();
    let computation = Computation::here(learner.device(), learner.kind());
    About {
        config: learner.config().clone(),
        weights_hash: checkpoint.weights_hash.clone(),
        tokenizer_hash: checkpoint.tokenizer_hash.clone(),
        identity: [identity.name(), computation.name()].join(" "),
        config_hash: identity.config,
        revision: checkpoint.revision.clone(),
        has_mlm_head: checkpoint.has_mlm_head(),
        device: device::name(learner.device()),
        hardware: Some(computation.hardware),
        precision: learner.precision().to_owned(),
        threads: device::torch_threads(),
        libtorch: LIBTORCH.to_owned(),
        build: build().map(str::to_owned),
    }
}

impl Model for OnTorch {
    fn about(&self) -> &About {
        &self.about
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.checkpoint.tokenizer
    }

    fn n_features(&self) -> usize {
        self.learner.n_features()
    }

    fn hidden(&self) -> usize {
        self.learner.hidden()
    }

    fn set_matrix_room(&mut self, room: MatrixRoom) {
        self.learner.set_matrix_room(room);
    }

    fn train(
        &mut self,
        labeled: Examples<'_>,
        dev: Option<Dev<'_>>,
        config: &TrainConfig,
        seeds: Seeds,
        work: Work<'_>,
    ) -> Result<Training> {
        Ok(self.learner.train(labeled, dev, config, seeds, work)?)
    }

    fn read(
        &self,
        (tokens, rows): (&Tokens, &[u32]),
        block: usize,
        wants: Wants,
        work: Work<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let mut first = 0;
        // No rows are one block without any, so that widths are known.
        for rows in
            std::iter::once(&rows[..0]).filter(|_| rows.is_empty()).chain(rows.chunks(block))
        {
            let outputs = self.learner.infer(tokens, rows, wants, work)?;
            visit(first..first + rows.len(), outputs)?;
            first += rows.len();
        }
        Ok(())
    }

    fn pretrained(
        &mut self,
        tokens: &Tokens,
        pooling: Pooling,
        work: Work<'_>,
    ) -> Result<Arc<Matrix>> {
        let (pretrained, of) = self.of(tokens);
        Ok(pretrained.embeddings(of, pooling, work)?)
    }

    fn pretrained_surprisal(
        &mut self,
        tokens: &Tokens,
        options: &SurprisalOptions,
        seed: u64,
        work: Work<'_>,
    ) -> Result<Arc<Surprisal>> {
        let (pretrained, of) = self.of(tokens);
        Ok(pretrained.surprisal(of, options, seed, work)?)
    }

    fn current_surprisal(
        &mut self,
        (tokens, rows): (&Tokens, &[u32]),
        options: &SurprisalOptions,
        seed: u64,
        work: Work<'_>,
    ) -> Result<Surprisal> {
        let weights = self.learner.weights();
        let sampling = sampling(options, seed, self.about.config.token_budget);
        let (pretrained, of) = self.of(tokens);
        Ok(pretrained.losses(of, (rows, sampling), &weights, work)?)
    }

    fn compute(&self) -> Box<dyn Compute> {
        Box::new(compute::On(self.learner.device()))
    }

    fn save(&self, path: &Path) -> Result<()> {
        Ok(self.learner.save(path)?)
    }

    fn load(&mut self, path: &Path) -> Result<()> {
        Ok(self.learner.load(path)?)
    }

    fn keep(&self, path: &Path, note: &str) -> Result<()> {
        Ok(self.learner.keep(path, note)?)
    }

    fn take_kept(&mut self, path: &Path) -> Option<String> {
        self.learner.take_kept(path)
    }

    fn export(&self, folder: &Path) -> Result<()> {
        Ok(self.learner.export(&self.checkpoint, folder)?)
    }
}

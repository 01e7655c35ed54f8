//! What all strategies and seeds of an experiment share: data, tokens, checkpoint, and the one
//! learner that is trained again and again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::ensure;

use crate::charge::Charged;
use crate::classifier::Classifier;
use crate::config::RunConfig;
use crate::data::tokens::Tokens;
use crate::data::{self, Dataset, Loaded};
use crate::matrix::MatrixRoom;
use crate::metrics::Yardstick;
use crate::model::identity::{Computation, build};
use crate::model::{self, Checkpoint, Learner, Places, device};
use crate::model_features::Pretrained;
use crate::plugin::{LoadedStrategy, Manifest};
use crate::progress::{Noting, Progress, Shared};
use crate::record::{Environment, ModelManifest, PluginManifest, RunManifest};
use crate::seed::RunSeed;

/// Who watches, and whether they want to stop.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    pub progress: &'a dyn Progress,
    pub cancelled: &'a AtomicBool,
}

/// Tokens of each split.
pub struct SplitTokens {
    pub train: Tokens,
    pub dev: Option<Tokens>,
    pub test: Tokens,
}

pub struct Experiment {
    pub config: RunConfig,
    pub dataset: Arc<Dataset>,
    pub data_hash: String,
    pub tokens: SplitTokens,
    /// Seconds that reading and tokenizing took.
    pub seconds_of_data: f64,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) learner: Learner,
    pub(crate) pretrained: Pretrained,
    pub(crate) cache: PathBuf,
    yardstick: Yardstick,
    /// Where matrices are made that strategies are lent.
    pub(crate) matrices: MatrixRoom,
    /// What opening it used of what is computed once.
    opened: Vec<Shared>,
    /// What the run that is going on has used.
    pub(crate) charged: Charged,
    /// All that a model depends on but for config, seed and labeled texts.
    identity: String,
}

impl Experiment {
    /// Reads the data, opens the checkpoint, tokenizes. `cache` is a folder for what is computed
    /// once; the strategies come later.
    pub fn open(
        config: RunConfig,
        places: &Places,
        cache: &Path,
        progress: &dyn Progress,
    ) -> anyhow::Result<Self> {
        let device = device::open(&config.device)?;
        let noting = Noting::new(progress);
        let timed = Instant::now();
        let Loaded { dataset, notes, hash } = data::load(&config.data, Path::new(""), progress)?;
        for note in &notes {
            tracing::info!("{}: {note}", dataset.name);
        }
        let (n, initial) = (dataset.train.ids.len(), config.r#loop.initial);
        ensure!(
            initial <= n,
            "the initial set is {initial} texts, but the train split has {n}\n\
             hint: lower `loop.initial` (--set loop.initial={})",
            (n / 10).max(1)
        );
        let checkpoint = Checkpoint::open(&config.model.checkpoint, places)?;
        let tokenize = |texts| {
            let max_tokens = config.model.max_tokens;
            let hash = &checkpoint.tokenizer_hash;
            Tokens::open(&checkpoint.tokenizer, hash, texts, max_tokens, cache, &noting)
        };
        let tokens = SplitTokens {
            train: tokenize(&dataset.train.texts)?,
            dev: dataset.dev.as_ref().map(|dev| tokenize(&dev.texts)).transpose()?,
            test: tokenize(&dataset.test.texts)?,
        };
        let seconds_of_data = timed.elapsed().as_secs_f64();
        let n_labels = dataset.vocabulary.len();
        let learner = Learner::new(&checkpoint, &config.model, n_labels, device, cache)?;
        let computation = Computation::here(device, learner.kind()).name();
        let identity = [&*hash, &checkpoint.identity().name(), &computation].join(" ");
        let yardstick = Yardstick::new(&dataset.train.labels, &config.evaluation);
        Ok(Self {
            config,
            dataset: Arc::new(dataset),
            data_hash: hash,
            tokens,
            seconds_of_data,
            checkpoint,
            learner,
            pretrained: Pretrained::default(),
            cache: cache.to_owned(),
            yardstick,
            matrices: MatrixRoom::default(),
            opened: noting.take(),
            charged: Charged::default(),
            identity,
        })
    }

    /// From now on, strategies in processes of their own are lent matrices without a copy.
    pub fn share_matrices(&mut self) {
        self.matrices = MatrixRoom::shared();
        self.learner.set_matrix_room(self.matrices.clone());
    }

    pub fn n_labels(&self) -> usize {
        self.dataset.vocabulary.len()
    }

    /// What opening used of what is computed once; computed by the first run alone.
    pub(crate) fn used_at_opening(&mut self) -> Vec<Shared> {
        let (_not_in_a_round, used) = self.charged.charge(0.0, self.opened.clone());
        self.opened.iter_mut().for_each(|shared| shared.computed = false);
        used
    }

    /// Trains and judges classifiers.
    pub(crate) fn classifier(&mut self) -> Classifier<'_> {
        Classifier {
            config: &self.config,
            dataset: &self.dataset,
            tokens: &self.tokens,
            learner: &mut self.learner,
            charged: &mut self.charged,
            cache: &self.cache,
            yardstick: &self.yardstick,
            identity: &self.identity,
        }
    }

    /// What a run of `strategy` with `seed` is: its records belong to exactly this.
    pub fn manifest(&self, strategy: &LoadedStrategy, seed: RunSeed) -> RunManifest {
        let plugin = &strategy.manifest;
        let asks_mlm = plugin.needs.iter().any(|need| need.starts_with("mlm-"));
        let mlm_head = match (asks_mlm, self.checkpoint.has_mlm_head()) {
            (false, _) => "none",
            (true, true) => "checkpoint",
            (true, false) => "fitted on the pool",
        };
        let described = plugin_manifest(plugin, &strategy.hash);
        let mut manifest = self.manifest_of(strategy.instance.clone(), described, seed);
        manifest.params = strategy.params.clone().into();
        mlm_head.clone_into(&mut manifest.model.mlm_head);
        manifest
    }

    /// That of a run without a strategy's parameters and needs.
    pub(crate) fn manifest_of(
        &self,
        strategy: String,
        plugin: PluginManifest,
        seed: RunSeed,
    ) -> RunManifest {
        RunManifest {
            format: RunManifest::FORMAT,
            strategy,
            seed: seed.0,
            plugin,
            params: serde_json::json!({}),
            config: self.config.shared(),
            config_hash: self.config.hash(),
            data_hash: self.data_hash.clone(),
            model: ModelManifest {
                weights_hash: self.checkpoint.weights_hash.clone(),
                tokenizer_hash: self.checkpoint.tokenizer_hash.clone(),
                config_hash: Some(self.checkpoint.identity().config),
                mlm_head: "none".to_owned(),
                revision: self.checkpoint.revision.clone(),
            },
            environments: vec![self.environment()],
        }
    }

    fn environment(&self) -> Environment {
        let device = device::name(self.learner.device());
        let deterministic = if self.config.r#loop.stop.seconds.is_some() {
            "no: `loop.stop.seconds` ends a run sooner on a slower machine"
        } else if device == "cpu" {
            "yes, with the same number of torch threads on the same kind of CPU"
        } else {
            "no: libtorch sums in no fixed order on a GPU"
        };
        Environment {
            from_round: 0,
            host: env!("CARGO_PKG_VERSION").to_owned(),
            host_blake3: build().map(str::to_owned),
            libtorch: model::LIBTORCH.to_owned(),
            device,
            precision: self.learner.precision().to_owned(),
            torch_threads: device::torch_threads(),
            deterministic: deterministic.to_owned(),
        }
    }
}

/// What a run's manifest says of a plugin with this hash.
pub fn plugin_manifest(plugin: &Manifest, hash: &str) -> PluginManifest {
    PluginManifest {
        id: plugin.id.clone(),
        version: plugin.version.clone(),
        api: plugin.api.clone(),
        blake3: hash.to_owned(),
        rustc: plugin.rustc.clone(),
        profile: plugin.profile.clone(),
    }
}

//! What all strategies and seeds of an experiment share: data, tokens, checkpoint, and the one
//! learner that is trained again and again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::classifier::{Classifier, Trained};
use crate::config::RunConfig;
use crate::data::tokens::Tokens;
use crate::data::{self, Dataset, Loaded};
use crate::matrix::MatrixRoom;
use crate::model::{self, Checkpoint, Learner, Places, device};
use crate::model_features::Pretrained;
use crate::plugin::LoadedStrategy;
use crate::progress::Progress;
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
    /// Where matrices are made that strategies are lent.
    pub(crate) matrices: MatrixRoom,
    /// The model of round 0, which strategies of one seed share.
    pub(crate) first: Option<FirstRound>,
}

/// A model of round 0, kept until another seed or initial set comes.
pub(crate) struct FirstRound {
    pub(crate) seed: RunSeed,
    pub(crate) labeled: Vec<crate::DocId>,
    pub(crate) trained: Trained,
    /// The weights; the file goes with it.
    pub(crate) weights: tempfile::NamedTempFile,
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
            Tokens::open(&checkpoint.tokenizer, hash, texts, max_tokens, cache, progress)
        };
        let tokens = SplitTokens {
            train: tokenize(&dataset.train.texts)?,
            dev: dataset.dev.as_ref().map(|dev| tokenize(&dev.texts)).transpose()?,
            test: tokenize(&dataset.test.texts)?,
        };
        let seconds_of_data = timed.elapsed().as_secs_f64();
        let n_labels = dataset.vocabulary.len();
        let learner = Learner::new(&checkpoint, &config.model, n_labels, device, cache)?;
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
            matrices: MatrixRoom::default(),
            first: None,
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

    /// Trains and judges classifiers.
    pub(crate) fn classifier(&mut self) -> Classifier<'_> {
        Classifier {
            config: &self.config,
            dataset: &self.dataset,
            tokens: &self.tokens,
            learner: &mut self.learner,
            first: &mut self.first,
            cache: &self.cache,
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
        RunManifest {
            format: RunManifest::FORMAT,
            strategy: strategy.instance.clone(),
            seed: seed.0,
            plugin: PluginManifest {
                id: plugin.id.clone(),
                version: plugin.version.clone(),
                api: plugin.api.clone(),
                blake3: strategy.hash.clone(),
                rustc: plugin.rustc.clone(),
                profile: plugin.profile.clone(),
            },
            params: strategy.params.clone().into(),
            config: self.config.shared(),
            config_hash: self.config.hash(),
            data_hash: self.data_hash.clone(),
            model: ModelManifest {
                weights_hash: self.checkpoint.weights_hash.clone(),
                tokenizer_hash: self.checkpoint.tokenizer_hash.clone(),
                mlm_head: mlm_head.to_owned(),
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
            host_blake3: hash_of_this_program().ok(),
            libtorch: model::LIBTORCH.to_owned(),
            device,
            precision: self.learner.precision().to_owned(),
            torch_threads: device::torch_threads(),
            deterministic: deterministic.to_owned(),
        }
    }
}

fn hash_of_this_program() -> anyhow::Result<String> {
    let program = std::env::current_exe().context("no path of this program")?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(fs_err::File::open(program)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

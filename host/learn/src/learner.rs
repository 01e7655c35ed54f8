//! The learner: a pre-trained encoder with a head on it, which is trained on labeled texts and then
//! read. `training/` has the training.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alhost_base::ledger::Work;
use alhost_base::matrix::{Matrix, MatrixRoom};
use alhost_base::store;
use alhost_config::{EncoderMode, HeadBias, HeadKind, ModelConfig, PoolingRule};
use alhost_data::Labels;
use alhost_data::tokens::Tokens;
use alhost_model::{Outputs, Wants};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::ModelError;
use crate::Pooling;
use crate::encoder::bert::{Encoder, Weights};
use crate::encoder::frozen::{Keep, Kept, Place};
use crate::encoder::states::States;
use crate::files::bert_config::BertConfig;
use crate::files::checkpoint::Checkpoint;
use crate::files::identity::Computation;
use crate::heads::Head;
use crate::infer::Reader;
use crate::precision;

/// The word embeddings among the encoder's variables.
pub(crate) const WORDS: &str = "embeddings.word_embeddings.weight";

pub struct Learner {
    pub(crate) encoder: Encoder,
    pub(crate) encoder_vars: VarStore,
    pub(crate) head: Head,
    pub(crate) kind: Kind,
    pub(crate) device: Device,
    pub(crate) config: ModelConfig,
    pub(crate) pretrained: Pretrained,
    /// Whether the weights come from a training.
    pub(crate) trained: bool,
    cache: PathBuf,
    matrices: MatrixRoom,
}

/// The checkpoint's weights, which every training may start from again.
pub(crate) struct Pretrained {
    config: BertConfig,
    /// The tensors, f32 on the CPU, by the encoder's names, and the pooler's.
    pub(crate) tensors: BTreeMap<String, Tensor>,
    /// The checkpoint's name, see `identity`.
    pub(crate) name: String,
}

impl Learner {
    /// Makes an untrained learner. `cache` is a folder for what is computed once, such as the
    /// states of a frozen encoder.
    pub fn new(
        checkpoint: &Checkpoint,
        config: &ModelConfig,
        n_labels: usize,
        device: Device,
        cache: &Path,
    ) -> Result<Self, ModelError> {
        checkpoint.config.check_length(config.max_tokens)?;
        let pooling = match config.pooling {
            PoolingRule::Auto if config.head == HeadKind::Logistic => checkpoint.pooling()?,
            PoolingRule::Auto | PoolingRule::Mean => Pooling::Mean,
            PoolingRule::Cls => Pooling::Cls,
        };
        let mut config = config.clone();
        config.pooling = match pooling {
            Pooling::Mean => PoolingRule::Mean,
            Pooling::Cls => PoolingRule::Cls,
        };
        let encoder_vars = VarStore::new(device);
        let encoder = Encoder::new(&encoder_vars.root(), &checkpoint.config);
        let pretrained = Pretrained::of(checkpoint, &encoder_vars);
        pretrained.copy_into(&encoder_vars);
        Ok(Self {
            encoder,
            encoder_vars,
            head: Head::new(&config, pooling, checkpoint.config.hidden_size, n_labels, device),
            kind: precision::kind(config.precision, device),
            device,
            config,
            pretrained,
            trained: false,
            cache: cache.to_path_buf(),
            matrices: MatrixRoom::default(),
        })
    }

    /// Sets where outputs are made from now on.
    pub fn set_matrix_room(&mut self, matrices: MatrixRoom) {
        self.matrices = matrices;
    }

    /// One pass over the texts `rows` of `tokens` gives all that is wanted of the current model.
    pub fn infer(
        &self,
        tokens: &Tokens,
        rows: &[u32],
        wants: Wants,
        work: Work<'_>,
    ) -> Result<Outputs, ModelError> {
        match self.kept_states(tokens, work)? {
            Some(kept) => self.reader(States::Kept { kept: &kept, kind: self.kind }).read(
                tokens,
                rows,
                wants,
                work.progress,
            ),
            None => self.reader(States::Encoder { weights: &self.weights(), tokens }).read(
                tokens,
                rows,
                wants,
                work.progress,
            ),
        }
    }

    /// Embeddings of texts by the pre-trained encoder, f32 [rows, hidden]. The first call for a
    /// split computes them for all of it and keeps them on disk.
    pub fn pretrained(
        &self,
        tokens: &Tokens,
        rows: &[u32],
        pooling: Pooling,
        work: Work<'_>,
    ) -> Result<Matrix, ModelError> {
        self.kept(tokens, Keep::Pooled, work)?.pooled(rows, pooling, &self.matrices)
    }

    /// Returns the config that it was made from, with the pooling that `auto` has become.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Returns the pooling of the embeddings that a logistic head reads.
    pub(crate) fn pooling(&self) -> Pooling {
        match self.config.pooling {
            PoolingRule::Cls => Pooling::Cls,
            PoolingRule::Auto | PoolingRule::Mean => Pooling::Mean,
        }
    }

    /// The current encoder, for inference.
    pub fn weights(&self) -> Weights {
        self.encoder.weights(self.kind)
    }

    /// The encoder as it came from the checkpoint, for inference.
    pub fn pretrained_weights(&self) -> Weights {
        match self.config.encoder {
            EncoderMode::Frozen => self.weights(),
            EncoderMode::FineTuned => self.pretrained.encoder(self.device).1.weights(self.kind),
        }
    }

    /// Returns the number format of the encoder's layers.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// `f32` or `bf16`: what `kind` is.
    pub fn precision(&self) -> &'static str {
        if self.kind == Kind::BFloat16 { "bf16" } else { "f32" }
    }

    pub fn device(&self) -> Device {
        self.device
    }

    /// Size of the encoder's hidden states.
    pub fn hidden(&self) -> usize {
        self.pretrained.config.hidden_size as usize
    }

    /// Size of `Outputs::features`' rows.
    pub fn n_features(&self) -> usize {
        self.head.n_features()
    }

    /// The model before any training: the checkpoint's encoder, and a head that only the seed and
    /// the labeled texts decide.
    pub(crate) fn restart(&mut self, init_seed: i64, bias: HeadBias, labeled: &Labels) {
        self.pretrained.copy_into(&self.encoder_vars);
        let pooler = |name: &str| self.pretrained.tensors.get(&format!("pooler.dense.{name}"));
        self.head.initialize(init_seed, pooler("weight").zip(pooler("bias")));
        self.head.set_bias(bias, labeled);
    }

    /// Returns what a frozen encoder says of the split; `None` if the encoder is trained.
    pub(crate) fn kept_states(
        &self,
        tokens: &Tokens,
        work: Work<'_>,
    ) -> Result<Option<Kept>, ModelError> {
        let keep = match self.config.head {
            HeadKind::Linear | HeadKind::Logistic => Keep::Pooled,
            HeadKind::Cnn => Keep::States,
        };
        match self.config.encoder {
            EncoderMode::FineTuned => Ok(None),
            EncoderMode::Frozen => self.kept(tokens, keep, work).map(Some),
        }
    }

    pub(crate) fn reader<'a>(&'a self, states: States<'a>) -> Reader<'a> {
        Reader {
            states,
            head: &self.head,
            hidden: self.hidden(),
            token_budget: self.config.token_budget,
            device: self.device,
            matrices: &self.matrices,
        }
    }

    fn kept(&self, tokens: &Tokens, keep: Keep, work: Work<'_>) -> Result<Kept, ModelError> {
        let computation = Computation::here(self.device, self.kind).name();
        let place = Place::new(&self.cache, &self.pretrained.name, &computation, tokens);
        let open = || Kept::open(&place, tokens, self.hidden(), keep);
        let making = match store::find(keep.name(), &place.main_file(keep), work, open) {
            Ok(kept) => return Ok(kept),
            Err(making) => making,
        };
        let weights = self.pretrained_weights();
        let kept = Kept::compute(&place, &weights, tokens, self.device, keep, work.progress)?;
        making.done(work);
        Ok(kept)
    }
}

impl Pretrained {
    fn of(checkpoint: &Checkpoint, encoder: &VarStore) -> Self {
        let pooler = ["pooler.dense.weight", "pooler.dense.bias"].map(str::to_owned);
        let mut tensors = BTreeMap::new();
        for name in encoder.variables().into_keys().chain(pooler) {
            if let Some(tensor) = checkpoint.tensor(&name) {
                tensors.insert(name, tensor.shallow_clone());
            }
        }
        Self { config: checkpoint.config.clone(), tensors, name: checkpoint.identity().name() }
    }

    fn encoder(&self, device: Device) -> (VarStore, Encoder) {
        let vars = VarStore::new(device);
        let encoder = Encoder::new(&vars.root(), &self.config);
        self.copy_into(&vars);
        (vars, encoder)
    }

    pub(crate) fn copy_into(&self, vars: &VarStore) {
        tch::no_grad(|| {
            for (name, mut variable) in vars.variables() {
                variable.copy_(&self.tensors[&name]);
            }
        });
    }
}

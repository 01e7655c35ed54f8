//! A pre-trained encoder: its configuration, tokenizer and weights, found by name and checked
//! before anything is computed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alhost_base::{Unreadable, foreign};
use tch::Tensor;
use tch::nn::VarStore;
use tokenizers::Tokenizer;

use super::{hub, pooling, weights};
use crate::files::bert_config::BertConfig;
use crate::files::folder::Folder;
use crate::files::identity::{self, CheckpointIdentity};
use crate::files::weight_files::{WeightFiles, is_there};
use crate::tokenizer::Built;
use crate::tokenizer::specials::Specials;
use crate::{ModelError, Pooling, tokenizer};

/// The places where checkpoints are looked for. The caller reads the environment; nothing here
/// does.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The folder of the checkpoint `minilm`, if set-up has fetched it.
    pub minilm: Option<PathBuf>,
    /// The hub's cache: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else `huggingface/hub` in
    /// `XDG_CACHE_HOME` or `~/.cache`.
    pub hub_cache: PathBuf,
    /// `HF_ENDPOINT`; the public hub where absent.
    pub hub_endpoint: Option<String>,
    /// `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE`: use what the cache has and fetch nothing.
    pub hub_offline: bool,
    /// `HF_TOKEN`, for private repositories; the cache's own token where absent.
    pub hub_token: Option<String>,
}

/// A configuration also has the names of labels, which may be a million.
const MOST_OF_CONFIG: u64 = 64 << 20;

/// Weights that fit their configuration, with the tokenizer they were trained with.
pub struct Checkpoint {
    pub config: BertConfig,
    /// Neither truncates nor pads.
    pub tokenizer: Tokenizer,
    pub specials: Specials,
    /// Names the tokenizer as it was built, whichever files it came from: blake3, in hex.
    pub tokenizer_hash: String,
    /// blake3 of the weights' file, or of all shards in a row, in hex.
    pub weights_hash: String,
    /// The commit, of a checkpoint of the hub.
    pub revision: Option<String>,
    folder: PathBuf,
    /// `config.json`, as it was read.
    pub(crate) config_text: String,
    /// `1_Pooling/config.json`, as it was read; empty where there is none.
    pooling_text: String,
    /// The tensors, f32 on the CPU, by upstream's name without the `bert.` prefix.
    tensors: BTreeMap<String, Tensor>,
}

impl Checkpoint {
    /// Opens the checkpoint `name`: a folder, `minilm`, or a hub id.
    pub fn open(name: &str, places: &Places) -> Result<Self, ModelError> {
        Self::from_folder(&find(name, places)?)
    }

    /// Makes sure that `open` needs no network, for those who open it at the same time.
    pub fn fetch(name: &str, places: &Places) -> Result<(), ModelError> {
        find(name, places).map(drop)
    }

    /// The tokenizer alone, with its hash; nothing else of the checkpoint is read.
    pub fn tokenizer_of(name: &str, places: &Places) -> Result<(Tokenizer, String), ModelError> {
        let built = tokenizer::open(Folder(&find(name, places)?))?;
        Ok((built.tokenizer, built.hash))
    }

    /// The files that `open` would read, as far as they are on this machine. Nothing is fetched.
    pub fn files(name: &str, places: &Places) -> Vec<PathBuf> {
        let offline = Places { hub_offline: true, ..places.clone() };
        let Ok(folder) = find(name, &offline) else { return Vec::new() };
        let mut files = Folder(&folder).files();
        files.extend(
            WeightFiles::find(&folder).ok().flatten().into_iter().flat_map(WeightFiles::all),
        );
        files
    }

    fn from_folder(folder: &Path) -> Result<Self, ModelError> {
        let config_file = existing(folder, "config.json", &["config.json"])?;
        let (config, config_text) = read_config(&config_file)?;
        let Built { tokenizer, specials, hash: tokenizer_hash, path } =
            tokenizer::open(Folder(folder))?;
        check_ids(&tokenizer, &path, &config)?;
        let weights = WeightFiles::find(folder)?;
        let weights = weights.ok_or_else(|| missing(folder, "the file of weights"))?;
        let tensors = weights::read(&weights, &config)?;
        let weights_hash = weights.hash()?;
        let revision = hub::commit(folder);
        let pooling_text = pooling::text(folder)?.unwrap_or_default();
        let folder = folder.to_owned();
        Ok(Self {
            config,
            tokenizer,
            specials,
            tokenizer_hash,
            weights_hash,
            revision,
            folder,
            config_text,
            pooling_text,
            tensors,
        })
    }

    /// Returns how its hidden states become one vector: as its `1_Pooling/config.json` says, else
    /// by the mean.
    pub fn pooling(&self) -> Result<Pooling, ModelError> {
        pooling::read(&self.folder, &self.pooling_text)
    }

    /// Names it by all that is read of it.
    pub fn identity(&self) -> CheckpointIdentity {
        let config = serde_json::to_string(&self.config).expect("a config is plain data");
        CheckpointIdentity {
            config: identity::hash("alhost 2 configuration", &[&config, &self.pooling_text]),
            weights: self.weights_hash.clone(),
            tokenizer: self.tokenizer_hash.clone(),
        }
    }

    /// A tensor by upstream's name without the `bert.` prefix; f32 on the CPU.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// Whether the checkpoint carries a masked-LM head.
    pub fn has_mlm_head(&self) -> bool {
        self.tensors.contains_key(weights::MLM_BIAS)
    }

    /// Copies the pre-trained values into every variable of the same name (the encoder's, made at
    /// the root of the store, and `pooler.dense.*` where both have it); others stay as they are.
    ///
    /// # Panics
    /// Panics if a variable has another shape than the tensor of its name.
    pub fn load_into(&self, vs: &mut VarStore) {
        tch::no_grad(|| {
            for (name, mut variable) in vs.variables() {
                if let Some(tensor) = self.tensors.get(&name) {
                    assert_eq!(variable.size(), tensor.size(), "shape of `{name}`");
                    variable.copy_(tensor);
                }
            }
        });
    }
}

fn find(name: &str, places: &Places) -> Result<PathBuf, ModelError> {
    let none = |reason: &str| {
        Err(ModelError::NoCheckpoint { name: name.to_owned(), reason: reason.to_owned() })
    };
    if name == "minilm" {
        return match &places.minilm {
            Some(folder) => Ok(folder.clone()),
            None => none("it has not been fetched; `cargo xtask setup` does that"),
        };
    }
    let folder = Path::new(name);
    if folder.is_dir() {
        return Ok(folder.to_path_buf());
    }
    if folder.is_file() {
        return none("this is a file; name the folder that it lies in");
    }
    if !hub::is_id(name) {
        return none("there is no such folder");
    }
    hub::fetch(name, places)
}

/// The first of `names` that the folder has.
fn existing(
    folder: &Path,
    what: &'static str,
    names: &'static [&'static str],
) -> Result<PathBuf, ModelError> {
    let file = names.iter().map(|name| folder.join(name)).find(|file| is_there(file));
    file.ok_or_else(|| missing(folder, what))
}

fn missing(folder: &Path, missing: &'static str) -> ModelError {
    ModelError::MissingFile {
        folder: folder.to_path_buf(),
        missing,
        expected: "config.json, model.safetensors or pytorch_model.bin, and tokenizer.json or \
                   vocab.txt",
    }
}

/// Reads a configuration, and returns it with its text.
fn read_config(path: &Path) -> Result<(BertConfig, String), ModelError> {
    let text = foreign::read_text(path, MOST_OF_CONFIG)?;
    match BertConfig::parse(&text) {
        Ok(config) => Ok((config, text)),
        Err((problem, hint)) => Err(Unreadable::new(path, problem, hint).into()),
    }
}

/// Checks that every id that the tokenizer can give has a row in the word table.
fn check_ids(tokenizer: &Tokenizer, file: &Path, config: &BertConfig) -> Result<(), ModelError> {
    let highest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0);
    if i64::from(highest) < config.vocab_size {
        return Ok(());
    }
    let vocab_size = config.vocab_size;
    let problem =
        format!("gives ids up to {highest}, but config.json has a vocab_size {vocab_size}");
    let hint =
        "the tokenizer is another model's, or has tokens that were never added to the weights";
    Err(Unreadable::new(file, problem, hint).into())
}

//! A trained classifier as a folder: the model as a checkpoint, and what it takes to predict with it.
//!
//! ```text
//! classifier/
//!   classifier.json    labels, thresholds, how texts are cut; what it was trained on
//!   config.json, tokenizer.json or vocab.txt, model.safetensors    a Hugging Face checkpoint
//!   head.safetensors   the classifier's head
//! ```
//!
//! So `model.checkpoint = ".../classifier"` starts a run from the trained encoder, and `alhost predict`
//! takes all of it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::config::{EncoderMode, ModelConfig};
use crate::experiment::Experiment;
use crate::metrics::Metrics;
use crate::model::{Checkpoint, HEAD, Learner, Places, device};
use crate::record::Thresholds;

/// The folder's name in that of a run.
pub const FOLDER: &str = "classifier";

const DESCRIPTION: &str = "classifier.json";

/// `classifier.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Goes up when older folders can no longer be read.
    pub format: u32,
    /// Version of alhost.
    pub host: String,
    /// Of the data set.
    pub data: String,
    pub data_hash: String,
    /// Texts of train that it was trained on.
    pub labeled: usize,
    pub seed: u64,
    /// As trained; the checkpoint is the one that training started from.
    pub model: ModelConfig,
    pub thresholds: Thresholds,
    /// On test, at `thresholds.used`.
    pub test: Metrics,
    /// By label id.
    pub labels: Vec<String>,
}

impl Description {
    pub const FORMAT: u32 = 1;

    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(DESCRIPTION);
        ensure!(
            path.is_file(),
            "{} is no classifier: it has no {DESCRIPTION}\n\
             hint: `alhost train` makes one, and says where it lies",
            folder.display()
        );
        let text = fs_err::read_to_string(&path)?;
        let read: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        ensure!(
            read.format == Self::FORMAT,
            "{} has format {}, and this alhost reads {}",
            path.display(),
            read.format,
            Self::FORMAT
        );
        Ok(read)
    }
}

/// Puts the experiment's trained learner into `folder`, in the place of an older one. Under its name
/// the folder is always whole.
pub fn write(
    experiment: &Experiment,
    description: &Description,
    folder: &Path,
) -> anyhow::Result<()> {
    let parent = folder.parent().context("a classifier's folder lies in another")?;
    fs_err::create_dir_all(parent)?;
    let aside = tempfile::Builder::new().prefix("classifier-").tempdir_in(parent)?;
    experiment.learner.export(&experiment.checkpoint, aside.path())?;
    let text = serde_json::to_string_pretty(description)?;
    fs_err::write(aside.path().join(DESCRIPTION), text + "\n")?;
    for entry in fs_err::read_dir(aside.path())? {
        fs_err::File::open(entry?.path())?.sync_all()?;
    }
    if folder.exists() {
        fs_err::remove_dir_all(folder)?;
    }
    fs_err::rename(aside.keep(), folder)?;
    use_usual_permissions(folder)
}

/// A temporary folder is its owner's alone; this one is to be passed on.
fn use_usual_permissions(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?)
}

/// A classifier ready to predict.
pub struct SavedClassifier {
    pub description: Description,
    pub checkpoint: Checkpoint,
    pub learner: Learner,
}

impl SavedClassifier {
    /// `device` as in a config.
    pub fn open(folder: &Path, device: &str) -> anyhow::Result<Self> {
        let description = Description::read(folder)?;
        let device = device::open(device)?;
        let name = folder.to_str().context("the classifier's path is not UTF-8")?;
        let checkpoint = Checkpoint::open(name, &Places::default())?;
        // Kept states of a frozen encoder are of use only where texts are read again and again.
        let model = ModelConfig { encoder: EncoderMode::FineTuned, ..description.model.clone() };
        let n_labels = description.labels.len();
        let mut learner = Learner::new(&checkpoint, &model, n_labels, device, &PathBuf::new())?;
        learner.load_head(&folder.join(HEAD))?;
        Ok(Self { description, checkpoint, learner })
    }
}

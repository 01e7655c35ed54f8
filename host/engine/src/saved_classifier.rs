//! A trained classifier as a folder: the model as a checkpoint, and what it takes to predict with it.
//!
//! ```text
//! classifier/
//!   classifier.json    labels, thresholds, how texts are cut; what it was trained on
//!   config.json, tokenizer.json, tokenizer_config.json, model.safetensors    a Hugging Face checkpoint
//!   head.safetensors   the classifier's head
//! ```
//!
//! `classifier.json` has a hash of each other file, so that a damaged or exchanged one is refused.
//!
//! So `model.checkpoint = ".../classifier"` starts a run from the trained encoder, and `alhost predict`
//! takes all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use alhost_base::{Unreadable, aside, foreign};
use alhost_config::{ConfigFile, ModelConfig};
use alhost_metrics::{Estimate, Metrics};
use alhost_model::{Model, Models};
use alhost_record::{Thresholds, unsound};
use anyhow::ensure;
use serde::{Deserialize, Serialize};

/// The folder's name in that of a run.
pub const FOLDER: &str = "classifier";

pub(crate) const DESCRIPTION: &str = "classifier.json";

/// The most bytes of a `classifier.json`: a million labels of 60 letters.
const MOST_BYTES: u64 = 64 << 20;

/// `classifier.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Goes up when older folders can no longer be read.
    pub format: u32,
    /// Version of alhost.
    pub host: String,
    /// The name of the data set.
    pub data: String,
    pub data_hash: String,
    /// Texts of train that it was trained on.
    pub labeled: usize,
    pub seed: u64,
    /// The config as trained; the checkpoint is the one that training started from.
    pub model: ModelConfig,
    pub thresholds: Thresholds,
    /// One threshold a label, by its id; absent where the config did not ask for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds_per_label: Option<Vec<f32>>,
    /// Scores on test, at `thresholds.used`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Metrics>,
    /// What the audit of a labeling project said, of a classifier that was not trained on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// Names of the labels, by id.
    pub labels: Vec<String>,
    /// blake3 of each other file of the folder, in hex, by name; alhost 0.1 first wrote none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
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
        let text = foreign::read_text(&path, MOST_BYTES)?;
        let read: Self = serde_json::from_str(&text).map_err(|error| {
            let problem = format!("cannot be read: {error}");
            Unreadable::new(&path, problem, "restore the file, or train the classifier again")
        })?;
        ensure!(
            read.format == Self::FORMAT,
            "{} has format {}, and this alhost reads {}\n\
             hint: take the alhost that wrote it, {}",
            path.display(),
            read.format,
            Self::FORMAT,
            read.host.escape_debug()
        );
        match read.problem() {
            Some(problem) => {
                let hint = "restore the file, or train the classifier again";
                Err(Unreadable::new(&path, problem, hint).into())
            }
            None => Ok(read),
        }
    }

    /// Says what cannot be so, if anything.
    fn problem(&self) -> Option<String> {
        let mut config = ConfigFile::default();
        config.model = self.model.clone();
        self.wrong_number().or_else(|| self.wrong_labels()).or_else(|| {
            let error = config.check(&|_| None).err()?;
            Some(format!("its `model` cannot be so: {error}"))
        })
    }

    fn wrong_number(&self) -> Option<String> {
        #[derive(Serialize)]
        struct Numbers {
            thresholds: Thresholds,
            thresholds_per_label: Vec<f32>,
            test: Option<Metrics>,
        }
        if self.labeled == 0 {
            return Some("`labeled` is 0, but must be positive".to_owned());
        }
        let thresholds_per_label = self.thresholds_per_label.clone().unwrap_or_default();
        unsound(&Numbers { thresholds: self.thresholds, thresholds_per_label, test: self.test })
    }

    fn wrong_labels(&self) -> Option<String> {
        if self.labels.is_empty() {
            return Some("`labels` is empty".to_owned());
        }
        let per_label = self.thresholds_per_label.as_deref().unwrap_or_default();
        if self.thresholds_per_label.is_some() && per_label.len() != self.labels.len() {
            return Some(format!(
                "`thresholds_per_label` has {} numbers for {} labels",
                per_label.len(),
                self.labels.len()
            ));
        }
        let mut known = BTreeSet::new();
        let twice = self.labels.iter().find(|label| !known.insert(*label));
        twice.map(|twice| format!("`labels` has `{}` twice", twice.escape_debug()))
    }

    /// Whether the folder's files are those that were written; without a list, they may be any.
    fn check_files(&self, folder: &Path, models: &dyn Models) -> anyhow::Result<()> {
        const HINT: &str = "copy the folder again, or train the classifier again";
        if self.files.is_empty() {
            return Ok(());
        }
        for (name, expected) in &self.files {
            let path = folder.join(name);
            if hash(&path)? != *expected {
                let problem = "is not the file that was written with this classifier";
                return Err(Unreadable::new(&path, problem, HINT).into());
            }
        }
        for path in models.exported_files(folder)? {
            let name = name_in(folder, &path);
            if name != DESCRIPTION && !self.files.contains_key(&name) {
                let problem = "does not belong to this classifier, but would be read with it";
                return Err(Unreadable::new(&path, problem, "move it elsewhere").into());
            }
        }
        Ok(())
    }
}

pub(crate) fn hash(path: &Path) -> Result<String, Unreadable> {
    let mut hasher = blake3::Hasher::new();
    let read = hasher.update_reader(foreign::open(path)?);
    read.map_err(|error| Unreadable::of(path, &error))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Puts a trained model into `folder`, in the place of an older one. Under its name
/// the folder is always whole.
pub fn write(model: &dyn Model, description: &Description, folder: &Path) -> anyhow::Result<()> {
    let aside = aside::create_folder(folder)?;
    model.export(aside.path())?;
    let mut description = description.clone();
    for path in files_below(aside.path())? {
        description.files.insert(name_in(aside.path(), &path), hash(&path)?);
    }
    let text = serde_json::to_string_pretty(&description)?;
    fs_err::write(aside.path().join(DESCRIPTION), text + "\n")?;
    for path in files_below(aside.path())? {
        fs_err::File::open(path)?.sync_all()?;
    }
    if folder.exists() {
        fs_err::remove_dir_all(folder)?;
    }
    fs_err::rename(aside.keep(), folder)?;
    Ok(())
}

pub(crate) fn files_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_below(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// Names a file as `classifier.json` lists it: `1_Pooling/config.json`.
pub(crate) fn name_in(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned()
}

/// A classifier ready to predict.
pub struct SavedClassifier {
    pub description: Description,
    pub(crate) model: Box<dyn Model>,
}

impl SavedClassifier {
    /// `device` as in a config.
    pub fn open(folder: &Path, device: &str, models: &dyn Models) -> anyhow::Result<Self> {
        let description = Description::read(folder)?;
        description.check_files(folder, models)?;
        let n_labels = description.labels.len();
        let model = models.open_exported(folder, &description.model, device, n_labels)?;
        Ok(Self { description, model })
    }
}

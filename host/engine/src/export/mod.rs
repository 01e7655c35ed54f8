//! A trained classifier as a folder for other libraries, which give with it the probabilities that alhost
//! gives.
//!
//! | head | for | what the folder is |
//! | --- | --- | --- |
//! | linear | transformers | `BertForSequenceClassification`, whose arithmetic is this head's |
//! | logistic | sentence-transformers | Transformer, Pooling, Normalize, Dense with a sigmoid |
//! | cnn | transformers | `BertModel`, the head's weights, and `reader.py`, which puts them together |
//!
//! Each also has `README.md` (the model card), `labels.json` (their names, in the order of the outputs),
//! `thresholds.json`, and `alhost.json`, which says how it was made and by which a folder is known
//! as an export.

mod card;
mod layout;
mod tensors;
mod usage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alhost_base::{Unreadable, aside};
use alhost_config::HeadKind;
use alhost_metrics::{Estimate, Metrics};
use anyhow::ensure;
use serde::Serialize;
use serde_json::{Value, json};

use crate::saved_classifier::{
    DESCRIPTION, Description, FOLDER, SavedClassifier, files_below, hash, name_in,
};

/// The file that makes a folder an export.
const MARK: &str = "alhost.json";

/// The library that an export is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target {
    Transformers,
    SentenceTransformers,
}

impl Target {
    pub fn name(self) -> &'static str {
        match self {
            Self::Transformers => "transformers",
            Self::SentenceTransformers => "sentence-transformers",
        }
    }

    /// The library in which a head can be said.
    fn of(head: HeadKind) -> Self {
        match head {
            HeadKind::Linear | HeadKind::Cnn => Self::Transformers,
            HeadKind::Logistic => Self::SentenceTransformers,
        }
    }
}

/// Says what becomes of an export that lies where one is to be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Earlier {
    Refused,
    Replaced,
}

/// The folder of the classifier that `folder` is, or that a training left in it.
pub fn classifier_in(folder: &Path) -> PathBuf {
    let below = folder.join(FOLDER);
    let is_one = |folder: &Path| folder.join(DESCRIPTION).exists();
    if is_one(&below) && !is_one(folder) { below } else { folder.to_owned() }
}

/// `alhost.json`: how the export was made.
#[derive(Serialize)]
struct Made<'a> {
    format: u32,
    to: &'static str,
    /// Versions of alhost.
    trained_by: &'a str,
    exported_by: &'static str,
    data: &'a str,
    data_hash: &'a str,
    /// Texts that it was trained on.
    labeled: usize,
    seed: u64,
    /// The config as trained. A checkpoint that was a folder is not named: its path is nobody's business.
    model: Value,
    /// Scores on test, at the threshold `own`.
    test: Option<&'a Metrics>,
    /// What the audit of a labeling project said.
    estimate: Option<&'a Estimate>,
    /// blake3 of each other file, in hex, by name.
    files: BTreeMap<String, String>,
}

/// A classifier, and the folder that it was opened from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub classifier: &'a SavedClassifier,
    pub folder: &'a Path,
}

/// Writes `source` as a folder for the library `to`. Under the name `out` the folder is whole or absent.
///
/// # Errors
/// The head may be one that the library does not have; something that is no export of ours, or one that
/// is not to be replaced, may lie at `out`.
pub fn export(source: Source<'_>, to: Target, out: &Path, earlier: Earlier) -> anyhow::Result<()> {
    let description = &source.classifier.description;
    check_target(description.model.head, to)?;
    check_place(out, earlier)?;
    let aside = aside::create_folder(out)?;
    let head = layout::write(source, aside.path())?;
    let labels = serde_json::to_string_pretty(&description.labels)?;
    let texts = [
        ("labels.json", labels),
        ("thresholds.json", format!("{:#}", thresholds(description))),
        ("README.md", card::card(description, &head)),
    ];
    for (name, text) in texts {
        fs_err::write(aside.path().join(name), text.trim_end().to_owned() + "\n")?;
    }
    let made = serde_json::to_string_pretty(&made(description, to, aside.path())?)?;
    fs_err::write(aside.path().join(MARK), made + "\n")?;
    for path in files_below(aside.path())? {
        fs_err::File::open(path)?.sync_all()?;
    }
    if out.exists() {
        fs_err::remove_dir_all(out)?;
    }
    fs_err::rename(aside.keep(), out)?;
    Ok(())
}

fn check_target(head: HeadKind, to: Target) -> anyhow::Result<()> {
    let right = Target::of(head);
    ensure!(
        right == to,
        "a classifier with the head `{}` cannot be exported to {}\nhint: `--to {}`",
        head.name(),
        to.name(),
        right.name()
    );
    Ok(())
}

/// Whether a folder can be put at `out`: nothing lies there, or an empty folder, or an export that is to
/// be replaced.
fn check_place(out: &Path, earlier: Earlier) -> anyhow::Result<()> {
    let elsewhere = "choose another place with `--out`";
    let taken = |problem: &str, hint: &str| Err(Unreadable::new(out, problem, hint).into());
    let Ok(found) = out.symlink_metadata() else { return Ok(()) };
    if !found.is_dir() {
        return taken("is there already, and is no folder", elsewhere);
    }
    if fs_err::read_dir(out)?.next().is_none() {
        return Ok(());
    }
    match (out.join(MARK).is_file(), earlier) {
        (true, Earlier::Replaced) => Ok(()),
        (true, Earlier::Refused) => taken(
            "is an earlier export",
            "`--force` replaces it, with what was changed in it since",
        ),
        (false, _) => taken("is there already, and is no export", elsewhere),
    }
}

/// `thresholds.json`: probabilities above which a label is given, by the names that `alhost predict` has
/// for them; null is one that gives none.
fn thresholds(description: &Description) -> Value {
    let mut all = json!({ "own": description.thresholds.used });
    let optima = [
        ("micro-f1", description.thresholds.micro),
        ("macro-f1", description.thresholds.macro_f1),
        ("macro-f1-paper", description.thresholds.macro_paper),
    ];
    for (name, threshold) in optima {
        if let Some(threshold) = threshold {
            all[name] = json!(threshold);
        }
    }
    if let Some(per_label) = &description.thresholds_per_label {
        all["per-label"] = json!(per_label);
    }
    all
}

fn made<'a>(description: &'a Description, to: Target, folder: &Path) -> anyhow::Result<Made<'a>> {
    let mut model = serde_json::to_value(&description.model)?;
    model["checkpoint"] = json!(card::base_model(&description.model.checkpoint));
    let mut files = BTreeMap::new();
    for path in files_below(folder)? {
        files.insert(name_in(folder, &path), hash(&path)?);
    }
    Ok(Made {
        format: 1,
        to: to.name(),
        trained_by: &description.host,
        exported_by: env!("CARGO_PKG_VERSION"),
        data: &description.data,
        data_hash: &description.data_hash,
        labeled: description.labeled,
        seed: description.seed,
        model,
        test: description.test.as_ref(),
        estimate: description.estimate.as_ref(),
        files,
    })
}

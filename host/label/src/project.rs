//! A labeling project: a folder with texts, labels, answers, and a config that explains itself.
//!
//! ```text
//! tickets/
//!   project.toml         the config, written once, for people to read and change
//!   guidelines.md        shown on the page
//!   texts.jsonl          id and text, as they were when the project was made
//!   labels.txt           a label a line; it only grows
//!   annotations.jsonl    what people answered; it only grows
//!   runs/                records, as of any run
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use alhost_base::lock::{Busy, Lock, try_lock};
use alhost_base::{aside, foreign};
use alhost_config::{ConfigFile, Overrides, RunConfig, names_a_folder};
use alhost_data::{UnlabeledTexts, read_labels, read_texts};
use alhost_engine::oracle::annotations;
use anyhow::{Context as _, bail, ensure};
use serde_json::json;

const CONFIG: &str = "project.toml";
const TEXTS: &str = "texts.jsonl";
const LABELS: &str = "labels.txt";
const GUIDELINES: &str = "guidelines.md";

/// Most bytes of the guidelines.
const MOST_GUIDELINES: u64 = 1 << 20;

/// The folder of a project, in which one process works at a time.
pub struct Project {
    pub folder: PathBuf,
    pub config: RunConfig,
    /// Held by who may change something.
    lock: Option<Lock>,
}

/// What a project is made of.
pub struct Begin<'a> {
    pub texts: &'a UnlabeledTexts,
    pub labels: &'a [String],
    pub separator: &'a str,
    /// The strategy, as in `--plugin`.
    pub plugin: &'a str,
    /// Texts of the initial set and of each batch.
    pub batch: usize,
}

/// Whether a folder is a labeling project.
pub fn is_project(folder: &Path) -> bool {
    folder.join(CONFIG).is_file()
}

/// Makes the folder of a project. It is whole or not there.
///
/// # Errors
/// If there is something in its place, or its name cannot name a folder of records.
pub fn create(folder: &Path, begin: &Begin<'_>) -> anyhow::Result<()> {
    ensure!(
        !folder.exists(),
        "{} exists already\nhint: `alhost label serve {0}` goes on with a project; choose another name for a new one",
        folder.display()
    );
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.filter(|name| names_a_folder(name)).with_context(|| {
        format!(
            "{} cannot be the name of a project\nhint: letters, digits, `-`, `_` and `.`",
            folder.display()
        )
    })?;
    let aside = aside::create_folder(folder)?;
    let mut lines = String::new();
    for (id, text) in begin.texts.ids.iter().zip(begin.texts.texts.iter()) {
        writeln!(lines, "{}", json!({ "id": id, "text": text, "labels": [] }))?;
    }
    let labels = list(begin.labels);
    for (file, content) in [
        (TEXTS, lines),
        (LABELS, labels),
        (CONFIG, config(&name, begin)),
        (GUIDELINES, String::new()),
        (annotations::FILE, String::new()),
    ] {
        aside::replace(&aside.path().join(file), content.as_bytes())?;
    }
    fs_err::rename(aside.keep(), folder)?;
    aside::sync_folder(folder.parent().filter(|p| *p != Path::new("")).unwrap_or(Path::new(".")))?;
    Ok(())
}

/// A label a line.
fn list(labels: &[String]) -> String {
    labels.iter().flat_map(|label| [label.as_str(), "\n"]).collect()
}

fn config(name: &str, begin: &Begin<'_>) -> String {
    let quoted = |text: &str| toml_string(text);
    let filled = include_str!("project.toml.in")
        .replace("{name}", &quoted(name))
        .replace("{separator}", &quoted(begin.separator))
        .replace("{plugin}", &quoted(begin.plugin))
        .replace("{batch}", &begin.batch.to_string())
        .replace("{texts}", &begin.texts.ids.len().to_string());
    // What was filled in has moved the comments behind it.
    let aligned = |line: &str| match line.split_once("  # ") {
        Some((key, comment)) => format!("{:25} # {comment}\n", key.trim_end()),
        None => format!("{line}\n"),
    };
    filled.lines().map(aligned).collect()
}

/// A string as TOML writes it; its escapes are those of JSON.
fn toml_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Project {
    /// Opens a project for this process alone. `lookup` answers for the environment.
    ///
    /// # Errors
    /// If it is none, its config is wrong, or another process works on it.
    pub fn open(
        folder: &Path,
        set: &[String],
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let config = read_config(folder, set, lookup)?;
        let lock = match try_lock(&folder.join("lock")) {
            Ok(lock) => lock,
            Err(Busy::Held(who)) => bail!(
                "{}: another process works on this project{}\nhint: stop it, or use its page",
                folder.display(),
                who.map_or(String::new(), |who| format!(" ({who})"))
            ),
            Err(Busy::Failed(error)) => return Err(error.into()),
        };
        aside::sweep(folder);
        Ok(Self { folder: folder.to_owned(), config, lock: Some(lock) })
    }

    /// Opens a project to look at it, also while another process works on it.
    ///
    /// # Errors
    /// If it is none, or its config is wrong.
    pub fn look(
        folder: &Path,
        set: &[String],
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let config = read_config(folder, set, lookup)?;
        Ok(Self { folder: folder.to_owned(), config, lock: None })
    }

    /// Whether this process may change the project.
    pub(crate) fn is_ours(&self) -> bool {
        self.lock.is_some()
    }

    pub fn texts(&self) -> anyhow::Result<UnlabeledTexts> {
        Ok(read_texts(&self.folder.join(TEXTS), "text")?.0)
    }

    /// The labels, in the order in which they were added.
    pub fn labels(&self) -> anyhow::Result<Vec<String>> {
        let path = self.folder.join(LABELS);
        // A list without a label is an error where a classifier is to be trained, and not here.
        let text = foreign::read_text(&path, 1 << 30)?;
        if text.trim().is_empty() { Ok(Vec::new()) } else { Ok(read_labels(&path)?) }
    }

    /// Replaces the list of labels by a longer one; it is on disk when this returns.
    pub fn write_labels(&self, labels: &[String]) -> anyhow::Result<()> {
        Ok(aside::replace(&self.folder.join(LABELS), list(labels).as_bytes())?)
    }

    pub fn annotations(&self) -> PathBuf {
        self.folder.join(annotations::FILE)
    }

    /// Text for those who label; empty where nobody wrote any.
    pub fn guidelines(&self) -> anyhow::Result<String> {
        let path = self.folder.join(GUIDELINES);
        if !path.exists() {
            return Ok(String::new());
        }
        Ok(foreign::read_text(&path, MOST_GUIDELINES)?)
    }

    /// Where suggestions for the texts of the last batch are kept.
    pub(crate) fn suggestions(&self) -> PathBuf {
        self.folder.join("runs").join("suggestions.json")
    }
}

/// The config of a project, which works on the files in its folder wherever that lies.
pub fn read_config(
    folder: &Path,
    set: &[String],
    lookup: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<RunConfig> {
    ensure!(
        is_project(folder),
        "{} is no labeling project: it has no {CONFIG}\nhint: `alhost label new {0} --texts FILE` makes one",
        folder.display()
    );
    let place = |key: &str, path: &Path| {
        (
            "the project's folder".to_owned(),
            format!("{key}={}", toml_string(&path.display().to_string())),
        )
    };
    let overrides = Overrides {
        given: vec![place("data.path", folder), place("out", &folder.join("runs"))],
        set: set.to_vec(),
        ..Overrides::default()
    };
    Ok(ConfigFile::read(&folder.join(CONFIG), &overrides)?.check(lookup)?)
}

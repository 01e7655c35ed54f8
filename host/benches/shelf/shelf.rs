//! Which strategies there are, where their libraries lie, and in which variants they run.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use alhost_plugin_api::asking;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::options::Options;
use crate::peers::Peers;

/// Strategies whose cost grows with the square of the pool, and the smaller pool that they also run on.
const QUADRATIC: [&str; 2] = ["besra", "crab"];
const SMALL_POOL: usize = 5_000;

/// A strategy with its parameters, on the whole pool or a part of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Variant {
    pub(crate) plugin: String,
    /// Those that are not the defaults.
    pub(crate) params: Map<String, Value>,
    pub(crate) candidates: Option<usize>,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params = self.params.iter().map(|(key, value)| match value {
            Value::String(text) => format!("{key}={text}"),
            other => format!("{key}={other}"),
        });
        let params: Vec<String> = params.collect();
        let params =
            if params.is_empty() { String::new() } else { format!("({})", params.join(", ")) };
        let among = self.candidates.map_or(String::new(), |n| format!(", {n} texts"));
        f.pad(&format!("{}{params}{among}", self.plugin))
    }
}

/// The strategies of the workspace.
pub(crate) struct Shelf {
    /// Ids, which are the names of the folders below `plugins`.
    ids: Vec<String>,
    /// The folder that cargo builds libraries into.
    built: PathBuf,
}

impl Shelf {
    /// `program` lies in a folder of its own below that of the libraries.
    pub(crate) fn beside(program: &Path) -> Result<Self> {
        let built = program.ancestors().nth(2).context("the benchmark lies in no folder")?;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
        let mut ids = Vec::new();
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            if entry.path().join("Cargo.toml").exists() {
                ids.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        ids.sort();
        Ok(Self { ids, built: built.to_owned() })
    }

    /// The library of a strategy, where it has been built.
    pub(crate) fn library(&self, id: &str) -> Option<PathBuf> {
        let library = self.built.join(format!("lib{}.so", id.replace('-', "_")));
        library.is_file().then_some(library)
    }

    /// Whether a library is older than a source that cargo says it was made of.
    fn is_stale(library: &Path) -> bool {
        let changed = |path: &Path| -> Option<SystemTime> {
            fs_err::metadata(path).and_then(|data| data.modified()).ok()
        };
        let sources = fs_err::read_to_string(library.with_extension("d")).unwrap_or_default();
        let mut sources = sources.split_whitespace().filter(|word| !word.ends_with(':'));
        let built = changed(library);
        sources.any(|source| changed(Path::new(source)).is_none_or(|at| Some(at) > built))
    }

    /// Says which of the strategies' libraries are missing or old, and how to build them.
    pub(crate) fn note(&self, variants: &[Variant]) -> Option<String> {
        let is_current = |id: &str| self.library(id).is_some_and(|file| !Self::is_stale(&file));
        let mut wanting: Vec<&str> = variants.iter().map(|one| one.plugin.as_str()).collect();
        wanting.dedup();
        wanting.retain(|id| !is_current(id));
        (!wanting.is_empty()).then(|| {
            let wanting = wanting.join(", ");
            format!(
                "not built, or older than their sources: {wanting}\nhint: `cargo build --release`"
            )
        })
    }

    /// What is to be run: what the command line lists, or all; each strategy on the whole pool, and on those
    /// parts of it that it should be looked at on.
    pub(crate) fn variants(&self, options: &Options, peers: &Peers) -> Result<Vec<Variant>> {
        let list = options.only.clone().unwrap_or_else(|| self.ids.join(","));
        let mut variants = Vec::new();
        for one in asking::strategies(&list)? {
            let of = |candidates| Variant {
                plugin: one.plugin.clone(),
                params: one.params.clone(),
                candidates,
            };
            variants.push(of(options.candidates));
            if options.candidates.is_none() {
                let quadratic = QUADRATIC.contains(&one.plugin.as_str()).then_some(SMALL_POOL);
                let mut parts: Vec<usize> = quadratic.into_iter().collect();
                parts.extend(peers.of(&one.plugin).filter_map(|peer| peer.candidates));
                parts.sort_unstable();
                parts.dedup();
                let unlabeled = options.size.texts.saturating_sub(options.size.labeled);
                let parts = parts.into_iter().filter(|&part| part < unlabeled);
                variants.extend(parts.map(|part| of(Some(part))));
            }
        }
        Ok(variants)
    }
}

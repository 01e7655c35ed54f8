//! Errors of a plugin or of its answer; each message names what is wrong and says what to do.

use std::path::PathBuf;

use alhost_base::Unreadable;
use alhost_plugin_api::params::ParamError;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum PluginError {
    #[error("no plugin at {}{}\nhint: {hint}", path.display(), also(tried))]
    Missing { path: PathBuf, tried: Vec<PathBuf>, hint: String },
    #[error("{}, where `{asked}` is looked for by id, is plugin `{id}`\nhint: name the file by its path, or call it after its id", path.display())]
    OtherId { asked: String, id: String, path: PathBuf },
    #[error("cannot read the plugin {0}")]
    Read(#[from] Unreadable),
    #[error("{} is not a shared library (no 64-bit little-endian ELF file, but {looks})\nhint: a plugin is the lib*.so that `cargo build --release` makes of a crate with `crate-type = [\"cdylib\"]`", path.display())]
    NotElf { path: PathBuf, looks: &'static str },
    #[error("{} is cut short: {what}\nhint: copy or build the file again", path.display())]
    Truncated { path: PathBuf, what: String },
    #[error("{} is a shared library, but not an alhost plugin: it has no `.alhost.manifest` section\nhint: a plugin calls `export_strategy!` once", path.display())]
    NotPlugin { path: PathBuf },
    #[error("the manifest of {} cannot be read: {why}\nhint: build the plugin again with a released alhost-plugin-api", path.display())]
    Manifest { path: PathBuf, why: String },
    #[error(
        "plugin `{id}` {version} was built for plugin-api {plugin_api}; this alhost provides {host_api}\nhint: {hint}"
    )]
    Api { id: String, version: String, plugin_api: String, host_api: String, hint: String },
    #[error(
        "plugin `{id}` does not match plugin-api {host_api}, though it says that it does: {cause}\nhint: build it again with an unmodified alhost-plugin-api"
    )]
    Layout { id: String, host_api: String, cause: String },
    #[error(
        "plugin `{id}` was built with `panic = \"abort\"`, so that its panics would end this program\nhint: build it with `panic = \"unwind\"`, the default of every profile"
    )]
    Abort { id: String },
    #[error("plugin `{id}` needs `{need}`, which this alhost does not provide\nhint: it provides {}", known.join(", "))]
    Need { id: String, need: String, known: Vec<String> },
    #[error("every user of this machine may change {}, since {} is world-writable\nhint: `chmod o-w {}`", path.display(), place.display(), place.display())]
    Exposed { path: PathBuf, place: PathBuf },
    #[error("cannot keep a private copy of {} below {}: {why}\nhint: the key `cache.path` of the config names another folder", path.display(), cache.display())]
    Keep { path: PathBuf, cache: PathBuf, why: String },
    #[error("cannot load {}: {why}", path.display())]
    Load { path: PathBuf, why: String },
    #[error("plugin `{id}`: {error}{}\nhint: `alhost plugin inspect {}` lists its parameters", nearest(error), path.display())]
    Params { id: String, path: PathBuf, error: ParamError },
    #[error("strategy `{instance}` could not {doing}: {message}")]
    Strategy { instance: String, doing: String, message: String },
}

fn also(tried: &[PathBuf]) -> String {
    let paths: Vec<String> = tried.iter().map(|path| path.display().to_string()).collect();
    if paths.is_empty() { String::new() } else { format!(", nor at {}", paths.join(", ")) }
}

/// Names the parameter that a misspelt one was probably meant to be.
fn nearest(error: &ParamError) -> String {
    let ParamError::Unknown { name, known } = error else { return String::new() };
    let near = alhost_base::near::nearest(name, known.iter().map(String::as_str), 0.0);
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

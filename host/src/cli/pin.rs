//! `alhost plugin pin`: writes down which files a locked run accepts.

use std::path::Path;
use std::process::ExitCode;

use alhost_engine::lock::Lock;
use alhost_plugin_host::{PluginFile, Status};
use anyhow::ensure;

use super::environment;
use super::terminal::say;

/// Pins these plugins in the lock file, or all on the search path that could be used.
pub(super) fn pin(plugins: &[String], path: &Path) -> anyhow::Result<ExitCode> {
    let mut lock = Lock::read_if_there(path)?.unwrap_or_default();
    let files = if plugins.is_empty() { all_usable()? } else { named(plugins)? };
    for file in &files {
        let before = lock.pin(file);
        let change = match &before {
            Some(before) if before.blake3 == file.hash => " (as before)".to_owned(),
            Some(before) => format!(" (was {} {})", before.version, before.blake3),
            None => String::new(),
        };
        let (id, version) = (&file.manifest.id, &file.manifest.version);
        say!("{id} {version} {}{change}", file.hash);
    }
    lock.write(path)?;
    say!("pinned in {}", path.display());
    Ok(ExitCode::SUCCESS)
}

fn named(plugins: &[String]) -> anyhow::Result<Vec<PluginFile>> {
    let search = environment::search_path();
    let mut files = Vec::new();
    for plugin in plugins {
        let file = PluginFile::open(plugin, &search)?;
        file.check()?;
        files.push(file);
    }
    Ok(files)
}

/// Returns the plugins that can be named by id.
fn all_usable() -> anyhow::Result<Vec<PluginFile>> {
    let listed = alhost_plugin_host::list(&environment::search_path());
    let usable = listed.into_iter().filter(|one| one.status == Status::Usable);
    let files: Vec<PluginFile> = usable.filter_map(|one| one.file.ok()).collect();
    ensure!(
        !files.is_empty(),
        "no plugin can be named by id\nhint: name the files: `alhost plugin pin target/libx.so`"
    );
    Ok(files)
}

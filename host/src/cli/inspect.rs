//! `alhost plugin inspect`: what a plugin says of itself, and what its file shows. None of its code
//! runs.

use std::path::Path;
use std::process::ExitCode;

use alhost_base::text;
use alhost_engine::lock::Lock;
use alhost_plugin_host::PluginFile;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use super::environment;
use super::terminal::{self, say};

/// The word of `alhost.lock` in the working directory on a file.
enum Pinned {
    NoLock,
    Yes,
    No(String),
}

pub(super) fn inspect(plugin: &str, as_json: bool, lock: &Path) -> anyhow::Result<ExitCode> {
    let file = PluginFile::open(plugin, &environment::search_path())?;
    let pinned = pinned(&file, lock)?;
    let warnings = warnings(&file, &pinned);
    if as_json {
        let all = json!({
            "path": file.path,
            "blake3": file.hash,
            "bytes": file.n_bytes(),
            "manifest": file.manifest,
            "linked": file.linked(),
            "refused": file.check().err().map(|error| error.to_string()),
            "pinned": match pinned {
                Pinned::NoLock => None,
                Pinned::Yes => Some(true),
                Pinned::No(_) => Some(false),
            },
            "warnings": warnings,
        });
        terminal::print_json(&all)?;
        return Ok(ExitCode::SUCCESS);
    }
    let manifest = &file.manifest;
    let summary = format!("{} {}: {}", manifest.id, manifest.version, manifest.summary);
    say!("{}", text::in_line(&summary));
    say!("{}", about(&file, &pinned, lock));
    match parameters(&file) {
        Some(table) => say!("{table}"),
        None => say!("no parameters"),
    }
    for warning in warnings {
        say!("warning: {warning}");
    }
    Ok(ExitCode::SUCCESS)
}

fn pinned(file: &PluginFile, lock: &Path) -> anyhow::Result<Pinned> {
    let Some(pins) = Lock::read_if_there(lock)? else { return Ok(Pinned::NoLock) };
    Ok(match pins.check(lock, file) {
        Ok(()) => Pinned::Yes,
        Err(error) => Pinned::No(error.to_string()),
    })
}

fn warnings(file: &PluginFile, pinned: &Pinned) -> Vec<String> {
    let mut warnings = file.warnings();
    if let Err(error) = file.check() {
        warnings.push(format!("this alhost refuses it: {error}"));
    }
    if let Pinned::No(why) = pinned {
        warnings.push(why.clone());
    }
    warnings
}

fn about(file: &PluginFile, pinned: &Pinned, lock: &Path) -> Table {
    let manifest = &file.manifest;
    let mut about = Table::new();
    about.load_preset(presets::NOTHING);
    let stochastic = if manifest.stochastic { "its answer may differ with the seed" } else { "no" };
    let needs = manifest.needs.join(", ");
    let pinned = match pinned {
        Pinned::NoLock => format!("no: there is no {}", lock.display()),
        Pinned::Yes => format!("yes, in {}", lock.display()),
        Pinned::No(_) => "no".to_owned(),
    };
    let rows = [
        ("file", file.path.display().to_string()),
        ("blake3", file.hash.clone()),
        ("size", format!("{} bytes", file.n_bytes())),
        ("citation", manifest.citation.clone()),
        ("plugin-api", manifest.api.clone()),
        (
            "built by",
            format!("{} ({}, panic: {})", manifest.rustc, manifest.profile, manifest.panic),
        ),
        ("links", file.linked().join(", ")),
        ("needs", if needs.is_empty() { "nothing of the model".to_owned() } else { needs }),
        ("stochastic", stochastic.to_owned()),
        ("pinned", pinned),
    ];
    for (name, value) in rows {
        about.add_row([name, &text::in_line(&value)]);
    }
    about
}

fn parameters(file: &PluginFile) -> Option<Table> {
    let parameters = file.manifest.parameters();
    if parameters.is_empty() {
        return None;
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["parameter", "default", "allowed", "what it does"]);
    for param in &parameters {
        let default =
            if param.default.is_null() { "none".to_owned() } else { param.default.to_string() };
        let cells = [&param.name, &default, &param.allowed(), &param.help];
        table.add_row(cells.map(|cell| text::in_line(cell).into_owned()));
    }
    Some(table)
}

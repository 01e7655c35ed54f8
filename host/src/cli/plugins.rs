//! `alhost plugin`: what plugins say of themselves, without running them.

use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use super::environment;
use crate::plugin::PluginFile;

/// The plugins on the search path.
#[expect(clippy::print_stdout, reason = "cli prints")]
pub(super) fn list() -> ExitCode {
    let search = environment::search_path();
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["id", "version", "api", "status", "summary", "file"]);
    let mut seen: Vec<String> = Vec::new();
    for path in search.files() {
        let shown = path.display().to_string();
        match PluginFile::read(&path) {
            Ok(plugin) => {
                let manifest = &plugin.manifest;
                let status = match plugin.check() {
                    _ if seen.contains(&manifest.id) => "shadowed by the one above".to_owned(),
                    Ok(()) if manifest.profile == "debug" => {
                        "usable (debug build: slow)".to_owned()
                    }
                    Ok(()) => "usable".to_owned(),
                    Err(error) => format!("refused: {}", first_line(&error.to_string())),
                };
                seen.push(manifest.id.clone());
                let (id, version, api) = (&manifest.id, &manifest.version, &manifest.api);
                table.add_row([id, version, api, &status, &manifest.summary, &shown]);
            }
            // A folder may hold other libraries too; only what could be meant as a plugin is told.
            Err(error) if is_foreign(&error) => {}
            Err(error) => {
                let status = format!("refused: {}", first_line(&error.to_string()));
                table.add_row(["?", "", "", &status, "", &shown]);
            }
        }
    }
    if table.is_empty() {
        let folders: Vec<String> = search.0.iter().map(|path| path.display().to_string()).collect();
        println!("no plugins in {}", folders.join(", "));
    } else {
        println!("{table}");
    }
    ExitCode::SUCCESS
}

fn is_foreign(error: &crate::plugin::PluginError) -> bool {
    matches!(error, crate::plugin::PluginError::NotPlugin { .. })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Everything in a plugin's manifest, and what the file shows.
#[expect(clippy::print_stdout, reason = "cli prints")]
pub(super) fn inspect(plugin: &str, as_json: bool) -> anyhow::Result<ExitCode> {
    let file = PluginFile::open(plugin, &environment::search_path())?;
    let manifest = &file.manifest;
    let warnings = warnings(&file);
    if as_json {
        let all = json!({
            "path": file.path,
            "blake3": file.hash,
            "bytes": file.n_bytes(),
            "manifest": manifest,
            "warnings": warnings,
        });
        println!("{all:#}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} {}: {}", manifest.id, manifest.version, manifest.summary);
    let mut about = Table::new();
    about.load_preset(presets::NOTHING);
    let kind = if manifest.stochastic { "its answer may differ with the seed" } else { "no" };
    let rows = [
        ("file", file.path.display().to_string()),
        ("blake3", file.hash.clone()),
        ("citation", manifest.citation.clone()),
        ("plugin-api", manifest.api.clone()),
        ("built by", format!("{} ({})", manifest.rustc, manifest.profile)),
        ("needs", manifest.needs.join(", ")),
        ("stochastic", kind.to_owned()),
    ];
    for (name, value) in rows {
        about.add_row([name, &value]);
    }
    println!("{about}");
    let parameters = manifest.parameters();
    if parameters.is_empty() {
        println!("no parameters");
    } else {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["parameter", "default", "allowed", "what it does"]);
        for param in &parameters {
            let default =
                if param.default.is_null() { "none".to_owned() } else { param.default.to_string() };
            table.add_row([&param.name, &default, &param.allowed(), &param.help]);
        }
        println!("{table}");
    }
    for warning in warnings {
        println!("warning: {warning}");
    }
    Ok(ExitCode::SUCCESS)
}

fn warnings(file: &PluginFile) -> Vec<String> {
    let mut warnings = Vec::new();
    if file.manifest.profile == "debug" {
        warnings.push("a debug build, which can be twenty times slower".to_owned());
    }
    if let Err(error) = file.check() {
        warnings.push(format!("this alhost refuses it: {error}"));
    }
    warnings
}

//! `alhost plugin list`: which plugins can be named by id, and what is wrong with the others.

use std::process::ExitCode;

use alhost_base::text;
use alhost_plugin_host::{Listed, PluginFile, Status};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::environment;
use super::terminal::{self, say};

pub(super) fn list(as_json: bool) -> anyhow::Result<ExitCode> {
    let search = environment::search_path();
    let listed = alhost_plugin_host::list(&search);
    if as_json {
        let all: Vec<Value> = listed.iter().map(json_of).collect();
        terminal::print_json(&all)?;
        return Ok(ExitCode::SUCCESS);
    }
    if listed.is_empty() {
        let folders: Vec<String> = search.0.iter().map(|path| path.display().to_string()).collect();
        say!("no plugins in {}", folders.join(", "));
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["id", "version", "api", "status", "summary", "file"]);
    for one in &listed {
        let path = one.path.display().to_string();
        let status = status(one);
        match &one.file {
            Ok(PluginFile { manifest, .. }) => {
                let (id, version, api) = (&manifest.id, &manifest.version, &manifest.api);
                let cells = [id, version, api, &status, &manifest.summary, &path];
                table.add_row(cells.map(|cell| text::in_line(cell).into_owned()));
            }
            Err(_) => {
                table.add_row(["?", "", "", &text::in_line(&status), "", &text::in_line(&path)]);
            }
        }
    }
    say!("{table}");
    Ok(ExitCode::SUCCESS)
}

fn status(one: &Listed) -> String {
    let is_debug = one.file.as_ref().is_ok_and(|file| file.manifest.profile == "debug");
    match &one.status {
        Status::Usable if is_debug => "usable (debug build: slow)".to_owned(),
        Status::Usable => "usable".to_owned(),
        Status::Shadowed { by } => format!("shadowed by {}", by.display()),
        Status::ByPathOnly => {
            "usable by its path only: an id is looked for as lib<id>.so".to_owned()
        }
        Status::Refused { why } => {
            format!("refused: {}", why.lines().next().unwrap_or_default())
        }
    }
}

fn json_of(one: &Listed) -> Value {
    let (status, by, why) = match &one.status {
        Status::Usable => ("usable", None, None),
        Status::Shadowed { by } => ("shadowed", Some(by), None),
        Status::ByPathOnly => ("by-path-only", None, None),
        Status::Refused { why } => ("refused", None, Some(why)),
    };
    let file = one.file.as_ref().ok();
    json!({
        "path": one.path,
        "status": status,
        "shadowed_by": by,
        "why": why,
        "blake3": file.map(|file| &file.hash),
        "manifest": file.map(|file| &file.manifest),
    })
}

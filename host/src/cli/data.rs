//! `alhost data stats`: a data set in figures.

use std::path::Path;
use std::process::ExitCode;

use comfy_table::{Table, presets};
use serde_json::Value;

use super::progress::Bars;
use super::{ConfigArgs, environment};
use crate::config::Overrides;
use crate::data;

#[expect(clippy::print_stdout, reason = "cli prints")]
pub(super) fn stats(args: &ConfigArgs, as_json: bool, bars: &Bars) -> anyhow::Result<ExitCode> {
    let config = args.read(Overrides::default())?.check(&environment::lookup)?;
    let loaded = data::load(&config.data, Path::new(""), bars)?;
    let figures = serde_json::to_value(data::stats(&loaded.dataset))?;
    if as_json {
        println!("{figures:#}");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["figure", "value"]);
    for (name, value) in figures.as_object().into_iter().flatten() {
        table.add_row([name.replace('_', " "), shown(value)]);
    }
    println!("{}\n{table}", loaded.dataset.name);
    for note in &loaded.notes {
        println!("note: {note}");
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => {
            format!("{:.3}", number.as_f64().unwrap_or(f64::NAN))
        }
        other => other.to_string(),
    }
}

//! `alhost plugin check`: whether a plugin keeps what the host relies on.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use alhost_plugin_host::check::{self, CheckOptions, Status, Verdict};
use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Map, Value, json};

use super::environment;
use super::junit::junit;
use super::terminal::{self, say};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Its file or id.
    plugin: String,
    /// Run this case or this group of cases only, whatever its strictness. May be repeated.
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// How much to ask: 1 what nothing works without, 9 everything.
    #[arg(long, value_name = "1-9", default_value_t = check::STRICTNESS,
          value_parser = clap::value_parser!(u8).range(1..=9))]
    strictness: u8,
    /// Seed of the hosts and of the cases that try values at random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Set a parameter in all cases: `--param top_labels=5`. May be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = param)]
    param: Vec<(String, Value)>,
    /// Verdicts as JSON.
    #[arg(long, conflicts_with = "junit")]
    json: bool,
    /// Verdicts as `JUnit` XML.
    #[arg(long)]
    junit: bool,
    /// Longest that a case may take; cases known to take longer get longer.
    #[arg(long, value_name = "SECONDS", default_value_t = check::DEADLINE.as_secs())]
    deadline: u64,
}

/// Parses `name=value`, where a value that is no JSON is a text.
fn param(given: &str) -> Result<(String, Value), String> {
    let (name, value) = given.split_once('=').ok_or("not of the form NAME=VALUE")?;
    let text = || Value::String(value.to_owned());
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| text())))
}

pub(super) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let plugin = check::find(&args.plugin, &environment::search_path())?;
    let options = CheckOptions {
        params: args.param.iter().cloned().collect::<Map<_, _>>(),
        only: args.only.clone(),
        strictness: args.strictness,
        seed: args.seed,
        deadline: Duration::from_secs(args.deadline),
        ..CheckOptions::new(plugin, environment::worker_program()?)
    };
    let n_cases = options.chosen()?.len();
    let mut n_done = 0;
    let verdicts = check::run(&options, |verdict| {
        n_done += 1;
        let Verdict { id, status, seconds, .. } = verdict;
        tracing::info!("{n_done}/{n_cases} {id}: {status} ({seconds:.2} s)");
    })?;
    if args.json {
        terminal::print_json(&as_json(args, &options.plugin, &verdicts))?;
    } else if args.junit {
        say!("{}", junit(&args.plugin, &verdicts)?.trim_end());
    } else {
        print_table(args, &verdicts);
    }
    let is_fine = !verdicts.iter().any(Verdict::is_bad);
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print_table(args: &CheckArgs, verdicts: &[Verdict]) {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["case", "level", "verdict", "meaning"]);
    for (i, verdict) in verdicts.iter().enumerate() {
        let is_new_group = i > 0 && verdicts[i - 1].group() != verdict.group();
        if is_new_group {
            table.add_row(["", "", "", ""]);
        }
        let (level, status) = (verdict.level.to_string(), verdict.status.to_string());
        table.add_row([verdict.id, &level, &status, verdict.meaning]);
    }
    table.remove_style(comfy_table::TableComponent::HorizontalLines);
    table.remove_style(comfy_table::TableComponent::MiddleIntersections);
    say!("{table}");
    for verdict in verdicts.iter().filter(|verdict| verdict.status != Status::Pass) {
        say!("{} {}: {}", verdict.status, verdict.id, verdict.detail);
        if verdict.is_bad() {
            say!("    again: {}", again(args, verdict.id));
        }
    }
    say!("{}", summary(args, verdicts));
}

/// The command that runs one case again.
fn again(args: &CheckArgs, id: &str) -> String {
    let mut words = vec!["alhost plugin check".to_owned(), quoted(&args.plugin)];
    words.push(format!("--only {id} --seed {}", args.seed));
    for (name, value) in &args.param {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        words.push(format!("--param {}", quoted(&format!("{name}={value}"))));
    }
    words.join(" ")
}

/// Quotes a word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=,:+".contains(c);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn summary(args: &CheckArgs, verdicts: &[Verdict]) -> String {
    let count = |status| verdicts.iter().filter(|verdict| verdict.status == status).count();
    let kinds = [Status::Pass, Status::Fail, Status::Crash, Status::Warn, Status::Skip];
    let counts = kinds.map(|status| (count(status), status));
    let told: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, status)| format!("{n} {status}")).collect();
    let how = if args.only.is_empty() {
        format!(" at strictness {}", args.strictness)
    } else {
        String::new()
    };
    format!("{}: {} cases{how}: {}", args.plugin, verdicts.len(), told.join(", "))
}

fn as_json(args: &CheckArgs, path: &Path, verdicts: &[Verdict]) -> Value {
    let verdicts: Vec<Value> = verdicts
        .iter()
        .map(|verdict| {
            let mut value = json!(verdict);
            value["again"] = again(args, verdict.id).into();
            value
        })
        .collect();
    let (seed, strictness) = (args.seed, args.strictness);
    json!({ "plugin": path, "seed": seed, "strictness": strictness, "verdicts": verdicts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_json_or_text() {
        let check = |given: &str, name: &str, value: Value| {
            assert_eq!(param(given), Ok((name.to_owned(), value)));
        };
        check("k=5", "k", json!(5));
        check("fault=too-few", "fault", json!("too-few"));
        check("on=true", "on", json!(true));
        check("a=b=c", "a", json!("b=c"));
        assert!(param("novalue").is_err());
    }

    #[test]
    fn words_for_a_shell_are_quoted_where_they_must_be() {
        assert_eq!(quoted("target/libx.so"), "target/libx.so");
        assert_eq!(quoted("my plugin's.so"), r"'my plugin'\''s.so'");
    }
}

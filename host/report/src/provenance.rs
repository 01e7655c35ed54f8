//! Sections on what produced the numbers.

use serde_json::Value;

use super::collect::{Collected, DataSet};
use super::cost::computed_once;
use super::document::{Block, Cell, Section, Table};

pub(super) fn section(collected: &Collected) -> Section {
    let mut section = Section::new(2, "What produced this");
    for note in &collected.notes {
        section.note(note.clone());
    }
    section.table(strategies(&collected.sets));
    section.table(data(&collected.sets));
    section.table(surroundings(&collected.sets));
    if let Some(table) = computed_once(&collected.sets) {
        section.table(table);
    }
    section.table(runs(&collected.sets));
    for set in &collected.sets {
        let config = serde_json::to_string_pretty(&set.manifest().config).unwrap_or_default();
        let summary = format!("Config of {} as run, defaults filled in", set.name);
        section.blocks.push(Block::Code { summary, text: config });
    }
    section
}

fn table(caption: &str, head: &[&str], rows: Vec<Vec<String>>) -> Table {
    let mut rows = rows;
    rows.dedup();
    Table {
        caption: caption.to_owned(),
        head: head.iter().map(|&name| name.to_owned()).collect(),
        rows: rows.into_iter().map(|row| row.into_iter().map(Cell::new).collect()).collect(),
        is_folded: false,
    }
}

/// Keeps enough of a hash to tell two apart; `runs.csv` has all of it.
fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

fn strategies(sets: &[DataSet]) -> Table {
    let rows = sets.iter().flat_map(|set| &set.strategies).map(|strategy| {
        let manifest = &strategy.runs[0].records.manifest;
        let plugin = &manifest.plugin;
        let params = match &manifest.params {
            Value::Object(params) if params.is_empty() => "none".to_owned(),
            params => params.to_string(),
        };
        vec![
            strategy.name.clone(),
            format!("{} {}", plugin.id, plugin.version),
            plugin.api.clone(),
            plugin.profile.clone(),
            plugin.rustc.split(" (").next().unwrap_or("").to_owned(),
            short(&plugin.blake3),
            params,
        ]
    });
    let mut rows: Vec<Vec<String>> = rows.collect();
    rows.sort();
    let head = ["strategy", "plugin", "api", "build", "compiler", "blake3", "parameters"];
    table("Strategies", &head, rows)
}

fn data(sets: &[DataSet]) -> Table {
    let rows = sets.iter().map(|set| {
        let manifest = set.manifest();
        let text = |section: &str, key: &str| match &manifest.config[section][key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        vec![
            set.name.clone(),
            text("data", "format"),
            short(&manifest.data_hash),
            text("model", "checkpoint"),
            text("model", "encoder"),
            text("model", "head"),
            short(&manifest.model.weights_hash),
            short(&manifest.model.tokenizer_hash),
            short(&manifest.config_hash),
        ]
    });
    let head = [
        "data set",
        "format",
        "data",
        "checkpoint",
        "encoder",
        "head",
        "weights",
        "tokenizer",
        "config",
    ];
    table("Data and model; hashes begin with", &head, rows.collect())
}

fn surroundings(sets: &[DataSet]) -> Table {
    let runs = sets.iter().flat_map(|set| &set.strategies).flat_map(|strategy| &strategy.runs);
    let environments = runs.flat_map(|run| &run.records.manifest.environments);
    let mut rows: Vec<Vec<String>> = environments
        .map(|here| {
            vec![
                format!("alhost {}", here.host),
                here.host_blake3.as_deref().map_or("–".to_owned(), short),
                here.libtorch.clone(),
                here.device_and_model(),
                here.precision.clone(),
                here.torch_threads.to_string(),
                here.deterministic.clone(),
            ]
        })
        .collect();
    rows.sort();
    let head =
        ["host", "blake3", "libtorch", "device", "precision", "torch threads", "same bits again"];
    table("Where runs took place", &head, rows)
}

fn runs(sets: &[DataSet]) -> Table {
    let all =
        sets.iter().flat_map(|set| set.strategies.iter().map(move |strategy| (set, strategy)));
    let rows = all.flat_map(|(set, strategy)| {
        strategy.runs.iter().map(|run| {
            let rounds = &run.records.rounds;
            let stop = rounds.last().and_then(|round| round.stop);
            vec![
                set.name.clone(),
                strategy.name.clone(),
                run.seed().to_string(),
                rounds.len().to_string(),
                rounds.last().map_or(0, |round| round.labeled).to_string(),
                stop.map(|stop| stop.to_string()).unwrap_or_default(),
                run.path.display().to_string(),
            ]
        })
    });
    let head = ["data set", "strategy", "seed", "rounds", "labeled", "ended by", "records"];
    Table { is_folded: true, ..table("Runs", &head, rows.collect()) }
}

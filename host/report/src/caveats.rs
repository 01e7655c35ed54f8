//! What keeps runs from being compared, and what is missing among them, in words for the reader.

use std::path::PathBuf;

use serde_json::Value;

use super::collect::{DataSet, Run, Strategy};

/// What a bench says of cells that failed: they may have left no records at all.
pub(super) fn failed_cells(paths: &[PathBuf]) -> Vec<String> {
    let mut notes = Vec::new();
    for path in paths {
        let text = fs_err::read_to_string(path.join("cells.json")).unwrap_or_default();
        let Ok(bench) = serde_json::from_str::<Value>(&text) else { continue };
        for cell in bench["cells"].as_array().into_iter().flatten() {
            if cell["state"] == "failed" {
                let text = |key: &str| cell[key].as_str().unwrap_or_default();
                let reason = text("reason").split("\nhint:").next().unwrap_or_default();
                notes.push(format!(
                    "{}, {}, seed {} failed: {reason}",
                    text("data"),
                    text("strategy"),
                    cell["seed"]
                ));
            }
        }
    }
    notes
}

/// Of the runs of one data set.
pub(super) fn of(set: &DataSet) -> Vec<String> {
    let mut notes = Vec::new();
    let runs = || set.strategies.iter().flat_map(|strategy| &strategy.runs);
    let seeds = |strategy: &Strategy| strategy.runs.iter().map(Run::seed).collect::<Vec<_>>();
    let first = seeds(&set.strategies[0]);
    if set.strategies.iter().any(|strategy| seeds(strategy) != first) {
        let each = set.strategies.iter().map(|s| format!("{}: {:?}", s.name, seeds(s)));
        let each: Vec<String> = each.collect();
        notes.push(format!(
            "The strategies have different seeds ({}); pairs are made of common ones only.",
            each.join("; ")
        ));
    }
    let ends = |run: &Run| run.records.rounds.last().map_or(0, |round| round.labeled);
    let (least, most) = (runs().map(ends).min(), runs().map(ends).max());
    if let (Some(least), Some(most)) = (least, most)
        && least != most
    {
        notes.push(format!(
            "Runs ended between {least} and {most} labeled texts; they are compared on what all \
             have."
        ));
    }
    let mut machines: Vec<String> = runs().flat_map(environments).collect();
    machines.sort();
    machines.dedup();
    if machines.len() > 1 {
        notes.push(format!(
            "Runs come from different surroundings ({}): times cannot be compared, and scores may \
             differ by rounding.",
            machines.join("; ")
        ));
    }
    let is_debug = |run: &&Run| run.records.manifest.plugin.profile == "debug";
    let debug: Vec<&Strategy> = set
        .strategies
        .iter()
        .filter(|strategy| strategy.runs.iter().any(|run| is_debug(&run)))
        .collect();
    if !debug.is_empty() {
        let names: Vec<&str> = debug.iter().map(|strategy| strategy.name.as_str()).collect();
        notes.push(format!(
            "Debug builds, which can be twenty times slower: {}. Compare no times with them.",
            names.join(", ")
        ));
    }
    notes
}

fn environments(run: &Run) -> Vec<String> {
    let environments = run.records.manifest.environments.iter();
    environments
        .map(|here| {
            format!(
                "alhost {}, {}, {}, {} torch threads",
                here.host, here.device, here.precision, here.torch_threads
            )
        })
        .collect()
}

//! Says what keeps runs from being compared, and what is missing among them, in words for the
//! reader.

use std::path::PathBuf;

use serde_json::Value;

use super::collect::{DataSet, Run, Strategy};

/// Lists the cells that a bench says failed: they may have left no records at all.
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

/// Lists the caveats about the runs of one data set.
pub(super) fn of(set: &DataSet) -> Vec<String> {
    let caveats = [other_seeds(set), other_ends(set), other_surroundings(set), debug_builds(set)];
    caveats.into_iter().flatten().collect()
}

fn other_seeds(set: &DataSet) -> Option<String> {
    let seeds = |strategy: &Strategy| strategy.runs.iter().map(Run::seed).collect::<Vec<_>>();
    let first = seeds(&set.strategies[0]);
    if set.strategies.iter().all(|strategy| seeds(strategy) == first) {
        return None;
    }
    // Strategies of the same seeds together, in the order of the first of them.
    let mut groups: Vec<(Vec<u64>, Vec<&str>)> = Vec::new();
    for strategy in &set.strategies {
        let seeds = seeds(strategy);
        match groups.iter_mut().find(|group| group.0 == seeds) {
            Some(group) => group.1.push(&strategy.name),
            None => groups.push((seeds, vec![&strategy.name])),
        }
    }
    let each = groups.iter().map(|(seeds, names)| format!("{}: {seeds:?}", names.join(", ")));
    let each: Vec<String> = each.collect();
    Some(format!(
        "The strategies have different seeds ({}); pairs are made of common ones only.",
        each.join("; ")
    ))
}

fn other_ends(set: &DataSet) -> Option<String> {
    let ends = |run: &Run| run.records.rounds.last().map_or(0, |round| round.labeled);
    let (least, most) = (runs(set).map(ends).min()?, runs(set).map(ends).max()?);
    (least != most).then(|| {
        format!(
            "Runs ended between {least} and {most} labeled texts; they are compared on what all \
             have."
        )
    })
}

fn other_surroundings(set: &DataSet) -> Option<String> {
    let mut machines: Vec<String> = runs(set).flat_map(environments).collect();
    machines.sort();
    machines.dedup();
    (machines.len() > 1).then(|| {
        format!(
            "Runs come from different surroundings ({}): times cannot be compared, and scores may \
             differ by rounding.",
            machines.join("; ")
        )
    })
}

fn debug_builds(set: &DataSet) -> Option<String> {
    let is_debug = |run: &&Run| run.records.manifest.plugin.profile == "debug";
    let debug: Vec<&Strategy> = set
        .strategies
        .iter()
        .filter(|strategy| strategy.runs.iter().any(|run| is_debug(&run)))
        .collect();
    let names: Vec<&str> = debug.iter().map(|strategy| strategy.name.as_str()).collect();
    (!debug.is_empty()).then(|| {
        format!(
            "Debug builds, which can be twenty times slower: {}. Compare no times with them.",
            names.join(", ")
        )
    })
}

fn runs(set: &DataSet) -> impl Iterator<Item = &Run> {
    set.strategies.iter().flat_map(|strategy| &strategy.runs)
}

fn environments(run: &Run) -> Vec<String> {
    let environments = run.records.manifest.environments.iter();
    environments
        .map(|here| {
            format!(
                "alhost {}, {}, {}, {} torch threads",
                here.host,
                here.device_and_model(),
                here.precision,
                here.torch_threads
            )
        })
        .collect()
}

//! A session that was stopped after any single write goes on and ends with the same records. Every state
//! that a stop can leave on disk is tried: the folder is looked at whenever the engine calls out, and
//! between two looks the files change in an order that `alhost-record` documents.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use alhost_engine::Session;
use alhost_record::without_cost;

use crate::support::{Opened, WATCH};
use crate::toy::Toys;

/// The files of a run, by their paths in its folder.
type Files = BTreeMap<PathBuf, Vec<u8>>;

const RUN: &str = "runs/toy/cvirs/seed-1";

fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs_err::read_dir(next) else { continue };
        for entry in entries.map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.file_name().unwrap() != "lock" {
                let name = entry.strip_prefix(folder).unwrap().to_owned();
                found.insert(name, fs_err::read(&entry).unwrap());
            }
        }
    }
    found
}

/// The order in which files change between two calls of the engine to the outside; files go last.
fn rank(name: &Path, after: &Files) -> usize {
    let order =
        ["manifest.json", "strategy", "selections.jsonl", "shadow", "model", "rounds.jsonl"];
    let place = order.iter().position(|part| name.to_str().unwrap().contains(part));
    if after.contains_key(name) { place.unwrap_or(0) } else { order.len() }
}

/// The states between two looks: after each change of a file, and in the middle of each line.
fn between(before: &Files, after: &Files) -> Vec<Files> {
    let names = before.keys().chain(after.keys());
    let mut changed: Vec<&PathBuf> =
        names.filter(|name| before.get(*name) != after.get(*name)).collect();
    changed.sort_by_key(|name| rank(name, after));
    changed.dedup();
    let mut states = Vec::new();
    let mut state = before.clone();
    for name in changed {
        let Some(content) = after.get(name) else {
            state.remove(name);
            states.push(state.clone());
            continue;
        };
        let old = state.get(name).map_or(0, Vec::len);
        if name.extension().is_some_and(|extension| extension == "jsonl") && old < content.len() {
            for cut in [old + 1, old.midpoint(content.len()), content.len() - 1] {
                state.insert(name.clone(), content[..cut].to_vec());
                states.push(state.clone());
            }
        }
        state.insert(name.clone(), content.clone());
        states.push(state.clone());
    }
    states
}

/// One cache for all states, so that plugins are copied once.
fn open(folders: (&Path, &Path), set: &[&str], shadows: &[&str], toys: &Toys) -> Opened {
    Opened::telling(folders, &["cvirs"], set, shadows, toys)
}

/// Runs to the end, and gives back every state that the records were in.
fn watched(folder: &Path, set: &[&str], shadows: &[&str]) -> Vec<Files> {
    let looks = Arc::new(Mutex::new(vec![Files::new()]));
    let look = {
        let (looks, run) = (Arc::clone(&looks), folder.join(RUN));
        move || looks.lock().unwrap().push(files(&run))
    };
    let at_call = look.clone();
    let toys = Toys(Arc::new(move |_| at_call()));
    let Opened { mut experiment, mut strategies } =
        open((folder, &folder.join("cache")), set, shadows, &toys);
    let mut session = Session::open(&mut experiment, &mut strategies, "cvirs", 1, WATCH).unwrap();
    look();
    while !matches!(session.step().unwrap(), alhost_engine::Step::Stopped(_)) {
        look();
    }
    look();
    let looks = looks.lock().unwrap();
    let mut states: Vec<Files> =
        looks.windows(2).flat_map(|pair| between(&pair[0], &pair[1])).collect();
    states.dedup();
    states
}

/// What must be the same in the end: all but what it cost.
fn outcome(files: &Files) -> BTreeMap<&Path, String> {
    let text = |name: &Path, content: &[u8]| {
        let content = String::from_utf8_lossy(content).into_owned();
        let is_lines = name.extension().is_some_and(|extension| extension == "jsonl");
        if is_lines { without_cost(&content) } else { content }
    };
    files.iter().map(|(name, content)| (name.as_path(), text(name, content))).collect()
}

fn check(set: &[&str], shadows: &[&str], least: usize) {
    let whole = tempfile::tempdir().unwrap();
    let states = watched(whole.path(), set, shadows);
    let last = states.last().unwrap().clone();
    let cache = whole.path().join("cache");
    assert!(states.len() >= least, "only {} states", states.len());
    for (number, state) in states.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in state {
            let file = folder.path().join(RUN).join(name);
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, content).unwrap();
        }
        let toys = Toys(Arc::new(|_| {}));
        let Opened { mut experiment, mut strategies } =
            open((folder.path(), &cache), set, shadows, &toys);
        let session = Session::open(&mut experiment, &mut strategies, "cvirs", 1, WATCH)
            .unwrap_or_else(|error| panic!("state {number}: {error:#}"));
        session.run().unwrap_or_else(|error| panic!("state {number}: {error:#}"));
        let ended = files(&folder.path().join(RUN));
        assert_eq!(outcome(&ended), outcome(&last), "state {number} of {}", states.len());
    }
}

#[test]
fn a_run_that_stopped_after_any_write_ends_with_the_same_records() {
    check(&[], &[], 30);
}

#[test]
fn so_does_one_that_starts_warm_and_keeps_weights() {
    check(&["train.start=warm"], &[], 40);
}

#[test]
fn so_does_one_with_shadows() {
    check(&[], &["random"], 40);
}

#[test]
fn so_does_one_with_a_noisy_oracle_and_stopping_signals() {
    check(&["oracle.kind=noisy", "loop.stop.kappa=1", "loop.stop.plateau_rounds=3"], &[], 20);
}

#[test]
fn so_does_one_with_an_audit() {
    check(&["loop.audit=0.3"], &["random"], 40);
    check(&["loop.audit=0.5", "data.demo.dev_texts=0", "loop.budget=40"], &[], 40);
}

#[test]
fn so_does_one_whose_strategies_see_a_part_of_the_pool() {
    let random = ["loop.candidates=random", "loop.n_candidates=20"];
    check(&random, &["random"], 40);
    check(&["loop.candidates=nearest", "loop.n_candidates=20"], &[], 30);
    check(&["loop.candidates=stratified"], &[], 30);
}

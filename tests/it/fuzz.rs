//! Plugin files, weights and records of a run with bytes changed at random: reading one is an error or not,
//! loading a plugin in a worker may kill the worker, and the host goes on.
//! `ALHOST_FUZZ=10000 cargo test -p alhost --test it fuzz` tries more of them.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use alhost::learn::{Checkpoint, Places};
use alhost_plugin_api::Rng;
use alhost_plugin_api::testing::StandIn;
use alhost_plugin_host::{LoadedStrategy, Manifest, PluginFile, Setting, WorkerOptions};

use crate::support::{Sandbox, plugin};

static NEVER: AtomicBool = AtomicBool::new(false);

#[expect(clippy::disallowed_methods, reason = "how long to search is no part of the test")]
fn n_inputs(default: usize) -> usize {
    let given = std::env::var("ALHOST_FUZZ").ok();
    given.and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// Where a change is likely to matter: headers, tables, the manifest; or anywhere.
fn places(file: &[u8]) -> Vec<(usize, usize)> {
    let field = |at: usize, n: usize| {
        let bytes = &file[at..at + n];
        bytes.iter().rev().fold(0_usize, |value, &byte| value << 8 | usize::from(byte))
    };
    let (programs, sections) = (field(32, 8), field(40, 8));
    let needle = br#"{"format":1"#;
    let manifest = file.windows(needle.len()).position(|window| window == needle).unwrap();
    vec![
        (0, 64),
        (programs, programs + field(54, 2) * field(56, 2)),
        (sections, sections + field(58, 2) * field(60, 2)),
        (manifest, manifest + 400),
        (0, file.len()),
    ]
}

/// Changes a few bytes; gives back what they were.
fn mutate(file: &mut [u8], places: &[(usize, usize)], rng: &mut Rng) -> Vec<(usize, u8)> {
    let mut undo = Vec::new();
    for _ in 0..=rng.below(6) {
        let (from, to) = places[rng.below(places.len())];
        let at = from + rng.below(to - from);
        undo.push((at, file[at]));
        file[at] = match rng.below(4) {
            0 => file[at] ^ (1 << rng.below(8)),
            1 => 0,
            2 => 0xff,
            _ => rng.below(256) as u8,
        };
    }
    undo
}

#[test]
fn a_changed_file_is_read_or_refused() {
    let path = plugin("random");
    let mut file = fs_err::read(&path).unwrap();
    let places = places(&file);
    let (mut n_read, n) = (0, n_inputs(2000));
    for input in 0..n {
        let mut rng = Rng::stream(&[1; 32], &format!("file {input}"));
        let undo = mutate(&mut file, &places, &mut rng);
        // A file may end anywhere as well.
        let end = if rng.below(3) == 0 { rng.below(file.len()) } else { file.len() };
        if let Ok(manifest) = Manifest::read(Path::new("libx.so"), &file[..end]) {
            n_read += usize::from(manifest.check().is_ok());
        }
        undo.iter().rev().for_each(|&(at, byte)| file[at] = byte);
    }
    assert!(n_read > 0 && n_read < n, "{n_read} of {n} were accepted");
}

#[test]
fn a_changed_plugin_harms_its_worker_at_most() {
    let sound = fs_err::read(plugin("random")).unwrap();
    let places = places(&sound);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libchanged.so");
    let options = WorkerOptions {
        program: env!("CARGO_BIN_EXE_alhost-worker").into(),
        deadline: Duration::from_secs(10),
        memory_bytes: 1 << 30,
        threads: 1,
        cancelled: &NEVER,
    };
    let host = StandIn::new(40, 4);
    let given = serde_json::Map::new();
    let (mut selected, mut lost) = (0, 0);
    for input in 0..n_inputs(120) {
        let mut rng = Rng::stream(&[2; 32], &format!("plugin {input}"));
        let mut file = sound.clone();
        // From one change anywhere to so many that some of them hit code that runs.
        for _ in 0..1 << rng.below(13) {
            mutate(&mut file, &places[4..], &mut rng);
        }
        if rng.below(3) == 0 {
            mutate(&mut file, &places, &mut rng);
        }
        fs_err::write(&path, &file).unwrap();
        let Ok(plugin) = PluginFile::read(&path) else { continue };
        let setting = Setting { instance: "changed", given: &given, n_texts: 40, n_labels: 4 };
        let created = LoadedStrategy::create_apart(&plugin, &path, setting, &options);
        match created.and_then(|mut strategy| strategy.select(&host, 5)) {
            Ok(_) => selected += 1,
            Err(_) => lost += 1,
        }
    }
    assert!(selected > 0 && lost > 0, "{selected} selected, {lost} were lost");
}

#[test]
fn changed_weights_are_read_or_refused() {
    let fixtures = crate::support::workspace().join("tests/fixtures");
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json"] {
        fs_err::copy(fixtures.join("tiny-bert-mlm").join(file), folder.path().join(file)).unwrap();
    }
    let kinds = [
        ("tiny-bert-bin/legacy.bin", "pytorch_model.bin"),
        ("tiny-bert-bin/pytorch_model.bin", "pytorch_model.bin"),
        ("tiny-bert-mlm/model.safetensors", "model.safetensors"),
    ];
    let (mut n_read, mut n_refused) = (0, 0);
    for (from, name) in kinds {
        let mut file = fs_err::read(fixtures.join(from)).unwrap();
        let path = folder.path().join(name);
        // Headers and pickles come first, the archive's list of entries last.
        let places =
            [(0, 300), (0, file.len() / 8), (file.len() - 3000, file.len()), (0, file.len())];
        for input in 0..n_inputs(300) {
            let mut rng = Rng::stream(&[3; 32], &format!("{from} {input}"));
            let undo = mutate(&mut file, &places, &mut rng);
            let end = if rng.below(5) == 0 { rng.below(file.len()) } else { file.len() };
            fs_err::write(&path, &file[..end]).unwrap();
            match Checkpoint::open(folder.path().to_str().unwrap(), &Places::default()) {
                Ok(_) => n_read += 1,
                Err(error) => {
                    n_refused += 1;
                    let message = error.to_string();
                    assert!(message.contains(name) && message.contains("hint: "), "{message}");
                }
            }
            undo.iter().rev().for_each(|&(at, byte)| file[at] = byte);
        }
        fs_err::remove_file(path).unwrap();
    }
    assert!(n_read > 0 && n_refused > 0, "{n_read} read, {n_refused} refused");
}

/// What in a record can be another number, word or nothing.
const INSTEAD: [&str; 8] =
    ["1e999", "-1", "18446744073709551616", "null", "[]", "{}", "\"\\ud800\"", "[[[[[[["];

/// A line of records, or several, with something changed.
fn change_text(text: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.below(text.len());
    match rng.below(5) {
        0 => text[at] ^= 1 << rng.below(8),
        1 => text.truncate(at),
        2 => drop(text.splice(at..(at + rng.below(40)).min(text.len()), [])),
        3 => {
            // In place of what follows a colon.
            let colon = text[at..].iter().position(|&byte| byte == b':').map_or(at, |n| at + n + 1);
            let end = text[colon..]
                .iter()
                .position(|&byte| byte == b',')
                .map_or(text.len(), |n| colon + n);
            let instead = INSTEAD[rng.below(INSTEAD.len())];
            text.splice(colon..end, instead.bytes());
        }
        _ => {
            let line = text.clone();
            text.extend(line);
        }
    }
}

#[test]
fn changed_records_are_read_or_refused() {
    let sandbox = Sandbox::new();
    sandbox.run(&["random"], &[]).ok();
    let folder = sandbox.path("runs/tiny/random/seed-3");
    let files = ["manifest.json", "rounds.jsonl", "selections.jsonl"].map(|name| folder.join(name));
    let sound = files.clone().map(|file| fs_err::read(file).unwrap());
    assert!(alhost::record::read(&folder).is_ok());
    let (mut n_read, n) = (0, n_inputs(1000));
    for input in 0..n {
        let mut rng = Rng::stream(&[3; 32], &format!("records {input}"));
        let which = rng.below(files.len());
        let mut text = sound[which].clone();
        for _ in 0..=rng.below(3) {
            if !text.is_empty() {
                change_text(&mut text, &mut rng);
            }
        }
        fs_err::write(&files[which], &text).unwrap();
        match alhost::record::read(&folder) {
            Ok(_) => n_read += 1,
            Err(error) => assert!(error.to_string().contains("seed-3"), "no path in: {error}"),
        }
        fs_err::write(&files[which], &sound[which]).unwrap();
    }
    assert!(n_read > 0 && n_read < n, "{n_read} of {n} were accepted");
}

//! A run's folder as a whole: stopped at every step and gone on with, refused, locked, damaged, and full.

mod damage;
mod room;

use std::path::Path;

use alhost_metrics::{Metrics, Ranking};
use serde_json::json;

use super::*;

pub(super) fn manifest() -> RunManifest {
    let text = |text: &str| text.to_owned();
    RunManifest {
        format: RunManifest::FORMAT,
        name: Some("demo".to_owned()),
        kind: Some(Kind::ActiveLearning),
        strategy: text("alps"),
        seed: 3,
        plugin: PluginManifest {
            id: text("alps"),
            version: text("1.0.0"),
            api: text("1.0"),
            blake3: text("p1"),
            rustc: text("1.95"),
            profile: text("release"),
        },
        params: json!({ "k": 5 }),
        asked: Vec::new(),
        initial_set: None,
        config: json!({ "loop": { "query_size": 100, "budget": 500 } }),
        config_hash: text("c1"),
        data_hash: text("d1"),
        texts_hash: Some(text("t1")),
        model: ModelManifest {
            weights_hash: text("w1"),
            tokenizer_hash: text("t1"),
            config_hash: Some("c".to_owned()),
            revision: None,
            mlm_head: text("none"),
        },
        environments: vec![environment()],
    }
}

fn environment() -> Environment {
    let text = |text: &str| text.to_owned();
    Environment {
        from_round: 0,
        host: text("0.1.0"),
        host_blake3: None,
        libtorch: text("2.11.0"),
        device: text("cpu"),
        hardware: Some(text("a processor, avx2")),
        precision: text("f32"),
        torch_threads: 2,
        deterministic: text("yes"),
    }
}

pub(super) fn selection(round: usize, rows: Vec<u32>) -> SelectionRecord {
    let ids = rows.iter().map(|row| format!("text-{row}")).collect();
    SelectionRecord { round, ..SelectionRecord::all(ids, rows) }
}

const METRICS: Metrics = Metrics {
    micro_precision: 0.5,
    micro_recall: 0.25,
    micro_f1: 0.375,
    macro_precision: 0.0,
    macro_recall: 0.0,
    macro_f1_paper: 0.0,
    macro_f1: 0.0,
    subset_accuracy: 0.0,
    hamming_loss: 0.125,
    labels_per_text: 1.5,
    predicted_classes: 7,
    head_f1: Some(0.75),
    torso_f1: Some(0.5),
    tail_f1: None,
};

const RANKING: Ranking = Ranking {
    p_at_1: 0.5,
    p_at_3: 0.25,
    p_at_5: 0.125,
    ndcg_at_1: Some(0.5),
    ndcg_at_3: Some(0.25),
    ndcg_at_5: Some(0.125),
    psp_at_1: Some(0.5),
    psp_at_3: Some(0.25),
    psp_at_5: Some(0.125),
    psndcg_at_1: Some(0.5),
    psndcg_at_3: Some(0.25),
    psndcg_at_5: None,
};

pub(super) fn round(round: usize, labeled: usize, stop: Option<Stop>) -> RoundRecord {
    RoundRecord {
        round,
        labeled,
        metrics: Some(METRICS),
        metrics_at_micro: None,
        metrics_at_macro_paper: None,
        metrics_at_macro: None,
        metrics_per_label: None,
        ranking: Some(RANKING),
        thresholds: Thresholds { used: Some(0.5), micro: None, macro_paper: None, macro_f1: None },
        best_epoch: Some(2),
        epochs: 4,
        dev_score: Some(0.75),
        losses: vec![0.5, 0.25],
        c: None,
        weights: None,
        class_coverage: 11,
        acquired: None,
        estimate: None,
        signals: None,
        stop,
        cost: Cost {
            seconds: Seconds::default(),
            actual: None,
            shared: Vec::new(),
            tokens_per_second: 1e5,
            peak_memory_bytes: None,
        },
    }
}

const ROUNDS: usize = 8;
/// Texts of one selection.
const QUERY: u32 = 200;

/// Goes on with a run of [`ROUNDS`] rounds whose strategy counts its calls in its state and answers
/// by the count, and stops after `steps` steps. A step is one file that is written.
fn go_on(path: &Path, mut steps: usize) -> Result<(), RecordError> {
    let (mut run, resume) = RunDir::open(path, &manifest())?;
    let mut step = || {
        let more = steps > 0;
        steps = steps.saturating_sub(1);
        more
    };
    let mut calls = resume.strategy_state.map_or(0, |state| u32::from(state[0]));
    let mut kept = resume.selections.len();
    let mut select = |run: &mut RunDir, index: usize| -> Result<bool, RecordError> {
        if index < kept {
            return Ok(true);
        }
        calls += 1;
        kept += 1;
        let state = [calls as u8];
        if !step() {
            return Ok(false);
        }
        if !step() {
            // Stopped between the state and its selection.
            checkpoint::write_state(&run.path().join("checkpoint"), index, &state)?;
            return Ok(false);
        }
        let rows = (0..QUERY).map(|row| calls * 1000 + row).collect();
        run.append_selection(&selection(index, rows), &state)?;
        Ok(true)
    };
    if !select(&mut run, 0)? {
        return Ok(());
    }
    for index in resume.rounds.len()..ROUNDS {
        let last = index + 1 == ROUNDS;
        if !last && !select(&mut run, index + 1)? {
            return Ok(());
        }
        let labeled = (index + 1) * QUERY as usize;
        run.append_round(&round(index, labeled, last.then_some(Stop::Budget)))?;
    }
    Ok(())
}

fn files(path: &Path) -> Vec<String> {
    let names = ["manifest.json", "selections.jsonl", "rounds.jsonl"];
    names.iter().map(|name| fs_err::read_to_string(path.join(name)).unwrap()).collect()
}

#[test]
fn stopped_anywhere_and_gone_on_with_the_records_are_those_of_an_unbroken_run() {
    let folder = tempfile::tempdir().unwrap();
    let unbroken = folder.path().join("unbroken");
    go_on(&unbroken, usize::MAX).unwrap();
    let records = read(&unbroken).unwrap();
    assert_eq!((records.selections.len(), records.rounds.len()), (ROUNDS, ROUNDS));
    assert_eq!(records.selections[2].rows[0], 3000);
    for first in 0..2 * ROUNDS {
        for second in 0..3 {
            let path = folder.path().join(format!("stopped-{first}-{second}"));
            go_on(&path, first).unwrap();
            go_on(&path, second).unwrap();
            go_on(&path, usize::MAX).unwrap();
            assert_eq!(files(&path), files(&unbroken), "stopped after {first} and {second}");
            let (_, resume) = RunDir::open(&path, &manifest()).unwrap();
            assert!(resume.is_finished());
        }
    }
}

#[test]
fn a_new_folder_is_fresh_and_one_with_a_selection_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(folder.path(), "demo", "alps", 3);
    assert!(path.ends_with("demo/alps/seed-3"));
    let (mut run, resume) = RunDir::open(&path, &manifest()).unwrap();
    assert!(resume.is_fresh() && !resume.is_finished());
    run.append_selection(&selection(0, vec![4, 2]), b"state").unwrap();
    drop(run);
    let (_, resume) = RunDir::open(&path, &manifest()).unwrap();
    assert_eq!(resume.selections, [selection(0, vec![4, 2])]);
    assert_eq!(resume.strategy_state.as_deref(), Some(&b"state"[..]));
    let claim = resume.selections[0].claim();
    assert_eq!(claim.ids, [alhost_plugin_api::DocId(4), alhost_plugin_api::DocId(2)]);
}

#[test]
fn another_configuration_is_refused_and_its_keys_are_named() {
    let folder = tempfile::tempdir().unwrap();
    drop(RunDir::open(folder.path(), &manifest()).unwrap());
    let check = |change: &dyn Fn(&mut RunManifest), expected: &str| {
        let mut other = manifest();
        change(&mut other);
        let error = RunDir::open(folder.path(), &other).err().unwrap().to_string();
        assert!(
            error.contains(expected) && error.contains("\nhint: choose another --out"),
            "{error}"
        );
        assert_eq!(error.lines().count(), 3, "one difference and the hint: {error}");
    };
    let query_size = |m: &mut RunManifest| {
        m.config["loop"]["query_size"] = json!(50);
        m.config_hash = "c2".to_owned();
    };
    check(&query_size, "\n  config.loop.query_size: there 100, here 50\n");
    check(&|m| m.seed = 4, "seed: there 3, here 4");
    check(&|m| m.params = json!({}), "params.k: there 5, here null");
    check(&|m| m.plugin.blake3 = "p2".to_owned(), "plugin.blake3: there \"p1\", here \"p2\"");
    check(&|m| m.data_hash = "d2".to_owned(), "data_hash: there \"d1\"");
    check(&|m| m.model.weights_hash = "w2".to_owned(), "model.weights_hash: there \"w1\"");
    check(
        &|m| m.environments[0].device = "cuda:0".to_owned(),
        "device: there \"cpu\", here \"cuda\"",
    );
    check(&|m| m.environments[0].precision = "bf16".to_owned(), "precision: there \"f32\"");
}

#[test]
fn another_revision_is_refused_and_an_unknown_one_is_not() {
    let of = |revision: Option<&str>| {
        let mut manifest = manifest();
        manifest.model.revision = revision.map(str::to_owned);
        manifest
    };
    let check = |there, here, refused: bool| {
        let folder = tempfile::tempdir().unwrap();
        drop(RunDir::open(folder.path(), &of(there)).unwrap());
        let again = RunDir::open(folder.path(), &of(here));
        assert_eq!(again.is_err(), refused, "{there:?} and {here:?}");
    };
    check(Some("a"), Some("a"), false);
    check(Some("a"), Some("b"), true);
    check(None, Some("b"), false);
    check(Some("a"), None, false);
    // Records of 0.1 have no such field.
    assert!(!serde_json::to_string(&of(None)).unwrap().contains("revision"));
}

#[test]
fn going_on_elsewhere_is_noted_once() {
    let check = |change: fn(&mut Environment)| {
        let folder = tempfile::tempdir().unwrap();
        go_on(folder.path(), 4).unwrap();
        let mut elsewhere = manifest();
        change(&mut elsewhere.environments[0]);
        for _ in 0..2 {
            drop(RunDir::open(folder.path(), &elsewhere).unwrap());
            let noted = read(folder.path()).unwrap().manifest.environments;
            let rounds: Vec<usize> = noted.iter().map(|here| here.from_round).collect();
            assert_eq!(rounds, [0, 1]);
            change(&mut elsewhere.environments[0]);
            assert_eq!(
                noted[1],
                Environment { from_round: 1, ..elsewhere.environments[0].clone() }
            );
        }
    };
    check(|here| here.torch_threads = 8);
    check(|here| here.hardware = Some("a processor, avx512f".to_owned()));
    check(|here| here.hardware = None);
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = RunDir::open(folder.path(), &manifest()).unwrap();
    let error = RunDir::open(folder.path(), &manifest()).err().unwrap().to_string();
    assert!(error.contains("is being written by another process\nhint: wait"), "{error}");
    drop(first);
    assert!(RunDir::open(folder.path(), &manifest()).is_ok());
}

#[test]
fn files_that_no_run_leaves_are_refused() {
    let check = |damage: &dyn Fn(&Path), expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        go_on(path, usize::MAX).unwrap();
        damage(path);
        let error = RunDir::open(path, &manifest()).err().unwrap().to_string();
        assert!(error.contains(expected) && error.contains("\nhint: "), "{error}");
    };
    let cut = |name: &'static str, lines: usize| {
        move |path: &Path| {
            let text = fs_err::read_to_string(path.join(name)).unwrap();
            let kept: String = text.split_inclusive('\n').take(lines).collect();
            fs_err::write(path.join(name), kept).unwrap();
        }
    };
    check(&cut("rounds.jsonl", 1), "8 selections and 1 rounds do not belong together");
    check(&cut("selections.jsonl", 2), "round 2 was trained on 600 texts, but 400 are selected");
    let remove =
        |name: &'static str| move |path: &Path| fs_err::remove_file(path.join(name)).unwrap();
    check(&remove("manifest.json"), "has selections.jsonl but no manifest.json");
    check(&|path| fs_err::write(path.join("manifest.json"), "{}").unwrap(), "manifest.json:1: ");
    let state = "checkpoint/strategy-7.state";
    check(&|path| fs_err::write(path.join(state), "x").unwrap(), "not a strategy's state");
}

#[test]
fn weights_are_kept_for_one_round() {
    let folder = tempfile::tempdir().unwrap();
    let (mut run, _) = RunDir::open(folder.path(), &manifest()).unwrap();
    run.append_selection(&selection(0, vec![0]), b"").unwrap();
    for index in 0..3 {
        fs_err::write(run.model_path(index), format!("weights {index}")).unwrap();
        run.append_selection(&selection(index + 1, vec![index as u32 + 1]), b"").unwrap();
        let weights = Some(run.model_hash(index).unwrap());
        run.append_round(&RoundRecord { weights, ..round(index, index + 1, None) }).unwrap();
    }
    // Round 3 had its weights written, but was not recorded.
    fs_err::write(run.model_path(3), "weights 3").unwrap();
    drop(run);
    let (_, resume) = RunDir::open(folder.path(), &manifest()).unwrap();
    let weights = fs_err::read_to_string(resume.model_state.unwrap()).unwrap();
    assert_eq!(weights, "weights 2");
    assert!(!folder.path().join("checkpoint/model-1.safetensors").exists());

    // They are what the next round starts from: without them, or with others, it would be another run.
    let path = folder.path().join("checkpoint/model-2.safetensors");
    fs_err::write(&path, "weights X").unwrap();
    let refused = |expected: &str| {
        let error = RunDir::open(folder.path(), &manifest()).err().unwrap().to_string();
        assert!(error.contains("model-2.safetensors") && error.contains(expected), "{error}");
    };
    refused("not the weights that the last round ended with");
    fs_err::remove_file(&path).unwrap();
    refused("no such file");
}

#[test]
fn without_cost_lines_compare_but_for_times() {
    let mut slow = round(0, 100, None);
    slow.cost.seconds.train = 99.0;
    let line = |record: &RoundRecord| serde_json::to_string(record).unwrap() + "\n";
    let fast = round(0, 100, None);
    assert_ne!(line(&slow), line(&fast));
    assert_eq!(without_cost(&line(&slow)), without_cost(&line(&fast)));
    assert_ne!(without_cost(&line(&round(0, 101, None))), without_cost(&line(&fast)));
    let read: RoundRecord = serde_json::from_str(&line(&slow)).unwrap();
    assert_eq!(read, slow);
}

/// Without its `float_roundtrip`, `serde_json` reads some numbers as their neighbours.
#[test]
fn numbers_come_back_bit_by_bit() {
    let mut x = 0.1_f64;
    for _ in 0..2_000 {
        x = (x * 997.0 + 0.123_456_789).fract();
        let mut written = round(0, 10, None);
        written.metrics = written.metrics.map(|all| Metrics { micro_f1: x, ..all });
        let read: RoundRecord =
            serde_json::from_str(&serde_json::to_string(&written).unwrap()).unwrap();
        assert_eq!(read, written, "{x}");
    }
}

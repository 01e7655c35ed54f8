//! `alhost train` and `alhost predict`: classifiers from all labels or from a run's, and what they say
//! of texts.

use serde_json::Value;

use crate::support::{Ran, Sandbox, ran};

fn train(sandbox: &Sandbox, args: &[&str]) -> Ran {
    sandbox.alhost(&[&["train", "--config", "tiny.toml"], args].concat())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Returns the value of this key in each line.
fn values(text: &str, key: &str) -> Vec<Value> {
    text.lines().map(|line| json(line)[key].clone()).collect()
}

fn predictions(text: &str) -> Vec<Value> {
    text.lines().map(json).collect()
}

fn labels(prediction: &Value) -> Vec<&str> {
    prediction["labels"].as_array().unwrap().iter().map(|label| label.as_str().unwrap()).collect()
}

#[test]
fn heads_are_compared_on_all_of_train_and_nothing_is_done_twice() {
    let sandbox = Sandbox::new();
    let args = ["--head", "linear", "--head", "cnn", "--seed", "1", "--seed", "2"];
    let first = train(&sandbox, &args).ok();
    for part in ["linear", "cnn", "±", "cnn against linear", "unpaired t-test", "nDCG@5"] {
        assert!(first.stdout.contains(part), "no `{part}` in:\n{}", first.stdout);
    }
    let round = json(&sandbox.read("runs/tiny/full-data-cnn/seed-2/rounds.jsonl"));
    assert_eq!((&round["labeled"], &round["stop"]), (&Value::from(60), &Value::from("pool-empty")));
    assert!(round["metrics"]["head_f1"].is_f64() && round["ranking"]["psp_at_3"].is_f64());
    // Called again, it reads its records.
    let second = train(&sandbox, &args).ok();
    assert!(second.stderr.contains("finished before"), "{}", second.stderr);
    assert_eq!(first.stdout, second.stdout);
    // One seed supports no test.
    let one = train(&sandbox, &["--head", "linear", "--head", "cnn", "--seed", "1"]).ok();
    assert!(one.stdout.contains("no test can be made"), "{}", one.stdout);
}

#[test]
fn a_classifier_predicts_and_its_encoder_starts_a_run() {
    let sandbox = Sandbox::new();
    train(&sandbox, &["--set", "train.epochs=6"]).ok();
    let folder = "runs/tiny/full-data-cnn/seed-3/classifier";
    let described = json(&sandbox.read(&format!("{folder}/classifier.json")));
    assert_eq!(described["labels"].as_array().unwrap().len(), 6);

    // All six labels with --top, in falling order of their scores, and those above a threshold are
    // the first of them.
    let all = sandbox.alhost(&["predict", folder, "data/test.jsonl", "--top", "9"]).ok();
    let above = sandbox.alhost(&["predict", folder, "data/test.jsonl", "--threshold", "0.2"]).ok();
    let (all, above) = (predictions(&all.stdout), predictions(&above.stdout));
    assert_eq!((all.len(), above.len()), (20, 20));
    for (i, (all, above)) in all.iter().zip(&above).enumerate() {
        assert_eq!(all["id"], format!("test-{i}"));
        let scores: Vec<f64> =
            all["scores"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap()).collect();
        assert_eq!(scores.len(), 6);
        assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        let n_above = scores.iter().filter(|&&score| score > 0.2).count();
        assert_eq!(labels(above), labels(all)[..n_above]);
    }

    // By its own threshold, the predictions have the micro-F1 that the record claims.
    let own = sandbox.alhost(&["predict", folder, "data/test.jsonl", "-o", "own.jsonl"]).ok();
    assert_eq!(own.stdout, "");
    let gold = predictions(&sandbox.read("data/test.jsonl"));
    let (mut hits, mut n) = (0, 0);
    for (gold, own) in gold.iter().zip(predictions(&sandbox.read("own.jsonl"))) {
        let mut known = labels(gold);
        known.sort_unstable();
        known.dedup();
        n += known.len() + labels(&own).len();
        hits += labels(&own).iter().filter(|label| known.contains(label)).count();
    }
    let micro = 2.0 * hits as f64 / n as f64;
    let claimed = described["test"]["micro_f1"].as_f64().unwrap();
    assert!((micro - claimed).abs() < 1e-9, "{micro} != {claimed}");

    // From standard input, too.
    let mut command = sandbox.command();
    command.args(["predict", folder, "-", "--top", "1"]);
    command.stdin(fs_err::File::open(sandbox.path("data/test.jsonl")).unwrap().into_parts().0);
    let piped = ran(&command.output().unwrap()).ok();
    assert_eq!(labels(&predictions(&piped.stdout)[7]), labels(&all[7])[..1]);

    // The folder is a checkpoint like any other.
    let set = format!("model.checkpoint={}", sandbox.path(folder).display());
    let out = ["--out", "again", "--set", &set, "--set", "loop.budget=20"];
    sandbox.run(&["random"], &out).ok();
}

#[test]
fn a_frozen_encoder_predicts_as_it_was_judged() {
    let sandbox = Sandbox::new();
    let args = ["--set", "model.encoder=frozen", "--head", "linear"];
    train(&sandbox, &args).ok();
    let folder = "runs/tiny/full-data-linear/seed-3/classifier";
    let said = sandbox.alhost(&["predict", folder, "data/test.jsonl"]).ok();
    let n: usize = predictions(&said.stdout).iter().map(|said| labels(said).len()).sum();
    let described = json(&sandbox.read(&format!("{folder}/classifier.json")));
    let claimed = described["test"]["labels_per_text"].as_f64().unwrap() * 20.0;
    assert!((n as f64 - claimed).abs() < 0.5, "{n} != {claimed}");
}

#[test]
fn thresholds_by_label_predict_what_they_were_judged_by() {
    let sandbox = Sandbox::new();
    let args = ["--head", "linear", "--set", "evaluation.per_label=2"];
    train(&sandbox, &args).ok();
    let run = "runs/tiny/full-data-linear/seed-3";
    let round = json(&sandbox.read(&format!("{run}/rounds.jsonl")));
    let classifier = format!("{run}/classifier");
    let described = json(&sandbox.read(&format!("{classifier}/classifier.json")));
    assert_eq!(described["thresholds_per_label"].as_array().unwrap().len(), 6);
    let predict = ["predict", &classifier, "data/test.jsonl", "--threshold", "per-label"];
    let said = sandbox.alhost(&predict).ok();
    let n: usize = predictions(&said.stdout).iter().map(|said| labels(said).len()).sum();
    let claimed = round["metrics_per_label"]["labels_per_text"].as_f64().unwrap() * 20.0;
    assert!((n as f64 - claimed).abs() < 1e-6, "{n} != {claimed}");
    // Of a number too few.
    let mut changed = described.clone();
    changed["thresholds_per_label"].as_array_mut().unwrap().pop();
    sandbox.write(&format!("{classifier}/classifier.json"), &changed.to_string());
    sandbox.alhost(&predict).refused(&["`thresholds_per_label` has 5 numbers for 6 labels"]);
    // A classifier that was trained without.
    train(&sandbox, &["--head", "linear", "--out", "other"]).ok();
    let other = "other/tiny/full-data-linear/seed-3/classifier";
    sandbox
        .alhost(&["predict", other, "data/test.jsonl", "--threshold", "per-label"])
        .refused(&["evaluation.per_label"]);
}

#[test]
fn the_reference_without_an_encoder_takes_all_labels_or_those_of_a_run() {
    let sandbox = Sandbox::new();
    sandbox.run(&["random"], &[]).ok();
    let run = "runs/tiny/random/seed-3";
    train(&sandbox, &["--head", "tfidf"]).ok();
    let on_run = ["--head", "tfidf", "--labels-of", run];
    let first = train(&sandbox, &on_run).ok();
    assert!(first.stdout.contains("tfidf"), "{}", first.stdout);
    // Round by round, on the same texts.
    let place = "runs/tiny/tfidf-on-random/seed-3";
    for (file, key) in [("rounds.jsonl", "labeled"), ("selections.jsonl", "ids")] {
        let values = |folder: &str| values(&sandbox.read(&format!("{folder}/{file}")), key);
        assert_eq!(values(place), values(run));
    }
    let all = sandbox.read("runs/tiny/full-data-tfidf/seed-3/rounds.jsonl");
    assert_eq!(values(&all, "labeled")[0], 60);
    // Stopped after a round, it goes on, and its scores are the same.
    let rounds = format!("{place}/rounds.jsonl");
    let whole = sandbox.read(&rounds);
    let (before, _last) = whole.trim_end().rsplit_once('\n').unwrap();
    sandbox.write(&rounds, &format!("{before}\n"));
    train(&sandbox, &on_run).ok();
    assert_eq!(values(&sandbox.read(&rounds), "metrics"), values(&whole, "metrics"));
    let finished = train(&sandbox, &on_run).ok();
    assert!(finished.stderr.contains("finished before"), "{}", finished.stderr);
    sandbox.alhost(&["report", "runs", "--out", "report"]).ok();
    let text = sandbox.read("report/report.md");
    for part in ["A linear SVM on TF-IDF", "| full-data-tfidf | 60 |", "| tfidf-on-random | 40 |"] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    // One that was judged by another rule is no reference of these runs; the same twice is refused.
    let other = ["--set", "evaluation.threshold=fixed", "--out", "other"];
    train(&sandbox, &[&["--head", "tfidf"], &other[..]].concat()).ok();
    sandbox.alhost(&["report", "runs", "other", "--out", "report"]).ok();
    train(&sandbox, &["--head", "tfidf", "--out", "again"]).ok();
    sandbox.alhost(&["report", "runs", "again"]).refused(&["full-data-tfidf", "again"]);
    let figure = sandbox.read("report/figures/tiny-micro_f1.svg");
    assert!(figure.contains("tfidf-on-random") && !figure.contains("full-data-tfidf"));
}

#[test]
fn the_labels_of_a_run_give_the_classifier_of_its_last_round() {
    let sandbox = Sandbox::new();
    sandbox.run(&["cvirs"], &[]).ok();
    let run = "runs/tiny/cvirs/seed-3";
    let made = train(&sandbox, &["--labels-of", run]).ok();
    assert!(made.stdout.contains("the same scores as the run's last round"), "{}", made.stdout);
    let last = sandbox.read(&format!("{run}/rounds.jsonl")).lines().last().map(json).unwrap();
    let described = json(&sandbox.read(&format!("{run}/classifier/classifier.json")));
    assert_eq!(described["test"], last["metrics"]);
    assert_eq!(described["labeled"], 40);
    // The run is as it was.
    sandbox.run(&["cvirs"], &[]).ok();
    // Other data has other texts.
    sandbox.write("data/train.jsonl", &sandbox.read("data/test.jsonl").replace("test-", "new-"));
    train(&sandbox, &["--labels-of", run]).refused(&["a run on other data"]);
    train(&sandbox, &["--labels-of", "nowhere"]).refused(&["nowhere"]);
}

#[test]
fn training_seeds_on_the_labels_of_a_run_tell_the_noise_of_training() {
    let sandbox = Sandbox::new();
    sandbox.run(&["random", "cvirs"], &[]).ok();
    let args = ["--labels-of", "runs/tiny/cvirs/seed-3", "--seed", "1", "--seed", "2"];
    let first = train(&sandbox, &args).ok();
    assert!(first.stdout.contains('±'), "{}", first.stdout);
    let folder = "runs/tiny/labels-of-cvirs-seed-3/seed-2";
    let round = json(&sandbox.read(&format!("{folder}/rounds.jsonl")));
    assert_eq!((&round["labeled"], &round["stop"]), (&Value::from(40), &Value::from("budget")));
    let run = sandbox.read("runs/tiny/cvirs/seed-3/selections.jsonl");
    let labeled: Vec<Value> =
        run.lines().flat_map(|line| json(line)["ids"].as_array().unwrap().clone()).collect();
    let trained_on = json(&sandbox.read(&format!("{folder}/selections.jsonl")));
    assert_eq!(trained_on["ids"].as_array().unwrap(), &labeled);
    assert!(sandbox.path(folder).join("classifier/classifier.json").exists());
    let second = train(&sandbox, &args).ok();
    assert!(second.stderr.contains("finished before"), "{}", second.stderr);
    // A head of which there is no run is no noise of these.
    train(&sandbox, &[&args[..], &["--head", "linear", "--out", "other"]].concat()).ok();
    sandbox.alhost(&["report", "runs", "other", "--out", "report"]).ok();
    let text = sandbox.read("report/report.md");
    for part in
        ["Noise of training", "| labels-of-cvirs-seed-3 | 40 | 2 |", "of which no run is here"]
    {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    // Where the run has labeled other texts, they are other trainings.
    let rounds = sandbox.read("runs/tiny/cvirs/seed-3/rounds.jsonl");
    let (before, _last) = rounds.trim_end().rsplit_once('\n').unwrap();
    sandbox.write("runs/tiny/cvirs/seed-3/rounds.jsonl", &format!("{before}\n"));
    train(&sandbox, &args).refused(&["labeled: there 40, here 30"]);
    train(&sandbox, &[&args[..2], &["--out", "other"]].concat()).refused(&["`--seed`"]);
    let heads = ["--head", "linear", "--head", "cnn"];
    train(&sandbox, &[&args[..2], &heads].concat()).refused(&["makes one classifier"]);
}

#[test]
fn a_report_measures_against_the_training_on_all_labels() {
    let sandbox = Sandbox::new();
    sandbox.run(&["random", "cvirs"], &[]).ok();
    let report = |expected: &str| {
        sandbox.alhost(&["report", "runs", "--out", "report"]).ok();
        let text = sandbox.read("report/report.md");
        assert!(text.contains(expected), "no `{expected}` in:\n{text}");
    };
    report("no record has a training on the whole pool");
    // Another head is another classifier, and no reference.
    train(&sandbox, &["--head", "linear"]).ok();
    report("no record has a training on the whole pool");
    train(&sandbox, &["--head", "cnn", "--seed", "1", "--seed", "2"]).ok();
    report("the score of training on the whole pool");
}

#[test]
fn what_cannot_be_used_is_named() {
    let sandbox = Sandbox::new();
    let predict = |args: &[&str]| sandbox.alhost(&[&["predict"], args].concat());
    predict(&["data", "data/test.jsonl"]).refused(&["data is no classifier", "alhost train"]);
    train(&sandbox, &["--head", "linear"]).ok();
    let folder = "runs/tiny/full-data-linear/seed-3/classifier";
    predict(&[folder, "absent.jsonl"]).refused(&["absent.jsonl"]);
    sandbox.write("bad.jsonl", "{\"id\": \"a\"}\n");
    predict(&[folder, "bad.jsonl"]).refused(&["bad.jsonl:1", "`text`"]);
    predict(&[folder, "data/test.jsonl", "--threshold", "2"]).refused(&["micro-f1"]);
    // A head of other labels.
    let path = format!("{folder}/classifier.json");
    let mut described = json(&sandbox.read(&path));
    described["labels"].as_array_mut().unwrap().pop();
    sandbox.write(&path, &described.to_string());
    predict(&[folder, "data/test.jsonl"]).refused(&["head.safetensors", "output"]);
    sandbox.write(&path, "{");
    predict(&[folder, "data/test.jsonl"]).refused(&["classifier.json"]);
}

/// A trained classifier, in the folder of its name.
fn classifier() -> (Sandbox, &'static str) {
    let sandbox = Sandbox::new();
    train(&sandbox, &["--head", "linear"]).ok();
    (sandbox, "runs/tiny/full-data-linear/seed-3/classifier")
}

fn predict(sandbox: &Sandbox, folder: &str) -> Ran {
    sandbox.alhost(&["predict", folder, "data/test.jsonl"])
}

#[test]
fn a_classifier_keeps_the_casing_that_it_was_trained_with() {
    let sandbox = Sandbox::new();
    let source = crate::support::workspace().join("tests/fixtures/tiny-bert-mlm");
    for file in ["config.json", "model.safetensors", "vocab.txt"] {
        fs_err::create_dir_all(sandbox.path("cased")).unwrap();
        fs_err::copy(source.join(file), sandbox.path("cased").join(file)).unwrap();
    }
    sandbox.write("cased/tokenizer_config.json", r#"{"do_lower_case": false}"#);
    train(&sandbox, &["--head", "linear", "--set", "model.checkpoint=cased"]).ok();
    let folder = "runs/tiny/full-data-linear/seed-3/classifier";
    let config = json(&sandbox.read(&format!("{folder}/tokenizer_config.json")));
    assert_eq!(config["do_lower_case"], Value::Bool(false));
    assert!(sandbox.read(&format!("{folder}/tokenizer.json")).contains("\"lowercase\": false"));
}

#[test]
fn a_damaged_or_exchanged_file_of_a_classifier_is_refused() {
    let (sandbox, folder) = classifier();
    predict(&sandbox, folder).ok();
    let described = json(&sandbox.read(&format!("{folder}/classifier.json")));
    let files: Vec<&String> = described["files"].as_object().unwrap().keys().collect();
    assert_eq!(
        files,
        [
            "config.json",
            "head.safetensors",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json"
        ]
    );
    for file in files {
        let path = sandbox.path(folder).join(file);
        let whole = fs_err::read(&path).unwrap();
        let mut damaged = whole.clone();
        let at = damaged.len() - 3;
        damaged[at] ^= 0x40;
        fs_err::write(&path, damaged).unwrap();
        predict(&sandbox, folder).refused(&[file, "hint: "]);
        fs_err::remove_file(&path).unwrap();
        predict(&sandbox, folder).refused(&[file, "hint: "]);
        fs_err::write(&path, whole).unwrap();
    }
    for file in ["added_tokens.json", "special_tokens_map.json"] {
        sandbox.write(&format!("{folder}/{file}"), "{}");
        predict(&sandbox, folder).refused(&[file, "does not belong", "hint: "]);
        fs_err::remove_file(sandbox.path(folder).join(file)).unwrap();
    }
    predict(&sandbox, folder).ok();
}

#[test]
fn numbers_of_a_classifier_that_cannot_be_are_refused() {
    let (sandbox, folder) = classifier();
    let path = format!("{folder}/classifier.json");
    let text = sandbox.read(&path);
    let check = |change: fn(&mut Value), expected: &str| {
        let mut described = json(&text);
        change(&mut described);
        sandbox.write(&path, &described.to_string());
        predict(&sandbox, folder).refused(&["classifier.json", expected, "hint: "]);
    };
    check(|d| d["thresholds"]["used"] = Value::from(1.5), "`thresholds.used` is 1.5");
    check(|d| d["thresholds"]["micro"] = Value::from(-0.1), "`thresholds.micro`");
    check(|d| d["test"]["micro_f1"] = Value::from(7.5), "`test.micro_f1` is 7.5");
    check(|d| d["labeled"] = Value::from(0), "`labeled` is 0");
    check(|d| d["labels"] = Value::from(Vec::<String>::new()), "`labels` is empty");
    check(|d| d["labels"][1] = d["labels"][0].clone(), "twice");
    check(|d| d["model"]["max_tokens"] = Value::from(0), "model.max_tokens");
    check(|d| d["model"]["dropout"] = Value::from(2.0), "model.dropout");
    check(|d| d["format"] = Value::from(2), "has format 2");
    check(|d| d["seed"] = Value::from("x"), "cannot be read");
}

#[test]
fn a_classifier_of_before_the_hashes_predicts_as_it_did() {
    let (sandbox, folder) = classifier();
    let now = predict(&sandbox, folder).ok().stdout;
    // It had no list of files, no config of its tokenizer, and weights without metadata.
    let path = format!("{folder}/classifier.json");
    let mut described = json(&sandbox.read(&path));
    described.as_object_mut().unwrap().remove("files");
    sandbox.write(&path, &described.to_string());
    fs_err::remove_file(sandbox.path(folder).join("tokenizer_config.json")).unwrap();
    assert_eq!(predict(&sandbox, folder).ok().stdout, now);
    // Then `tokenizer.json` alone says how it was trained.
    let cased = sandbox.read(&format!("{folder}/tokenizer.json"));
    let cased = cased.replace("\"lowercase\": true", "\"lowercase\": false");
    sandbox.write(&format!("{folder}/tokenizer.json"), &cased);
    let upper = sandbox.read("data/test.jsonl").to_uppercase().replace("\"ID\"", "\"id\"");
    sandbox.write("data/test.jsonl", &upper.replace("\"TEXT\"", "\"text\""));
    assert_ne!(predict(&sandbox, folder).ok().stdout.to_lowercase(), now.to_lowercase());
}

//! `alhost report` on records: its files, what it says where seeds are few, and what it refuses.

use serde_json::{Value, json};

use crate::support::{Ran, Sandbox};

/// One run's folder, made up: `score` gives micro-F1 from labeled texts.
pub(crate) struct Made<'a> {
    pub(crate) data: &'a str,
    pub(crate) strategy: &'a str,
    pub(crate) seed: u64,
    pub(crate) budget: usize,
}

const INITIAL: usize = 100;
const QUERY: usize = 100;
const POOL: usize = 2000;

impl Made<'_> {
    fn folder(&self) -> String {
        format!("runs/{}/{}/seed-{}", self.data, self.strategy, self.seed)
    }

    /// Manifest, rounds and selections as a finished run leaves them.
    pub(crate) fn write(&self, sandbox: &Sandbox, score: impl Fn(f64) -> f64) {
        let rounds = (self.budget - INITIAL) / QUERY + 1;
        let lines = |line: &dyn Fn(usize) -> Value| -> String {
            (0..rounds).map(|round| line(round).to_string() + "\n").collect()
        };
        let folder = self.folder();
        sandbox.write(&format!("{folder}/manifest.json"), &self.manifest().to_string());
        let round = |round: usize| Self::round(round, round + 1 == rounds, &score);
        sandbox.write(&format!("{folder}/rounds.jsonl"), &lines(&round));
        sandbox
            .write(&format!("{folder}/selections.jsonl"), &lines(&|round| self.selection(round)));
    }

    fn manifest(&self) -> Value {
        json!({
            "format": 1, "strategy": self.strategy, "seed": self.seed,
            "plugin": { "id": self.strategy, "version": "1.0.0", "api": "1.0.0", "blake3": "1b3c72",
                "rustc": "rustc 1.95.0 (x)", "profile": "release" },
            "params": { "top_labels": 10 },
            "config": { "data": { "format": "jsonl" }, "evaluation": {}, "train": {},
                "loop": { "budget": self.budget, "initial": INITIAL, "query_size": QUERY },
                "model": { "checkpoint": "minilm", "encoder": "frozen", "head": "cnn" } },
            "config_hash": format!("c0ffee00{}", self.data), "data_hash": format!("da7a{}", self.data),
            "model": { "weights_hash": "8087e9bf97c2", "tokenizer_hash": "82483bb4f0bd",
                "mlm_head": "none" },
            "environments": [{ "from_round": 0, "host": "0.1.0", "host_blake3": "19901cba",
                "libtorch": "2.11.0", "device": "cpu", "precision": "bf16", "torch_threads": 2,
                "deterministic": "yes" }],
        })
    }

    fn round(round: usize, is_last: bool, score: &dyn Fn(f64) -> f64) -> Value {
        let labeled = INITIAL + round * QUERY;
        let f1 = score(labeled as f64);
        let metrics = |f1: f64| {
            json!({ "micro_precision": f1, "micro_recall": f1, "micro_f1": f1,
                "macro_precision": f1 / 2.0, "macro_recall": f1 / 2.0, "macro_f1_paper": f1 / 2.0,
                "macro_f1": f1 / 2.5, "subset_accuracy": f1 / 3.0, "hamming_loss": 0.01,
                "labels_per_text": 2.0, "predicted_classes": 40 })
        };
        let n = if round == 0 { INITIAL } else { QUERY };
        json!({
            "round": round, "labeled": labeled, "metrics": metrics(f1),
            "metrics_at_micro": metrics(f1 + 0.03),
            "ranking": { "p_at_1": f1, "p_at_3": f1 / 2.0, "p_at_5": f1 / 3.0 },
            "thresholds": { "used": 0.02, "micro": 0.04, "macro_paper": 0.02, "macro_f1": 0.02 },
            "best_epoch": 10, "epochs": 13, "dev_score": f1, "losses": [0.06, 0.04],
            "class_coverage": 40 + 8 * round,
            "acquired": { "unlabeled": POOL - labeled, "labels": vec![2; n], "tokens": vec![30; n],
                "label_entropy": 5.0 + 0.1 * round as f64 },
            "stop": if is_last { json!("budget") } else { Value::Null },
            "cost": { "seconds": { "train": 10.0, "dev": 2.0, "test": 1.0,
                "features": if is_last { 0.0 } else { 1.5 }, "select": if is_last { 0.0 } else { 0.1 } },
                "tokens_per_second": 45000.0, "peak_memory_bytes": 600_000_000_u64 },
        })
    }

    /// Each strategy takes other texts; all share the initial set of their seed.
    fn selection(&self, round: usize) -> Value {
        // A block of its own for each round, of which each strategy takes another part.
        let first = if round == 0 { 0 } else { 200 * round + 10 * self.strategy.len() };
        let rows: Vec<usize> = (first..first + 100).collect();
        let ids: Vec<String> = rows.iter().map(|row| format!("train-{row}")).collect();
        json!({ "round": round, "ids": ids, "rows": rows, "scores": null })
    }
}

/// Noise that a seed and a round share over strategies, in part.
fn noise(seed: u64, strategy: &str, labeled: f64) -> f64 {
    let x = seed as f64 * 12.989 + strategy.len() as f64 * 4.1 + labeled * 0.78;
    (x.sin() * 43758.5).fract() * 0.02
}

/// Learning curves that differ in how fast they rise.
pub(crate) fn grid(
    sandbox: &Sandbox,
    data: &[&str],
    strategies: &[(&str, f64)],
    seeds: u64,
    budget: usize,
) {
    for data in data {
        for &(strategy, rate) in strategies {
            for seed in 1..=seeds {
                let made = Made { data, strategy, seed, budget };
                let shift = data.len() as f64 * 0.01 + seed as f64 * 0.004;
                made.write(sandbox, |labeled| {
                    let rise = 1.0 - (-labeled * rate / 400.0).exp();
                    0.2 + shift + 0.45 * rise + noise(seed, strategy, labeled)
                });
            }
        }
    }
}

pub(crate) const FIVE: [(&str, f64); 5] =
    [("random", 0.6), ("subword", 0.62), ("alps", 0.8), ("dal", 0.9), ("cvirs", 1.3)];

pub(crate) fn report(sandbox: &Sandbox, args: &[&str]) -> Ran {
    let mut all = vec!["report", "runs", "--out", "out"];
    all.extend(args);
    sandbox.alhost(&all)
}

#[test]
fn a_report_has_curves_tables_tests_cost_and_what_produced_it() {
    let sandbox = Sandbox::new();
    grid(&sandbox, &["arxiv", "reuters"], &FIVE, 5, 600);
    let ran = report(&sandbox, &[]).ok();
    assert!(
        ran.stdout.contains("cvirs") && ran.stdout.contains("out/report.html"),
        "{}",
        ran.stdout
    );
    let html = sandbox.read("out/report.html");
    let markdown = sandbox.read("out/report.md");
    for part in [
        "as the paper&#39;s Figure 2",
        "labels to 90%",
        "paired t-test",
        "Friedman",
        "CD = ",
        "s per 1,600 texts",
        "peak memory",
        "Jaccard",
        "tokens a text",
        "blake3",
        "Config of arxiv",
    ] {
        let part = part.replace("&#39;", "'");
        assert!(html.contains(&part), "no `{part}` in the HTML");
    }
    assert!(!html.contains("http://") && !html.contains("https://"), "it needs no network");
    assert!(!html.contains("<script"), "and no script");
    // The same tables, and the figures as files.
    assert_eq!(html.matches("<tbody>").count(), markdown.matches("\n| ---").count());
    let figures = markdown.matches("](figures/").count();
    assert_eq!(figures, html.matches("<figure>").count());
    assert_eq!(figures, fs_err::read_dir(sandbox.path("out/figures")).unwrap().count());
    // 2 data sets x 5 strategies x 5 seeds x 6 rounds, and a head.
    assert_eq!(sandbox.read("out/csv/rounds.csv").lines().count(), 301);
    let again = sandbox.read("out/report.html");
    report(&sandbox, &[]).ok();
    assert_eq!(sandbox.read("out/report.html"), again, "the same records give the same bytes");
}

/// Numbers that can be checked by hand: two seeds, straight lines.
#[test]
fn areas_labels_and_costs_are_those_of_the_records() {
    let sandbox = Sandbox::new();
    for seed in [1, 2] {
        let of = |strategy| Made { data: "line", strategy, seed, budget: 500 };
        let up = seed as f64 * 0.01;
        of("random").write(&sandbox, |labeled| 0.1 + up + labeled / 1000.0);
        of("best").write(&sandbox, |labeled| 0.2 + up + labeled / 1000.0);
    }
    report(&sandbox, &[]).ok();
    let summary = sandbox.read("out/csv/summary.csv");
    let value = |strategy: &str, quantity: &str| -> f64 {
        let start = format!("line,{strategy},micro_f1,{quantity},2,");
        let line = summary.lines().find(|line| line.starts_with(&start)).unwrap();
        line[start.len()..].split(',').next().unwrap().parse().unwrap()
    };
    let check = |strategy: &str, quantity: &str, expected: f64| {
        let value = value(strategy, quantity);
        assert!((value - expected).abs() < 1e-9, "{strategy} {quantity}: {value}");
    };
    check("random", "area", 0.1 + 0.015 + 0.3);
    check("best", "final", 0.2 + 0.015 + 0.5);
    // 90% of 0.715 is 0.6435: reached at 428.5 on average, and never at random.
    check("best", "labels_to_90", 0.6435e3 - 215.0);
    let markdown = sandbox.read("out/report.md");
    assert!(markdown.contains("| best | **0.515 ± 0.007** |"), "{markdown}");
    assert!(markdown.contains("since no record has a training on the whole pool"));
    // 428.5 of more than 500.
    assert!(markdown.contains(" | > 14% |"), "{markdown}");
    // (1.5 + 0.1) s for 1,900 texts and fewer.
    let cost: f64 = [1900.0, 1800.0, 1700.0, 1600.0].map(|pool| 1.6 * 1600.0 / pool).iter().sum();
    assert!(
        markdown.contains(&format!("| best | 1.60 | 1.60 | {0:.2} | {0:.2} | – |", cost / 4.0)),
        "{markdown}"
    );
}

/// As a bench leaves them: what was computed for another run is charged, but was not spent.
#[test]
fn charged_and_actual_cost_stand_side_by_side_and_failed_cells_are_named() {
    let sandbox = Sandbox::new();
    for strategy in ["alps", "random"] {
        let made = Made { data: "a", strategy, seed: 1, budget: 200 };
        made.write(&sandbox, |_| 0.5);
        let path = format!("runs/a/{strategy}/seed-1/rounds.jsonl");
        let mut round: Value = sandbox.read(&path).lines().next().unwrap().parse().unwrap();
        let rest: Vec<String> = sandbox.read(&path).lines().skip(1).map(str::to_owned).collect();
        let seconds =
            json!({ "train": 0.0, "dev": 2.0, "test": 1.0, "features": 0.3, "select": 0.1 });
        round["cost"]["actual"] = seconds;
        round["cost"]["shared"] = json!([
            { "what": "token ids", "key": "k1", "seconds": 4.0, "computed": strategy == "alps" },
            { "what": "model of round 0", "key": "k2", "seconds": 10.0, "computed": false },
        ]);
        sandbox.write(&path, &(round.to_string() + "\n" + &rest.join("\n") + "\n"));
    }
    let failed = json!({ "name": "grid", "cells": [
        { "data": "a", "strategy": "hostile", "seed": 2, "folder": "a/hostile/seed-2",
          "state": "failed", "reason": "strategy `hostile` panicked\nhint: look" },
        { "data": "a", "strategy": "alps", "seed": 1, "state": "finished" },
    ]});
    sandbox.write("runs/cells.json", &failed.to_string());
    let ran = report(&sandbox, &[]).ok();
    let words = "a, hostile, seed 2 failed: strategy `hostile` panicked";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
    let markdown = sandbox.read("out/report.md");
    assert!(markdown.contains(&words.replace('`', "\\`")), "{markdown}");
    // 1.6 and 0.4 s for 1,900 texts.
    assert!(markdown.contains("| alps | 1.60 | – | 1.35 | 0.34 | 50 |"), "{markdown}");
    // Two rounds of 14.6 and 13 s each, of which 11.2 s were not spent.
    let saved = "The rounds of all runs took 32.8 s; each run alone, they would have taken 55.2 s.";
    assert!(markdown.contains(saved), "{markdown}");
    assert!(markdown.contains("| token ids | 1 | 4.00 | 2 |"), "{markdown}");
    assert_eq!(sandbox.read("out/csv/runs.csv").lines().count(), 3);
}

#[test]
fn few_seeds_are_said_to_be_few() {
    let check = |seeds: u64, part: &str| {
        let sandbox = Sandbox::new();
        grid(&sandbox, &["arxiv"], &FIVE, seeds, 400);
        let ran = report(&sandbox, &[]).ok();
        let markdown = sandbox.read("out/report.md");
        assert!(markdown.contains(part), "no `{part}` with {seeds} seeds:\n{markdown}");
        (markdown, ran.stderr)
    };
    let no_test = "no spread can be estimated and no test can be made";
    let (one, told) = check(1, no_test);
    assert!(told.contains(no_test), "{told}");
    assert!(!one.contains("Holm-corrected p"), "{one}");
    let (three, told) = check(3, "cannot give p below 0.250, whatever the data");
    assert!(told.contains("cannot give p below 0.250"), "{told}");
    assert!(three.contains("and 8 where 4 comparisons share it"), "{three}");
    assert!(three.contains("3.3 standard deviations of the differences"), "{three}");
    let (nine, _) = check(9, "Holm-corrected p");
    assert!(!nine.contains("cannot give p below"), "{nine}");
}

#[test]
fn few_data_sets_are_said_to_be_few() {
    let sandbox = Sandbox::new();
    grid(&sandbox, &["a", "b"], &FIVE, 2, 400);
    report(&sandbox, &[]).ok();
    let markdown = sandbox.read("out/report.md");
    // 2.728 * sqrt(5 * 6 / 12) = 4.31 of at most 4.
    let words =
        "critical difference is 4.31 mean ranks, more than the largest possible difference of 4";
    assert!(markdown.contains(words), "{markdown}");
    assert!(markdown.contains("It takes 3 data sets before any could"), "{markdown}");
}

#[test]
fn a_full_data_run_is_the_measure_where_there_is_one() {
    let sandbox = Sandbox::new();
    grid(&sandbox, &["arxiv"], &FIVE, 2, 400);
    let full = Made { data: "full", strategy: "random", seed: 1, budget: 100 };
    full.write(&sandbox, |_| 0.75);
    let place = "runs/full/random/seed-1";
    let edit = |file: &str, from: &str, to: &str| {
        let path = format!("{place}/{file}");
        let text = sandbox.read(&path);
        assert!(text.contains(from), "{text}");
        sandbox.write(&path, &text.replace(from, to));
    };
    edit("manifest.json", "da7afull", "da7aarxiv");
    edit("rounds.jsonl", "\"stop\":\"budget\"", "\"stop\":\"pool-empty\"");
    let check = || {
        report(&sandbox, &[]).ok();
        let markdown = sandbox.read("out/report.md");
        let words = "Percentages are of 0.750 (the score of training on the whole pool)";
        assert!(markdown.contains(words), "{markdown}");
        assert!(!markdown.contains("## full"), "no data set of its own");
    };
    // As alhost 0.1 wrote it, and as it says so now.
    let path = format!("{place}/manifest.json");
    let mut manifest: Value = sandbox.read(&path).parse().unwrap();
    manifest["plugin"]["id"] = json!("full-data");
    manifest["plugin"]["api"] = json!("none");
    sandbox.write(&path, &manifest.to_string());
    check();
    manifest["plugin"] = json!({ "id": "random", "version": "1", "api": "1", "blake3": "b",
        "rustc": "r", "profile": "release" });
    manifest["kind"] = json!("full-data");
    manifest["name"] = json!("full");
    sandbox.write(&path, &manifest.to_string());
    fs_err::remove_dir_all(sandbox.path("out")).unwrap();
    check();
}

#[test]
fn a_difference_below_the_noise_of_training_is_called_so() {
    let sandbox = Sandbox::new();
    for seed in 1..=5 {
        let jitter = |labeled: f64| (seed as f64 + labeled / 700.0).sin() / 50.0;
        for (strategy, ahead) in [("random", 0.0), ("alps", 0.01), ("dal", 0.2)] {
            let made = Made { data: "a", strategy, seed, budget: 300 };
            made.write(&sandbox, |labeled| 0.5 + ahead + jitter(labeled));
        }
    }
    for (seed, score) in [(1, 0.4), (2, 0.45), (3, 0.5)] {
        let made = Made { data: "a", strategy: "labels-of-random-seed-1", seed, budget: 100 };
        made.write(&sandbox, |_| score);
        let path = format!("runs/a/labels-of-random-seed-1/seed-{seed}/manifest.json");
        let mut manifest: Value = sandbox.read(&path).parse().unwrap();
        manifest["plugin"]["id"] = json!("labels-of");
        manifest["plugin"]["api"] = json!("none");
        manifest["params"] =
            json!({ "strategy": "random", "seed": 1, "labeled": 100, "texts": "1" });
        sandbox.write(&path, &manifest.to_string());
    }
    report(&sandbox, &[]).ok();
    let markdown = sandbox.read("out/report.md");
    let words = "training alone has a standard deviation of 0.050 in micro-F1";
    assert!(markdown.contains(words), "{markdown}");
    for line in markdown
        .lines()
        .filter(|line| line.contains(" than random: ") || line.contains(" and random, "))
    {
        let is_below = line.contains("smaller than what another training seed does");
        assert_eq!(is_below, line.starts_with("alps"), "{line}");
    }
    assert!(
        markdown.matches("smaller than what another training seed does").count() == 2,
        "{markdown}"
    );
}

/// The least that a run can be: one round, no dev set, one strategy.
#[test]
fn a_run_of_one_round_without_dev_makes_a_report_too() {
    let sandbox = Sandbox::new();
    Made { data: "a", strategy: "alps", seed: 1, budget: 100 }.write(&sandbox, |_| 0.5);
    let path = "runs/a/alps/seed-1/rounds.jsonl";
    let mut round: Value = sandbox.read(path).parse().unwrap();
    round["metrics_at_micro"] = Value::Null;
    sandbox.write(path, &(round.to_string() + "\n"));
    report(&sandbox, &[]).ok();
    let markdown = sandbox.read("out/report.md");
    assert!(markdown.contains("| alps | – | **0.500** |"), "{markdown}");
    assert!(!markdown.contains("NaN") && !markdown.contains("inf"), "{markdown}");
    // A metric that no record has.
    report(&sandbox, &["--metric", "micro_f1_at_micro"]).ok();
}

/// Two folders of one name are two data sets if their data differ.
#[test]
fn data_sets_of_one_name_are_told_apart() {
    let sandbox = Sandbox::new();
    grid(&sandbox, &["arxiv"], &FIVE[..2], 2, 400);
    fs_err::create_dir_all(sandbox.path("other")).unwrap();
    fs_err::rename(sandbox.path("runs/arxiv"), sandbox.path("other/arxiv")).unwrap();
    grid(&sandbox, &["arxiv"], &FIVE[..2], 2, 400);
    for strategy in ["random", "subword"] {
        for seed in [1, 2] {
            let path = format!("other/arxiv/{strategy}/seed-{seed}/manifest.json");
            sandbox.write(&path, &sandbox.read(&path).replace("da7aarxiv", "da7aother"));
        }
    }
    sandbox.alhost(&["report", "runs", "other", "--out", "out"]).ok();
    let markdown = sandbox.read("out/report.md");
    for title in ["## arxiv (data da7aarxi)", "## arxiv (data da7aothe)"] {
        assert!(markdown.contains(title), "{markdown}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let sandbox = Sandbox::new();
    fs_err::create_dir_all(sandbox.path("runs")).unwrap();
    report(&sandbox, &[]).refused(&["no records below runs", "hint: give the folder of a run"]);

    grid(&sandbox, &["arxiv"], &FIVE[..2], 2, 400);
    report(&sandbox, &["--metric", "macro"]).refused(&["`macro`", "hint", "macro_f1_paper"]);
    report(&sandbox, &["--baseline", "alps"])
        .refused(&["`alps`", "hint: there are random, subword"]);

    // Unequal budgets, unless only the common part is looked at.
    let longer = Made { data: "arxiv", strategy: "cvirs", seed: 1, budget: 600 };
    longer.write(&sandbox, |labeled| labeled / 1000.0);
    let parts = ["different budgets", "random: 400", "cvirs: 600", "hint:", "--upto 400"];
    report(&sandbox, &[]).refused(&parts);
    let ran = report(&sandbox, &["--upto", "400"]).ok();
    assert!(ran.stderr.contains("different seeds"), "{}", ran.stderr);
    fs_err::remove_dir_all(sandbox.path("runs/arxiv/cvirs")).unwrap();

    // The same run twice, under two names.
    let twice = Made { data: "arxiv", strategy: "random", seed: 1, budget: 400 };
    twice.write(&sandbox, |_| 0.5);
    let copy = Made { data: "copy", ..twice };
    copy.write(&sandbox, |_| 0.5);
    let manifest = sandbox.read("runs/arxiv/random/seed-1/manifest.json");
    sandbox.write("runs/copy/random/seed-1/manifest.json", &manifest);
    report(&sandbox, &[]).refused(&["two runs of seed 1", "arxiv", "copy", "hint"]);
}

#[test]
fn zero_finished_runs_are_no_report() {
    let sandbox = Sandbox::new();
    grid(&sandbox, &["arxiv"], &FIVE[..2], 1, 400);
    for strategy in ["random", "subword"] {
        let path = format!("runs/arxiv/{strategy}/seed-1/rounds.jsonl");
        let whole = sandbox.read(&path);
        let cut: String = whole.split_inclusive('\n').take(2).collect();
        sandbox.write(&path, &cut);
    }
    let args = ["--tensorboard", "events"];
    report(&sandbox, &args).refused(&["none of the 2 runs below runs is finished", "hint"]);
    assert!(!sandbox.path("out").exists(), "nothing was begun");
    // Events are for watching runs that are not finished.
    let events = fs_err::read_dir(sandbox.path("events/arxiv/random/seed-1")).unwrap().count();
    assert_eq!(events, 1);
}

#[test]
fn a_torn_last_line_is_noted_and_any_other_damage_named_and_refused() {
    let sandbox = Sandbox::new();
    grid(&sandbox, &["arxiv"], &FIVE[..2], 2, 400);
    let path = "runs/arxiv/random/seed-1/rounds.jsonl";
    let whole = sandbox.read(path);

    sandbox.write(path, &whole[..whole.len() - 20]);
    let ran = report(&sandbox, &[]).ok();
    assert!(ran.stderr.contains("random/seed-1: a kill left the last line"), "{}", ran.stderr);
    assert!(ran.stderr.contains("is not finished (3 rounds) and left out"), "{}", ran.stderr);
    assert_eq!(sandbox.read(path), whole[..whole.len() - 20], "a report repairs nothing");

    sandbox.write(path, &whole.replacen("\"round\":1", "\"round\":x", 1));
    report(&sandbox, &[]).refused(&["random/seed-1/rounds.jsonl:2: not a record", "hint"]);
    // A line that is gone: the files do not belong together.
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    sandbox.write(path, &[lines[0], lines[2], lines[3]].concat());
    report(&sandbox, &[]).refused(&["random/seed-1", "rounds.jsonl has round 2 in line 2", "hint"]);
}

/// Real records of the tiny model: what a run writes now has all that a report asks for.
#[test]
fn records_of_a_run_have_what_a_report_asks_for() {
    let sandbox = Sandbox::new();
    sandbox.run(&["random", "cvirs"], &["--seed", "1", "--seed", "2"]).ok();
    report(&sandbox, &[]).ok();
    let markdown = sandbox.read("out/report.md");
    for old in ["earlier version", "do not say how large"] {
        assert!(!markdown.contains(old), "{markdown}");
    }
    // 60 texts, 10 of them the initial set; every third has two labels, most of the others one.
    let rounds = sandbox.read("out/csv/rounds.csv");
    let head: Vec<&str> = rounds.lines().next().unwrap().split(',').collect();
    let column = |name: &str| head.iter().position(|known| *known == name).unwrap();
    let first: Vec<&str> = rounds.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(first[column("unlabeled")], "50");
    let labels: f64 = first[column("labels_per_text_acquired")].parse().unwrap();
    assert!((1.0..=2.0).contains(&labels), "{labels}");
    let tokens: f64 = first[column("tokens_per_text_acquired")].parse().unwrap();
    assert!((6.0..=32.0).contains(&tokens), "{tokens}");
}

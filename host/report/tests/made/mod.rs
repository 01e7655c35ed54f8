//! Makes up the records of a bench, as finished runs leave them: many strategies, seeds and data sets.

use std::path::Path;

use serde_json::{Value, json};

/// A bench of `strategies` on each of `data`, with seeds from 1 on.
pub(crate) struct Bench<'a> {
    pub(crate) data: &'a [&'a str],
    pub(crate) strategies: &'a [&'a str],
    pub(crate) seeds: u64,
    pub(crate) points: usize,
}

/// Two dozen names of the lengths that names have.
pub(crate) const MANY: [&str; 24] = [
    "random",
    "subword",
    "alps",
    "dal",
    "cvirs",
    "badge",
    "coreset",
    "entropy",
    "margin",
    "least-confidence",
    "mml",
    "bin-min",
    "max-loss",
    "adaptive",
    "cluster-margin",
    "beal",
    "typiclust",
    "probcover",
    "expected-model-change",
    "density-weighted-doubt",
    "mc-dropout",
    "contrastive",
    "label-cardinality",
    "coverage-first",
];

const STEP: usize = 100;
const POOL: usize = 3000;

impl Bench<'_> {
    pub(crate) fn write(&self, runs: &Path) {
        for (at, data) in self.data.iter().enumerate() {
            for (index, strategy) in self.strategies.iter().enumerate() {
                for seed in 1..=self.seeds {
                    let folder = runs.join(data).join(strategy).join(format!("seed-{seed}"));
                    let run = Run { data, at, strategy, index, seed, points: self.points };
                    run.write(&folder);
                }
            }
        }
    }
}

struct Run<'a> {
    data: &'a str,
    /// Place of the data set among the others.
    at: usize,
    strategy: &'a str,
    index: usize,
    seed: u64,
    points: usize,
}

impl Run<'_> {
    fn write(&self, folder: &Path) {
        fs_err::create_dir_all(folder).unwrap();
        let lines = |line: &dyn Fn(usize) -> Value| -> String {
            (0..self.points).map(|round| line(round).to_string() + "\n").collect()
        };
        let write = |name: &str, text: String| fs_err::write(folder.join(name), text).unwrap();
        write("manifest.json", self.manifest().to_string());
        write("rounds.jsonl", lines(&|round| self.round(round)));
        write("selections.jsonl", lines(&|round| self.selection(round)));
    }

    /// A number between -1 and 1 that looks like chance, and is the same each time.
    fn chance(&self, salt: f64) -> f64 {
        let x = self.seed as f64 * 12.989 + (self.index as f64 + 1.0) * 78.233 + salt * 37.719;
        (x.sin() * 43_758.547).fract()
    }

    /// Micro-F1: strategies differ in how fast it rises and where it ends, and data sets in the order
    /// of strategies. The baseline is in the lower half.
    fn score(&self, round: usize) -> f64 {
        let place = if self.index == 0 { 7 } else { (self.index * 7) % 24 } as f64 / 24.0;
        let shift = 0.4 * (self.index as f64 * 2.4 + self.at as f64 * 1.7).sin();
        let rise = 1.0 - (-(round as f64) * (0.25 + 0.25 * place + 0.15 * shift)).exp();
        let of_seed = 0.006 * (self.seed as f64).sin() + 0.012 * self.chance(50.0);
        let noise = if round == 0 { 0.0 } else { of_seed + 0.01 * self.chance(round as f64) };
        0.2 + 0.05 * self.at as f64 + (0.36 + 0.06 * place - 0.04 * shift) * rise + noise
    }

    fn manifest(&self) -> Value {
        json!({
            "format": 1, "strategy": self.strategy, "seed": self.seed, "name": self.data,
            "plugin": { "id": self.strategy, "version": "1.0.0", "api": "1.0.0", "blake3": "1b3c72",
                "rustc": "rustc 1.95.0 (x)", "profile": "release" },
            "params": { "top_labels": 10 },
            "config": { "data": { "format": "jsonl" }, "evaluation": { "threshold": "micro-optimal" }, "train": {},
                "loop": { "budget": STEP * self.points, "initial": STEP, "query_size": STEP },
                "model": { "checkpoint": "minilm", "encoder": "frozen", "head": "logistic" } },
            "config_hash": format!("c0ffee00{}", self.data), "data_hash": format!("da7a{}", self.data),
            "model": { "weights_hash": "8087e9bf97c2", "tokenizer_hash": "82483bb4f0bd",
                "mlm_head": "none" },
            "environments": [{ "from_round": 0, "host": "0.1.0", "host_blake3": "19901cba",
                "libtorch": "2.11.0", "device": "cpu", "precision": "f32", "torch_threads": 2,
                "deterministic": "yes" }],
        })
    }

    fn round(&self, round: usize) -> Value {
        let (labeled, f1) = (STEP * (round + 1), self.score(round));
        let is_last = round + 1 == self.points;
        let query = |seconds: f64| if is_last { 0.0 } else { seconds };
        let metrics = |f1: f64| {
            json!({ "micro_precision": f1, "micro_recall": f1, "micro_f1": f1,
                "macro_precision": f1 / 2.0, "macro_recall": f1 / 2.0, "macro_f1_paper": f1 / 2.0,
                "macro_f1": f1 / 2.5, "subset_accuracy": f1 / 3.0, "hamming_loss": 0.01,
                "labels_per_text": 2.0, "predicted_classes": 40 })
        };
        let seen = 40.0 + 60.0 * (1.0 - (-(round as f64) * (0.1 + 0.3 * f1)).exp());
        let features = 0.2 + (self.index % 6) as f64 + 0.1 * self.chance(3.0);
        json!({
            "round": round, "labeled": labeled, "metrics": metrics(f1),
            "metrics_at_micro": metrics(f1 + 0.03),
            "ranking": { "p_at_1": f1, "p_at_3": f1 / 2.0, "p_at_5": f1 / 3.0 },
            "thresholds": { "used": 0.02, "micro": 0.04, "macro_paper": 0.02, "macro_f1": 0.02 },
            "best_epoch": 10, "epochs": 13, "dev_score": f1, "losses": [0.06, 0.04],
            "class_coverage": seen.round() as u64,
            "acquired": { "unlabeled": POOL - labeled, "labels": vec![2; STEP],
                "tokens": vec![30; STEP], "label_entropy": 5.0 + 0.1 * f1 * round as f64 },
            "stop": if is_last { json!("budget") } else { Value::Null },
            "cost": { "seconds": { "train": 10.0, "dev": 2.0, "test": 1.0,
                "features": query(features), "select": query(0.1) },
                "tokens_per_second": 45_000.0, "peak_memory_bytes": 600_000_000_u64 },
        })
    }

    /// Neighbours in the list take some of the same texts; all share the initial set of their seed.
    fn selection(&self, round: usize) -> Value {
        let first = if round == 0 { 0 } else { 250 * round + 13 * ((self.index * 5) % 24) };
        let rows: Vec<usize> = (first..first + STEP).collect();
        let ids: Vec<String> = rows.iter().map(|row| format!("train-{row}")).collect();
        json!({ "round": round, "ids": ids, "rows": rows, "scores": null })
    }
}

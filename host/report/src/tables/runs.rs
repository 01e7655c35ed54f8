//! What each run was and did, and what that comes to for each strategy.

use alhost_metrics::statistics::summary;
use alhost_record::RoundRecord;

use super::super::collect::{DataSet, Run, Strategy};
use super::super::compare::{BySeed, Quantity, numbers, reached, reference, values, values_of};
use super::super::cost::actual;
use super::super::metric::Metric;
use super::super::queries::{actual_query_seconds, per_1600, query_seconds};
use super::super::scores::SHARES;
use super::super::view::View;
use super::{Rows, all, head, number};

/// Lists what each run was, hashes in full.
pub(super) fn runs(view: &View<'_>) -> Rows {
    let mut rows = head(&[
        "data",
        "strategy",
        "seed",
        "plugin",
        "plugin_version",
        "plugin_build",
        "plugin_blake3",
        "params",
        "config_hash",
        "data_hash",
        "weights_hash",
        "tokenizer_hash",
        "host",
        "host_blake3",
        "libtorch",
        "device",
        "precision",
        "torch_threads",
        "records",
    ]);
    for (set, strategy) in all(view) {
        rows.extend(strategy.runs.iter().map(|run| run_row(set, run)));
    }
    rows
}

/// Describes a run; where it went on elsewhere, by the last place.
fn run_row(set: &DataSet, run: &Run) -> Vec<String> {
    let manifest = &run.records.manifest;
    let (plugin, model) = (&manifest.plugin, &manifest.model);
    let mut row = vec![set.name.clone(), manifest.strategy.clone(), run.seed().to_string()];
    row.extend([&plugin.id, &plugin.version, &plugin.profile, &plugin.blake3].map(String::clone));
    row.push(manifest.params.to_string());
    row.extend([&manifest.config_hash, &manifest.data_hash].map(String::clone));
    row.extend([&model.weights_hash, &model.tokenizer_hash].map(String::clone));
    let here = manifest.environments.last();
    row.push(here.map(|here| here.host.clone()).unwrap_or_default());
    row.push(here.and_then(|here| here.host_blake3.clone()).unwrap_or_default());
    row.push(here.map(|here| here.libtorch.clone()).unwrap_or_default());
    row.push(here.map(|here| here.device.clone()).unwrap_or_default());
    row.push(here.map(|here| here.precision.clone()).unwrap_or_default());
    row.push(number(here.map(|here| here.torch_threads as f64)));
    row.push(run.path.display().to_string());
    row
}

/// Each round of each run, those beyond the common range too.
pub(super) fn rounds(view: &View<'_>) -> Rows {
    let mut names = vec!["data", "strategy", "seed", "round", "labeled"];
    names.extend(Metric::all().map(Metric::name));
    names.extend([
        "threshold",
        "best_epoch",
        "epochs",
        "class_coverage",
        "label_entropy",
        "unlabeled",
        "labels_per_text_acquired",
        "tokens_per_text_acquired",
        "train_seconds",
        "dev_seconds",
        "test_seconds",
        "features_seconds",
        "select_seconds",
        "query_seconds",
        "query_seconds_spent",
        "query_seconds_per_1600",
        "query_seconds_per_1600_spent",
        "seconds_spent",
        "tokens_per_second",
        "peak_memory_bytes",
        "stop",
    ]);
    let mut rows = head(&names);
    for (set, strategy) in all(view) {
        for run in &strategy.runs {
            rows.extend(
                run.records.rounds.iter().map(|round| round_row(set, strategy, run, round)),
            );
        }
    }
    rows
}

fn round_row(set: &DataSet, strategy: &Strategy, run: &Run, round: &RoundRecord) -> Vec<String> {
    let mut row = vec![set.name.clone(), strategy.name.clone(), run.seed().to_string()];
    row.extend([round.round.to_string(), round.labeled.to_string()]);
    row.extend(Metric::all().map(|metric| number(metric.of(round))));
    let mean = |values: &[u32]| {
        let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        summary(&values).map(|summary| summary.mean)
    };
    let acquired = round.acquired.as_ref();
    let seconds = &round.cost.seconds;
    row.push(number(round.thresholds.used));
    row.push(number(round.best_epoch.map(|epoch| epoch as f64)));
    row.extend([round.epochs.to_string(), round.class_coverage.to_string()]);
    row.push(number(acquired.map(|acquired| acquired.label_entropy)));
    row.push(number(acquired.map(|acquired| acquired.unlabeled as f64)));
    row.push(number(acquired.and_then(|acquired| mean(&acquired.labels))));
    row.push(number(acquired.and_then(|acquired| mean(&acquired.tokens))));
    let phases = [seconds.train, seconds.dev, seconds.test, seconds.features, seconds.select];
    row.extend(phases.map(|seconds| number(Some(seconds))));
    let (charged, spent) = (query_seconds(round), actual_query_seconds(round));
    row.extend([charged, spent].map(number));
    row.extend([per_1600(round, charged), per_1600(round, spent)].map(number));
    row.push(number(Some(actual(round).total())));
    row.push(number(Some(round.cost.tokens_per_second)));
    row.push(number(round.cost.peak_memory_bytes.map(|bytes| bytes as f64)));
    let stop = round.stop.and_then(|stop| serde_json::to_value(stop).ok());
    row.push(stop.and_then(|stop| stop.as_str().map(str::to_owned)).unwrap_or_default());
    row
}

/// Area, final score and labels needed, for each strategy and metric; areas of classes seen, and
/// what a query costs.
pub(super) fn summaries(view: &View<'_>) -> Rows {
    let mut rows = head(&[
        "data", "strategy", "metric", "quantity", "seeds", "mean", "sd", "low", "high", "min",
        "max",
    ]);
    for (set, strategy) in all(view) {
        let mut push = |metric: &str, quantity: &str, values: &[f64]| {
            let names = [&set.name, &strategy.name, metric, quantity];
            rows.extend(summary_row(&names, values));
        };
        for metric in Metric::all() {
            for quantity in Quantity::ALL {
                let values = values(set, strategy, metric, quantity);
                push(metric.name(), quantity.name(), &numbers(&values));
            }
            let Some(reference) = reference(set, metric) else { continue };
            for share in SHARES {
                let reached = reached(set, strategy, metric, share * reference.score);
                let there: Vec<f64> = reached.into_iter().filter_map(|seed| seed.1).collect();
                push(metric.name(), &format!("labels_to_{:.0}", 100.0 * share), &there);
            }
        }
        for quantity in Quantity::ALL {
            let seen = |round: &RoundRecord| Some(round.class_coverage as f64);
            let seen: BySeed = values_of(set, strategy, quantity, seen);
            push("class_coverage", quantity.name(), &numbers(&seen));
        }
        push("query_seconds", "mean", &query_seconds_of_runs(set, strategy));
    }
    rows
}

/// The mean cost of a query in each run that made one.
fn query_seconds_of_runs(set: &DataSet, strategy: &Strategy) -> Vec<f64> {
    let of_run = |run: &Run| {
        let seconds: Vec<f64> = set.rounds(run).filter_map(query_seconds).collect();
        Some(summary(&seconds)?.mean)
    };
    strategy.runs.iter().filter_map(of_run).collect()
}

fn summary_row(names: &[&str; 4], values: &[f64]) -> Option<Vec<String>> {
    let summary = summary(values)?;
    let mut row: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    row.extend([summary.n.to_string(), number(Some(summary.mean))]);
    let spread = summary.spread;
    row.push(number(spread.map(|spread| spread.sd)));
    row.push(number(spread.map(|spread| spread.low)));
    row.push(number(spread.map(|spread| spread.high)));
    row.extend([summary.min, summary.max].map(|value| number(Some(value))));
    Some(row)
}

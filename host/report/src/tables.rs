//! Tidy tables, one observation a line, for a researcher's own figures: all numbers in full.

use std::borrow::Cow;

use alhost_base::text;
use alhost_metrics::statistics::{ranks, summary};
use alhost_record::RoundRecord;

use super::collect::{DataSet, Run, Strategy};
use super::compare::{Comparison, Quantity, compare, numbers, reached, reference, values};
use super::cost::{actual, actual_query_seconds, per_1600, query_seconds};
use super::error::ReportError;
use super::metric::Metric;
use super::scores::SHARES;
use super::selected::{Which, jaccard};
use super::significance::{point_test, set_blocks};
use super::view::{View, all_pairs};

/// A file's name and text.
pub(super) type File = (String, String);

pub(super) fn files(view: &View<'_>) -> Result<Vec<File>, ReportError> {
    let tables = [
        ("runs.csv", runs(view)),
        ("rounds.csv", rounds(view)),
        ("summary.csv", summaries(view)),
        ("tests.csv", tests(view)),
        ("points.csv", points(view)),
        ("overlap.csv", overlap(view)),
        ("ranks.csv", rank_rows(view)),
    ];
    tables.into_iter().map(|(name, rows)| Ok((name.to_owned(), to_csv(&rows)?))).collect()
}

type Rows = Vec<Vec<String>>;

fn to_csv(rows: &Rows) -> Result<String, ReportError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer
            .write_record(row.iter().map(|cell| safe(cell).into_owned()))
            .map_err(std::io::Error::other)?;
    }
    let bytes = writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Puts an apostrophe before a cell that a spreadsheet would take for a formula, and run; it is a
/// text then.
fn safe(cell: &str) -> Cow<'_, str> {
    let cell = text::in_line(cell);
    let formula = ['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠'];
    let begins = cell.trim_start().starts_with(formula) || cell.starts_with("\\t");
    if begins && cell.parse::<f64>().is_err() { Cow::Owned(format!("'{cell}")) } else { cell }
}

fn head(names: &[&str]) -> Rows {
    vec![names.iter().map(|&name| name.to_owned()).collect()]
}

/// Writes a number; empty where there is none.
fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or(String::new(), |value| value.to_string())
}

fn all<'a>(view: &View<'a>) -> impl Iterator<Item = (&'a DataSet, &'a Strategy)> + use<'a> {
    view.sets.iter().flat_map(|set| set.strategies.iter().map(move |strategy| (set, strategy)))
}

/// Lists what each run was, hashes in full.
fn runs(view: &View<'_>) -> Rows {
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
fn rounds(view: &View<'_>) -> Rows {
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

/// Area, final score and labels needed, for each strategy and metric.
fn summaries(view: &View<'_>) -> Rows {
    let mut rows = head(&[
        "data", "strategy", "metric", "quantity", "seeds", "mean", "sd", "low", "high", "min",
        "max",
    ]);
    for (set, strategy) in all(view) {
        for metric in Metric::all() {
            let mut push = |quantity: &str, values: &[f64]| {
                let Some(summary) = summary(values) else { return };
                let names = [&set.name, &strategy.name, metric.name(), quantity].map(str::to_owned);
                let mut row = names.to_vec();
                row.extend([summary.n.to_string(), number(Some(summary.mean))]);
                let spread = summary.spread;
                row.push(number(spread.map(|spread| spread.sd)));
                row.push(number(spread.map(|spread| spread.low)));
                row.push(number(spread.map(|spread| spread.high)));
                row.extend([summary.min, summary.max].map(|value| number(Some(value))));
                rows.push(row);
            };
            for quantity in Quantity::ALL {
                push(quantity.name(), &numbers(&values(set, strategy, metric, quantity)));
            }
            let Some(reference) = reference(set, metric) else { continue };
            for share in SHARES {
                let reached = reached(set, strategy, metric, share * reference.score);
                let there: Vec<f64> = reached.into_iter().filter_map(|seed| seed.1).collect();
                push(&format!("labels_to_{:.0}", 100.0 * share), &there);
            }
        }
    }
    rows
}

/// Every test between two strategies; Holm over the `family`.
fn tests(view: &View<'_>) -> Rows {
    let mut rows = head(&[
        "data",
        "metric",
        "quantity",
        "family",
        "a",
        "b",
        "pairs",
        "difference",
        "low",
        "high",
        "t",
        "p_paired_t",
        "p_paired_t_holm",
        "wilcoxon",
        "p_wilcoxon",
        "p_wilcoxon_holm",
        "p_unpaired_t",
    ]);
    for set in view.sets {
        let families = [("baseline", view.against_baseline(set)), ("all pairs", all_pairs(set))];
        for (family, pairs) in &families {
            for metric in Metric::HEADLINE.into_iter().chain([view.metric]) {
                for quantity in Quantity::ALL {
                    for c in compare(set, metric, quantity, pairs) {
                        let names = [&set.name, metric.name(), quantity.name(), *family];
                        rows.push(test_row(set, &names, &c));
                    }
                }
            }
        }
    }
    rows.dedup();
    rows
}

fn test_row(set: &DataSet, names: &[&str; 4], c: &Comparison) -> Vec<String> {
    let mut row: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    row.extend([c.a, c.b].map(|index| set.strategies[index].name.clone()));
    row.push(c.n.to_string());
    row.push(number(Some(c.difference)));
    row.push(number(c.paired.map(|test| test.low)));
    row.push(number(c.paired.map(|test| test.high)));
    row.push(number(c.paired.map(|test| test.t)));
    row.push(number(c.paired.map(|test| test.p)));
    row.push(number(c.paired_holm));
    row.push(number(c.wilcoxon.map(|test| test.statistic)));
    row.push(number(c.wilcoxon.map(|test| test.p)));
    row.push(number(c.wilcoxon_holm));
    row.push(number(c.unpaired.map(|test| test.p)));
    row
}

/// The paper's test at each number of labeled texts.
fn points(view: &View<'_>) -> Rows {
    let mut rows =
        head(&["data", "metric", "labeled", "strategy", "baseline", "difference", "p_unpaired_t"]);
    for set in view.sets {
        for metric in view.metric.headline() {
            for &labeled in &set.labeled {
                for pair in view.against_baseline(set) {
                    let Some((difference, p)) = point_test(set, metric, labeled, pair) else {
                        continue;
                    };
                    let mut row =
                        vec![set.name.clone(), metric.name().to_owned(), labeled.to_string()];
                    row.extend([pair.0, pair.1].map(|index| set.strategies[index].name.clone()));
                    row.extend([number(Some(difference)), number(p)]);
                    rows.push(row);
                }
            }
        }
    }
    rows
}

fn overlap(view: &View<'_>) -> Rows {
    let mut rows = head(&["data", "selections", "a", "b", "seeds", "jaccard"]);
    for set in view.sets {
        for which in Which::ALL {
            for (a, b) in all_pairs(set) {
                let (a, b) = (&set.strategies[a], &set.strategies[b]);
                let Some((value, seeds)) = jaccard(set, a, b, which) else { continue };
                let names = [&set.name, which.name(), &a.name, &b.name].map(str::to_owned);
                let numbers = [seeds.to_string(), number(Some(value))];
                rows.push(names.into_iter().chain(numbers).collect());
            }
        }
    }
    rows
}

/// Lists mean areas and their ranks, for tests over data sets.
fn rank_rows(view: &View<'_>) -> Rows {
    let mut rows = head(&["data", "metric", "strategy", "mean_area", "rank"]);
    let (names, blocks) = set_blocks(view);
    for (set, block) in view.sets.iter().zip(&blocks) {
        for ((name, area), rank) in names.iter().zip(block).zip(ranks(block)) {
            let texts = [&set.name, view.metric.name(), name].map(str::to_owned);
            rows.push(texts.into_iter().chain([number(Some(*area)), rank.to_string()]).collect());
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_numbers_stay_numbers() {
        let check = |cell: &str, expected: &str| {
            let line = to_csv(&vec![vec![cell.to_owned(), "x".to_owned()]]).unwrap();
            assert_eq!(line, format!("{expected},x\n"), "for {cell:?}");
        };
        check("-0.25", "-0.25");
        check("+1e-9", "+1e-9");
        check("alps", "alps");
        check("=1+1", "'=1+1");
        check("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0");
        check("@SUM(A1)", "'@SUM(A1)");
        check(" =1", "' =1");
        check("＝1", "'＝1");
        check("\t=1", "'\\t=1");
        check("a\x1b[31m\nb", "a\\u{1b}[31m\\nb");
        check("=a,\"b\"", "\"'=a,\"\"b\"\"\"");
    }
}

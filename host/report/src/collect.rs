//! Reads folders into data sets x strategies x seeds, and what stands beside them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alhost_record::{Kind, Records, RoundRecord, RunManifest, ShadowRecord, Stop};
use serde_json::Value;

use super::caveats;
use super::error::ReportError;
use super::metric::Metric;

/// Runs that are compared: on the same data, with the same config but for the budget.
#[derive(Clone, Debug)]
pub struct DataSet {
    pub name: String,
    pub strategies: Vec<Strategy>,
    /// Labeled texts at which all runs were evaluated, ascending.
    pub labeled: Vec<usize>,
    /// Rounds of runs that were trained on the whole pool, for the full-data score.
    pub full: Vec<RoundRecord>,
    /// Trainings with several seeds on what one run has labeled, for the noise of training.
    pub retrained: Vec<Strategy>,
    /// TF-IDF and a linear SVM on the labels of runs, by the strategy that chose them, or on the whole pool.
    pub references: Vec<Strategy>,
    /// Notes that a reader has to know before comparing.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Strategy {
    pub name: String,
    /// Runs in the order of their seeds.
    pub runs: Vec<Run>,
}

#[derive(Clone, Debug)]
pub struct Run {
    pub path: PathBuf,
    pub records: Records,
    /// Answers of strategies that only watched, if there were any.
    pub shadows: Vec<ShadowRecord>,
}

/// All that was found.
#[derive(Clone, Debug)]
pub struct Collected {
    pub sets: Vec<DataSet>,
    /// Notes about single runs, those that are not in `sets` among them.
    pub notes: Vec<String>,
}

impl Run {
    pub fn seed(&self) -> u64 {
        self.records.manifest.seed
    }

    /// The round that was trained on so many texts.
    pub fn at(&self, labeled: usize) -> Option<&RoundRecord> {
        self.records.rounds.iter().find(|round| round.labeled == labeled)
    }
}

impl DataSet {
    /// Rounds of a run up to the last common number of labeled texts.
    pub(super) fn rounds<'a>(
        &self,
        run: &'a Run,
    ) -> impl Iterator<Item = &'a RoundRecord> + use<'a> {
        let last = self.labeled.last().copied().unwrap_or(0);
        run.records.rounds.iter().filter(move |round| round.labeled <= last)
    }

    /// The scores of a run at `labeled`; `None` where the metric is absent.
    pub(super) fn scores(&self, run: &Run, metric: Metric) -> Option<Vec<f64>> {
        self.labeled.iter().map(|&labeled| metric.of(run.at(labeled)?)).collect()
    }

    pub(super) fn manifest(&self) -> &RunManifest {
        &self.strategies[0].runs[0].records.manifest
    }
}

/// Reads every run below `paths`. `upto` cuts curves at so many labeled texts.
pub fn collect(paths: &[PathBuf], upto: Option<usize>) -> Result<Collected, ReportError> {
    let mut notes = Vec::new();
    let runs = read(paths, &mut notes)?;
    let n = runs.len();
    let (finished, unfinished): (Vec<Run>, Vec<Run>) =
        runs.into_iter().partition(|run| run.records.is_finished());
    for run in unfinished {
        let rounds = run.records.rounds.len();
        notes.push(format!("{} is not finished ({rounds} rounds) and left out.", label(&run)));
    }
    let finished = scored(finished, paths, &mut notes)?;
    notes.extend(caveats::failed_cells(paths));
    if finished.is_empty() {
        return Err(ReportError::NoneFinished { n, paths: paths.to_vec() });
    }
    let (references, finished) = apart(finished, Kind::Reference);
    let (retrained, finished) = apart(finished, Kind::LabelsOf);
    let (full, finished) = apart(finished, Kind::FullData);
    let mut sets = group(finished)?;
    if sets.is_empty() {
        return Err(ReportError::NoneFinished { n, paths: paths.to_vec() });
    }
    for run in &retrained {
        let same = model_and_data(&run.records.manifest);
        if sets.iter().all(|set| model_and_data(set.manifest()) != same) {
            notes.push(format!(
                "{} is a training on a run's labels with a model of which no run is here; it is left out.",
                label(run)
            ));
        }
    }
    for set in &mut sets {
        set.retrained = alike(set, &retrained, model_and_data)?;
        set.references = alike(set, &references, data_and_evaluation)?;
        set.full = full_data(set, &full);
        same_budget(set, upto)?;
        set.labeled = common_points(set, upto);
        set.notes = caveats::of(set);
    }
    Ok(Collected { sets, notes })
}

/// Takes the runs of one kind apart from the others.
fn apart(runs: Vec<Run>, kind: Kind) -> (Vec<Run>, Vec<Run>) {
    runs.into_iter().partition(|run| run.records.manifest.kind() == kind)
}

fn read(paths: &[PathBuf], notes: &mut Vec<String>) -> Result<Vec<Run>, ReportError> {
    // A run that is below two of the paths is one run.
    let mut places: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for path in paths {
        for run in alhost_record::find(path)? {
            places.entry(fs_err::canonicalize(&run)?).or_insert(run);
        }
    }
    if places.is_empty() {
        return Err(ReportError::NoRuns { paths: paths.to_vec() });
    }
    let mut runs = Vec::new();
    for path in places.into_values() {
        let records = alhost_record::read(&path)?;
        let shadows = alhost_record::read_shadows(&path)?;
        let run = Run { path, records, shadows };
        if run.records.is_torn {
            notes.push(format!(
                "{}: a kill left the last line of a record unfinished; it does not count.",
                label(&run)
            ));
        }
        runs.push(run);
    }
    Ok(runs)
}

/// Leaves out runs that had no test split.
fn scored(
    finished: Vec<Run>,
    paths: &[PathBuf],
    notes: &mut Vec<String>,
) -> Result<Vec<Run>, ReportError> {
    let has_scores = |run: &Run| run.records.rounds.iter().all(|round| round.metrics.is_some());
    let (scored, unscored): (Vec<Run>, Vec<Run>) = finished.into_iter().partition(has_scores);
    if scored.is_empty() && !unscored.is_empty() {
        return Err(ReportError::NoScores { paths: paths.to_vec() });
    }
    let without = unscored.iter();
    notes.extend(without.map(|run| format!("{} has no scores: it had no test split.", label(run))));
    Ok(scored)
}

fn label(run: &Run) -> String {
    run.path.display().to_string()
}

/// Returns the config without what may differ between runs that are compared, or that is a message
/// of its own.
fn setting(manifest: &RunManifest) -> Value {
    let mut config = manifest.config.clone();
    if let Some(section) = config.get_mut("loop").and_then(Value::as_object_mut) {
        section.remove("budget");
    }
    config
}

fn group(runs: Vec<Run>) -> Result<Vec<DataSet>, ReportError> {
    let mut groups: Vec<(String, Value, Vec<Run>)> = Vec::new();
    for run in runs {
        let (hash, setting) =
            (run.records.manifest.data_hash.clone(), setting(&run.records.manifest));
        match groups.iter_mut().find(|group| group.0 == hash && group.1 == setting) {
            Some(group) => group.2.push(run),
            None => groups.push((hash, setting, vec![run])),
        }
    }
    let mut sets = Vec::new();
    for (_, _, runs) in groups {
        let name = name(&runs);
        let strategies = strategies(&name, runs)?;
        let (labeled, full, retrained, references, notes) = Default::default();
        sets.push(DataSet { name, strategies, labeled, full, retrained, references, notes });
    }
    tell_apart(&mut sets);
    Ok(sets)
}

/// Returns the names of the runs' configs.
fn name(runs: &[Run]) -> String {
    let mut names: Vec<String> =
        runs.iter().map(|run| run_name(&run.path, &run.records.manifest)).collect();
    names.sort();
    names.dedup();
    names.join(" + ")
}

/// Returns the name of a run's config. Records of alhost 0.1 have it only as the folder above the
/// strategy's.
pub(super) fn run_name(path: &Path, manifest: &RunManifest) -> String {
    let folder = || {
        let path = path.canonicalize().ok()?;
        Some(path.parent()?.parent()?.file_name()?.to_string_lossy().into_owned())
    };
    manifest.name.clone().or_else(folder).unwrap_or_default()
}

/// Adds to the names of sets of one name what differs: the data, or the config.
fn tell_apart(sets: &mut [DataSet]) {
    let all: Vec<(String, String, String)> = sets
        .iter()
        .map(|set| {
            let manifest = set.manifest();
            (set.name.clone(), manifest.data_hash.clone(), manifest.config_hash.clone())
        })
        .collect();
    for (at, set) in sets.iter_mut().enumerate() {
        let (name, data, config) = &all[at];
        let mut same = all.iter().enumerate().filter(|(other, it)| *other != at && it.0 == *name);
        let Some((_, (_, other_data, _))) = same.next() else { continue };
        let (what, hash) = if other_data == data { ("config", config) } else { ("data", data) };
        set.name = format!("{name} ({what} {})", &hash[..hash.len().min(8)]);
    }
}

fn strategies(data: &str, runs: Vec<Run>) -> Result<Vec<Strategy>, ReportError> {
    let mut by_name: BTreeMap<String, BTreeMap<u64, Run>> = BTreeMap::new();
    for run in runs {
        let manifest = &run.records.manifest;
        let (strategy, seed) = (manifest.strategy.clone(), manifest.seed);
        let seeds = by_name.entry(strategy.clone()).or_default();
        if let Some(first) = seeds.get(&seed) {
            let (first, second) = (first.path.clone(), run.path);
            return Err(ReportError::Twice {
                data: data.to_owned(),
                strategy,
                seed,
                first,
                second,
            });
        }
        seeds.insert(seed, run);
    }
    let strategies = by_name.into_iter();
    Ok(strategies
        .map(|(name, runs)| Strategy { name, runs: runs.into_values().collect() })
        .collect())
}

/// Returns what a classifier depends on beside its labels.
fn model_and_data(manifest: &RunManifest) -> (String, Value) {
    let mut config = manifest.config.clone();
    if let Some(config) = config.as_object_mut() {
        config.remove("loop");
    }
    (manifest.data_hash.clone(), config)
}

/// Returns what makes scores of other classifiers comparable.
fn data_and_evaluation(manifest: &RunManifest) -> (String, Value) {
    (manifest.data_hash.clone(), manifest.config["evaluation"].clone())
}

/// Returns those of `runs` that agree with the set in `what`, by name.
fn alike(
    set: &DataSet,
    runs: &[Run],
    what: fn(&RunManifest) -> (String, Value),
) -> Result<Vec<Strategy>, ReportError> {
    let wanted = what(set.manifest());
    let same = runs.iter().filter(|run| what(&run.records.manifest) == wanted);
    strategies(&set.name, same.cloned().collect())
}

/// Last rounds that were trained on everything, of the same model and data.
fn full_data(set: &DataSet, references: &[Run]) -> Vec<RoundRecord> {
    let wanted = model_and_data(set.manifest());
    let same = references.iter().filter(|run| model_and_data(&run.records.manifest) == wanted);
    let runs = same.chain(set.strategies.iter().flat_map(|strategy| &strategy.runs));
    let last = runs.filter_map(|run| run.records.rounds.last());
    last.filter(|round| round.stop == Some(Stop::PoolEmpty)).cloned().collect()
}

fn same_budget(set: &DataSet, upto: Option<usize>) -> Result<(), ReportError> {
    let budget = |run: &Run| run.records.manifest.config["loop"]["budget"].as_u64().unwrap_or(0);
    let runs = || set.strategies.iter().flat_map(|strategy| &strategy.runs);
    let smallest = runs().map(budget).min().unwrap_or(0);
    let fits = upto.is_some_and(|upto| upto as u64 <= smallest);
    if fits || runs().all(|run| budget(run) == smallest) {
        return Ok(());
    }
    let of_strategy = |strategy: &Strategy| {
        let mut budgets: Vec<u64> = strategy.runs.iter().map(budget).collect();
        budgets.sort_unstable();
        budgets.dedup();
        let budgets: Vec<String> = budgets.iter().map(u64::to_string).collect();
        format!("{}: {}", strategy.name, budgets.join(", "))
    };
    Err(ReportError::UnequalBudgets {
        data: set.name.clone(),
        budgets: set.strategies.iter().map(of_strategy).collect(),
        smallest: smallest as usize,
    })
}

/// Labeled counts that every run has.
fn common_points(set: &DataSet, upto: Option<usize>) -> Vec<usize> {
    let runs: Vec<&Run> = set.strategies.iter().flat_map(|strategy| &strategy.runs).collect();
    let first = runs[0].records.rounds.iter().map(|round| round.labeled);
    let kept = first.filter(|&labeled| upto.is_none_or(|upto| labeled <= upto));
    kept.filter(|&labeled| runs.iter().all(|run| run.at(labeled).is_some())).collect()
}

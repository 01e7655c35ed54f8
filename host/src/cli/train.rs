//! `alhost train`: classifiers from all labels of train, to compare heads and to predict with; or from
//! the labels that a run has paid for, once as it was or with many seeds.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, bail, ensure};
use comfy_table::Table;

use super::progress::Bars;
use super::run::cancel_on_interrupt;
use super::tables::{align, new_table};
use super::terminal::say;
use super::{TrainArgs, environment};
use crate::config::{Overrides, RunConfig};
use crate::experiment::{Experiment, Watch};
use crate::full_data;
use crate::record::{self, REFERENCE, Records, RoundRecord, RunDir, place};
use crate::retraining;
use crate::saved_classifier::FOLDER;
use crate::seed::RunSeed;
use crate::statistics::{student_t, summary};
use crate::tfidf;

/// A training that is done.
struct Done {
    head: &'static str,
    path: PathBuf,
    round: RoundRecord,
}

pub(super) fn train(args: &TrainArgs, bars: &Bars) -> anyhow::Result<ExitCode> {
    let run = match &args.labels_of {
        Some(run) if args.seed.is_empty() && !args.head.iter().any(|head| head == REFERENCE) => {
            ensure!(
                args.out.is_none(),
                "`--out` with `--labels-of` needs `--seed`: without, the classifier goes into the run's \
                 folder\nhint: give `--seed 1`, or leave `--out` out"
            );
            return as_run(args, run, bars);
        }
        Some(run) => Some((record::read(run)?, run.as_path())),
        None => None,
    };
    // Each is checked before the first is trained.
    let heads = args.head.iter().map(|head| Some(head.as_str())).collect::<Vec<_>>();
    let heads = if heads.is_empty() { vec![None] } else { heads };
    let configs: anyhow::Result<Vec<(bool, RunConfig)>> =
        heads.into_iter().map(|head| Ok((head == Some(REFERENCE), config(args, head)?))).collect();
    let watch = Watch { progress: bars, cancelled: cancel_on_interrupt() };
    let mut done = Vec::new();
    for (is_reference, config) in configs? {
        let cache = environment::cache(&config)?;
        let mut experiment = Experiment::open(config, &environment::places(), &cache, bars)?;
        if is_reference {
            done.push(reference(&experiment, run.as_ref(), watch)?);
            continue;
        }
        for seed in experiment.config.seeds.clone() {
            done.push(one(&mut experiment, run.as_ref(), RunSeed(seed), watch)?);
            if watch.cancelled.load(Ordering::Relaxed) {
                bail!("stopped after seed {seed}\nhint: the same command goes on from here");
            }
        }
    }
    print(&done);
    Ok(ExitCode::SUCCESS)
}

/// On all labels of train, or on those of a run.
fn one(
    experiment: &mut Experiment,
    run: Option<&(Records, &Path)>,
    seed: RunSeed,
    watch: Watch<'_>,
) -> anyhow::Result<Done> {
    let manifest = match run {
        Some((records, _)) => retraining::manifest(experiment, records, seed),
        None => full_data::manifest(experiment, seed),
    };
    let instance = manifest.strategy.clone();
    let config = &experiment.config;
    let path = place(&config.out, &config.name, &instance, seed.0);
    let opened = RunDir::open(&path, &manifest)?;
    if opened.1.is_finished() {
        tracing::info!("{instance}, seed {}: finished before, nothing to do", seed.0);
    }
    let round = match run {
        Some((records, folder)) => {
            retraining::train(experiment, (records, folder), seed, opened, watch)?
        }
        None => full_data::train(experiment, seed, opened, watch)?,
    };
    tell(&instance, seed.0, &round);
    Ok(Done { head: experiment.config.model.head.name(), path, round })
}

/// Without an encoder; it has no seed, but those of the run whose labels it takes.
fn reference(
    experiment: &Experiment,
    run: Option<&(Records, &Path)>,
    watch: Watch<'_>,
) -> anyhow::Result<Done> {
    let seed = RunSeed(run.map_or(experiment.config.seeds[0], |(run, _)| run.manifest.seed));
    let manifest = tfidf::manifest(experiment, run.map(|(run, _)| run), seed);
    let instance = manifest.strategy.clone();
    let config = &experiment.config;
    let path = place(&config.out, &config.name, &instance, seed.0);
    let opened = RunDir::open(&path, &manifest)?;
    let run = run.map(|(run, folder)| (run, *folder));
    let rounds = tfidf::train(experiment, run, opened, watch)?;
    let round = rounds.last().cloned().context("there is no round to train on")?;
    tell(&instance, seed.0, &round);
    Ok(Done { head: REFERENCE, path, round })
}

fn config(args: &TrainArgs, head: Option<&str>) -> anyhow::Result<RunConfig> {
    let head = head.filter(|head| *head != REFERENCE);
    let set = head.map(|head| ("--head".to_owned(), format!("model.head={head}")));
    let overrides = Overrides {
        seeds: args.seed.clone(),
        device: args.device.clone(),
        out: args.out.clone(),
        given: set.into_iter().collect(),
        ..Overrides::default()
    };
    Ok(args.config.read(overrides)?.check(&environment::lookup)?)
}

fn as_run(args: &TrainArgs, run: &Path, bars: &Bars) -> anyhow::Result<ExitCode> {
    let records = record::read(run)?;
    let config = config(args, args.head.first().map(String::as_str))?;
    let same = config.hash() == records.manifest.config_hash;
    let cache = environment::cache(&config)?;
    let watch = Watch { progress: bars, cancelled: cancel_on_interrupt() };
    let mut experiment = Experiment::open(config, &environment::places(), &cache, bars)?;
    let round = full_data::train_as_run(&mut experiment, &records, run, watch)?;
    let head = experiment.config.model.head.name();
    let path = run.to_owned();
    let recorded = records.rounds.last().filter(|_| same);
    print(&[Done { head, path, round: round.clone() }]);
    if let Some(recorded) = recorded {
        let same = recorded.metrics == round.metrics;
        let what = if same { "the same scores as" } else { "other scores than" };
        say!("{what} the run's last round, {:.3} micro-F1", recorded.metrics.micro_f1);
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(instance: &str, seed: u64, round: &RoundRecord) {
    tracing::info!(
        "{instance}, seed {seed}: {} texts, {} epochs, micro-F1 {:.3}, {:.0} s",
        round.labeled,
        round.epochs,
        round.metrics.micro_f1,
        round.cost.seconds.total()
    );
}

/// The metrics that are shown and compared, as the paper's Table 2 and beyond it.
type Shown = (&'static str, fn(&RoundRecord) -> Option<f64>);
const SHOWN: [Shown; 6] = [
    ("micro-F1", |round| Some(round.headline().micro_f1)),
    ("at micro-\noptimal", |round| round.metrics_at_micro.map(|metrics| metrics.micro_f1)),
    ("macro-F1\n(paper)", |round| Some(round.headline().macro_f1_paper)),
    ("macro-F1\n(sklearn)", |round| Some(round.headline().macro_f1)),
    ("P@1", |round| Some(round.ranking.p_at_1)),
    ("nDCG@5", |round| round.ranking.ndcg_at_5),
];

fn print(done: &[Done]) {
    say!("\ntest scores, mean ± standard deviation over seeds");
    say!("{}", scores(done));
    let heads = heads(done);
    if heads.len() == 2 {
        match tests(done, [heads[0], heads[1]]) {
            Some(table) => say!(
                "\n{} against {}: difference of means, p of an unpaired t-test over seeds, as the \
                 paper's Table 2\n{table}",
                heads[1],
                heads[0]
            ),
            None => say!("one seed each: no test can be made (--seed 1 --seed 2 --seed 3)"),
        }
    }
    for one in done {
        let folder = one.path.join(FOLDER);
        if folder.exists() {
            say!("classifier: {}", folder.display());
        } else {
            say!("records: {}", one.path.display());
        }
    }
}

/// Each once, as they come.
fn heads(done: &[Done]) -> Vec<&'static str> {
    let mut heads: Vec<&'static str> = Vec::new();
    for one in done {
        if !heads.contains(&one.head) {
            heads.push(one.head);
        }
    }
    heads
}

fn values(done: &[Done], head: &str, of: fn(&RoundRecord) -> Option<f64>) -> Vec<f64> {
    done.iter().filter(|one| one.head == head).filter_map(|one| of(&one.round)).collect()
}

/// A row for each head.
fn scores(done: &[Done]) -> Table {
    let mut table = new_table();
    let names = SHOWN.iter().map(|shown| shown.0);
    let ends = ["best\nepoch", "train\ns", "all\ns"];
    table.set_header(["head", "seeds", "texts"].into_iter().chain(names).chain(ends));
    for head in heads(done) {
        let of_head: Vec<&Done> = done.iter().filter(|one| one.head == head).collect();
        let first = &of_head[0].round;
        let mut row = vec![head.to_owned(), of_head.len().to_string(), first.labeled.to_string()];
        row.extend(SHOWN.iter().map(|shown| spread(&values(done, head, shown.1))));
        let mean = |of: &dyn Fn(&RoundRecord) -> f64| {
            of_head.iter().map(|one| of(&one.round)).sum::<f64>() / of_head.len() as f64
        };
        let epochs = of_head.iter().filter_map(|one| one.round.best_epoch);
        let epochs: Vec<String> = epochs.map(|epoch| epoch.to_string()).collect();
        row.push(if epochs.is_empty() { "last".to_owned() } else { epochs.join(", ") });
        row.push(format!("{:.0}", mean(&|round| round.cost.seconds.train)));
        row.push(format!("{:.0}", mean(&|round| round.cost.seconds.total())));
        table.add_row(row);
    }
    align(&mut table);
    table
}

fn spread(values: &[f64]) -> String {
    match summary(values) {
        None => "-".to_owned(),
        Some(summary) => match summary.spread {
            None => format!("{:.3}", summary.mean),
            Some(spread) => format!("{:.3} ± {:.3}", summary.mean, spread.sd),
        },
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The second head against the first; `None` where there are too few seeds.
fn tests(done: &[Done], [first, second]: [&str; 2]) -> Option<Table> {
    let mut table = new_table();
    table.set_header(["metric", "difference", "t", "p", "p < .05"]);
    let mut any = false;
    for (name, of) in SHOWN {
        let (a, b) = (values(done, first, of), values(done, second, of));
        let Some(test) = student_t(&b, &a) else { continue };
        any = true;
        table.add_row([
            name.replace("-\n", "-").replace('\n', " "),
            format!("{:+.3}", mean(&b) - mean(&a)),
            format!("{:.2}", test.t),
            if test.p < 1e-4 { "< .0001".to_owned() } else { format!("{:.4}", test.p) },
            if test.p < 0.05 { "yes" } else { "no" }.to_owned(),
        ]);
    }
    align(&mut table);
    any.then_some(table)
}

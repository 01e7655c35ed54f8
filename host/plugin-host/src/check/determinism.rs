//! Cases about determinism: same in, same out, and nothing else comes in.

use std::collections::BTreeMap;
use std::time::Duration;

use super::hosts::Experiment;
use super::library::differs;
use super::probe::{Probe, answer, cannot};
use super::subject::Subject;
use super::verdict::{Checked, Problem, demand};

const ROUNDS: usize = 2;

pub(super) fn same_seed(subject: &Subject) -> Checked {
    let with_threads = |threads| {
        let names = ["RAYON_NUM_THREADS", "OMP_NUM_THREADS"];
        surrounded(subject, &names.map(|name| (name, threads)))
    };
    let (first, second) = (with_threads("1")?, with_threads("4")?);
    demand(first == second, || differs("in a second process, with 4 threads", &first, &second))
}

/// Returns what is selected in a process with these variables.
fn surrounded(
    subject: &Subject,
    variables: &[(&'static str, &'static str)],
) -> Result<Vec<Vec<u32>>, Problem> {
    let folder = tempfile::tempdir().map_err(cannot)?;
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    let probe = Probe::new(subject.seed, ROUNDS);
    Ok(answer(probe.left_behind(subject, folder.path(), &variables)?)?.done)
}

pub(super) fn no_ambient(subject: &Subject) -> Checked {
    let before = surrounded(subject, &[])?;
    // Another second of the clock, for strategies that look at it.
    std::thread::sleep(Duration::from_millis(1100));
    let other = [
        ("HOME", "/nonexistent"),
        ("LANG", "tr_TR.UTF-8"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("TMPDIR", "/tmp"),
        ("TZ", "Pacific/Kiritimati"),
        ("USER", "nobody"),
        ("RUST_BACKTRACE", "1"),
        ("RUST_LOG", "trace"),
    ];
    let after = surrounded(subject, &other)?;
    demand(before == after, || {
        differs("a second later, with another home, locale, zone and user", &before, &after)
    })
}

pub(super) fn other_seed(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let mut answers = Vec::new();
    for seed in 0..8 {
        let mut experiment = Experiment::new(subject.seed + seed);
        let mut instance = subject.instance(&library)?;
        experiment.step(&mut instance).map_err(|error| Problem::Fail(error.to_string()))?;
        answers.push(experiment.done);
    }
    let is_moved = answers.iter().any(|answer| *answer != answers[0]);
    let stochastic = library.manifest.stochastic;
    demand(is_moved == stochastic, || {
        let how = if stochastic { "the same answer" } else { "different answers" };
        format!("8 seeds give {how}, but the manifest says `stochastic = {stochastic}`")
    })
}

pub(super) fn instances(subject: &Subject) -> Checked {
    let seeds = [subject.seed, subject.seed + 1];
    let mut apart = Vec::new();
    for seed in seeds {
        apart.push(Probe::new(seed, ROUNDS).apart(subject)?.done);
    }
    let library = subject.library()?;
    let mut running = Vec::new();
    for seed in seeds {
        running.push((Experiment::new(seed), subject.instance(&library)?));
    }
    for _ in 0..ROUNDS {
        for (experiment, instance) in &mut running {
            experiment.step(instance).map_err(|error| Problem::Fail(error.to_string()))?;
        }
    }
    for ((experiment, _), apart) in running.iter().zip(&apart) {
        let when = "in turns with another instance";
        demand(experiment.done == *apart, || differs(when, apart, &experiment.done))?;
    }
    Ok(())
}

//! Cases about behaviour under fire: hosts in trouble, panics, threads, output.

use std::collections::BTreeMap;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use alhost_plugin_api::ErrorKind;

use super::contract::{breaches, sound};
use super::hosts::{self, Experiment};
use super::inputs::bears;
use super::library::differs;
use super::probe::{Probe, answer, cannot};
use super::subject::{Instance, Subject, is_panic};
use super::verdict::{Checked, Problem, demand};

pub(super) fn hang(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let mut instance = subject.instance(&library)?;
    // What it answers is for the cases of `select` to judge: it came back.
    let _either = instance.select(&hosts::ordinary(subject.seed), 10);
    Ok(())
}

pub(super) fn panic_guard(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let mut instance = subject.instance(&library)?;
    let Err(error) = instance.select(&hosts::ordinary(subject.seed).short(), 10) else {
        let why = "it reads nothing of the host, so that no panic can be forced";
        return Err(Problem::Skip(why.to_owned()));
    };
    if !is_panic(&error) {
        // It looks at what it is lent before it reads it: an error, as it should be.
        return sound(&mut instance, &hosts::ordinary(subject.seed), 10, "after an error")
            .map(drop);
    }
    let message = error.message();
    demand(message.contains("panicked at ") && message.contains(".rs:"), || {
        format!("the error does not say where: {message}")
    })?;
    match instance.select(&hosts::ordinary(subject.seed), 10) {
        Err(again) if is_panic(&again) => Ok(()),
        _ => Err(Problem::Fail("it was called again after a panic".to_owned())),
    }
}

/// How long a strategy may take to hear that the user wants to stop.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn cancel(subject: &Subject) -> Checked {
    let library = subject.library()?;
    for calls in [0, 1, 3] {
        let mut instance = subject.instance(&library)?;
        let host = hosts::ordinary(subject.seed).cancelled_after(calls);
        let when = format!("cancelled after it asked {calls} times");
        let started = Instant::now();
        let answer = instance.select(&host, 10);
        let took = started.elapsed();
        demand(took <= PATIENCE, || format!("{when}, it went on for {:.1} s", took.as_secs_f64()))?;
        match answer {
            // It was done before it would have asked.
            Ok(selection) => {
                let broken = breaches(&selection, &host, 10).into_iter().next();
                demand(broken.is_none(), || format!("{when}, it gave a bad answer: {broken:?}"))?;
            }
            Err(error) => demand(error.kind() == ErrorKind::Cancelled, || {
                format!("{when}, it says `{error}` instead of `Error::cancelled()`")
            })?,
        }
        let after = format!("a query after one that was {when}");
        sound(&mut instance, &hosts::ordinary(subject.seed), 10, &after)?;
    }
    Ok(())
}

/// Most requests that are made to fail, one after the other.
const REQUESTS: usize = 12;

pub(super) fn service_error(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let host = hosts::ordinary(subject.seed);
    sound(&mut subject.instance(&library)?, &host, 10, "an ordinary query")?;
    let n_requests = host.requests().len();
    if n_requests == 0 {
        return Err(Problem::Skip("it asks the host for nothing".to_owned()));
    }
    for request in 0..n_requests.min(REQUESTS) {
        let host = hosts::ordinary(subject.seed).failing_at(request);
        bears(subject, &host, &format!("its request number {request} failed"))?;
    }
    Ok(())
}

pub(super) fn service_missing(subject: &Subject) -> Checked {
    let needs = subject.library()?.manifest.needs;
    if needs.is_empty() {
        return Err(Problem::Skip("it needs nothing of the host".to_owned()));
    }
    for need in needs {
        let host = hosts::ordinary(subject.seed).without(&need);
        bears(subject, &host, &format!("there was no `{need}`"))?;
    }
    Ok(())
}

const THREADS: u64 = 4;

pub(super) fn threads(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let mut alone = Vec::new();
    for seed in 0..THREADS {
        alone.push(Probe::new(subject.seed + seed, 3).apart(subject)?.done);
    }
    let mut instances = Vec::new();
    for seed in 0..THREADS {
        instances.push((subject.seed + seed, subject.instance(&library)?));
    }
    let run = |seed: u64, mut instance: Instance| {
        let mut experiment = Experiment::new(seed);
        for _ in 0..3 {
            experiment.step(&mut instance)?;
        }
        Ok::<_, alhost_plugin_api::Error>(experiment.done)
    };
    let together = std::thread::scope(|scope| {
        let started: Vec<_> = instances
            .into_iter()
            .map(|(seed, instance)| scope.spawn(move || run(seed, instance)))
            .collect();
        started.into_iter().map(ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    for (alone, together) in alone.iter().zip(together) {
        let when = "in 4 threads, an instance each";
        let together = together
            .map_err(|_| Problem::Fail(format!("{when}: a thread panicked")))?
            .map_err(|error| Problem::Fail(format!("{when}: {error}")))?;
        demand(together == *alone, || differs(when, alone, &together))?;
    }
    Ok(())
}

pub(super) fn stdout(subject: &Subject) -> Checked {
    let folder = tempfile::tempdir().map_err(cannot)?;
    let left = Probe::new(subject.seed, 2).left_behind(subject, folder.path(), &BTreeMap::new())?;
    let shown = |text: &str| text.chars().take(60).collect::<String>();
    let (out, err) = (shown(&left.stdout), shown(&left.stderr));
    answer(left)?;
    demand(out.is_empty(), || {
        format!("it prints {out:?} among the host's results; use `ctx.info`")
    })?;
    if err.is_empty() {
        return Ok(());
    }
    Err(Problem::Warn(format!("it prints {err:?} on standard error; use `ctx.info`")))
}

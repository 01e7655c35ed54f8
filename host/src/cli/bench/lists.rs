//! Cells done by whoever runs lists of commands: a line each for GNU parallel, PBS, LSF or a job of Kubernetes, and a job
//! file for `HyperQueue`.

use std::collections::BTreeMap;
use std::path::Path;

use alhost_base::aside;
use alhost_cluster::{Settings, Word, for_shell};
use alhost_engine::grid::{Batch, BenchFolder, Executor, GridPlan, Handled, Unit, batches};
use anyhow::Context as _;
use serde::Serialize;

use super::args::BenchArgs;
use super::jobs;
use crate::cli::terminal::{Output, say};

pub(super) struct Lists<'a> {
    pub(super) args: &'a BenchArgs,
    pub(super) settings: Settings,
}

/// One command, and the one that has to be done before it.
struct Line {
    words: Vec<String>,
    /// Its number among the lines.
    after: Option<usize>,
}

impl Executor for Lists<'_> {
    fn execute(&mut self, plan: &mut GridPlan, left: &[usize]) -> anyhow::Result<Handled> {
        let lines = self.lines(plan, left)?;
        let here = std::env::current_dir().context("this folder cannot be found")?;
        let here = here.to_str().context("the name of this folder is not UTF-8")?;
        let text = |is_first: bool| -> String {
            let chosen =
                lines.iter().filter(|line| line.words.contains(&BEGIN.to_owned()) == is_first);
            chosen.map(|line| shell_line(here, &line.words)).collect()
        };
        let (first, then) = (text(true), text(false));
        if self.args.dry_run {
            std::io::Write::write_all(&mut Output, [first, then].concat().as_bytes())?;
            return Ok(Handled::GivenAway);
        }
        let inner = BenchFolder::inner(&plan.folder);
        plan.facts.keep(&inner)?;
        let folder = std::path::absolute(inner)?.join("commands");
        fs_err::create_dir_all(&folder)?;
        let put = |name: &str, text: &str| aside::replace(&folder.join(name), text.as_bytes());
        put("first.txt", &first)?;
        put("then.txt", &then)?;
        put("hyperqueue.toml", &self.job_file(plan, here, &lines)?)?;
        tell(&folder, &first, &then);
        Ok(Handled::GivenAway)
    }
}

const BEGIN: &str = "--begin";

impl Lists<'_> {
    fn lines(&self, plan: &GridPlan, left: &[usize]) -> anyhow::Result<Vec<Line>> {
        let mut lines = Vec::new();
        for batch in batches(plan, &left.iter().copied().collect()) {
            let Batch { begin, unit, numbers, .. } = batch;
            let after = match begin {
                Some(cell) => {
                    let words = self.words(plan, Unit::Beginning, cell)?;
                    lines.push(Line { words, after: None });
                    Some(lines.len() - 1)
                }
                None => None,
            };
            for number in numbers {
                lines.push(Line { words: self.words(plan, unit, number)?, after });
            }
        }
        Ok(lines)
    }

    fn words(&self, plan: &GridPlan, unit: Unit, number: u32) -> anyhow::Result<Vec<String>> {
        let words = jobs::command(self.args, plan, unit)?.into_iter().map(|word| match word {
            Word::Text(text) => text,
            Word::Cell => number.to_string(),
        });
        Ok(words.collect())
    }

    /// The lines as a job definition file of `HyperQueue` (its documentation, "Job Definition File").
    fn job_file(&self, plan: &GridPlan, here: &str, lines: &[Line]) -> anyhow::Result<String> {
        let cpus = self.settings.value("cpus-per-task").and_then(|n| n.parse().ok()).unwrap_or(1);
        let gpus = self.settings.value("gres").and_then(gpus);
        let resources: BTreeMap<&'static str, u32> =
            std::iter::once(("cpus", cpus)).chain(gpus.map(|gpus| ("gpus/nvidia", gpus))).collect();
        let threads = ["OMP_NUM_THREADS", "RAYON_NUM_THREADS"];
        let env: BTreeMap<&str, String> = threads.map(|name| (name, cpus.to_string())).into();
        let task = |(id, line): (usize, &Line)| Task {
            id,
            command: line.words.clone(),
            cwd: here.to_owned(),
            deps: line.after.into_iter().collect(),
            env: env.clone(),
            request: vec![Request { resources: resources.clone() }],
        };
        let task = lines.iter().enumerate().map(task).collect();
        Ok(toml::to_string(&JobFile { name: format!("alhost {}", plan.name), task })?)
    }
}

#[derive(Serialize)]
struct JobFile {
    name: String,
    task: Vec<Task>,
}

#[derive(Serialize)]
struct Task {
    id: usize,
    command: Vec<String>,
    cwd: String,
    deps: Vec<usize>,
    env: BTreeMap<&'static str, String>,
    request: Vec<Request>,
}

#[derive(Serialize)]
struct Request {
    resources: BTreeMap<&'static str, u32>,
}

/// Returns the GPUs of `gpu:2` or `gpu:a100:2`, which Slurm counts as one where there is no number.
fn gpus(gres: &str) -> Option<u32> {
    let mut parts = gres.split(':');
    (parts.next() == Some("gpu"))
        .then(|| parts.next_back().and_then(|n| n.parse().ok()).unwrap_or(1))
}

/// A line that does the same wherever a shell reads it.
fn shell_line(here: &str, words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| for_shell(word)).collect();
    format!("cd {} && {}\n", for_shell(here), words.join(" "))
}

fn tell(folder: &Path, first: &str, then: &str) {
    let n = then.lines().count();
    if !first.is_empty() {
        let n_first = first.lines().count();
        say!(
            "{}: {n_first} commands to do first, so that the others find what they share",
            folder.join("first.txt").display()
        );
    }
    say!("{}: {n} commands, in any order and at any time", folder.join("then.txt").display());
    say!("{}: the same for HyperQueue", folder.join("hyperqueue.toml").display());
    say!(
        "a command that was interrupted or failed can be given again; `--status` says how it stands"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_counted_as_slurm_does() {
        for (gres, expected) in [
            ("gpu", Some(1)),
            ("gpu:2", Some(2)),
            ("gpu:a100", Some(1)),
            ("gpu:a100:4", Some(4)),
            ("license:2", None),
        ] {
            assert_eq!(gpus(gres), expected, "{gres}");
        }
    }

    #[test]
    fn a_line_means_the_same_to_a_shell_whatever_is_in_it() {
        let words = ["alhost", "it's \"50%\" $HOME"].map(str::to_owned);
        let line = shell_line("/tmp", &words);
        let echo = line.replace("alhost", "printf '%s|'");
        let output = std::process::Command::new("sh").args(["-c", &echo]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "it's \"50%\" $HOME|");
    }
}

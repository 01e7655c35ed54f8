//! `alhost plugin check`: whether a plugin keeps what the host relies on, case by case, each in a
//! process of its own. The list with its meanings is in docs/plugin-check.md.

mod cases;
mod contract;
mod determinism;
mod fuzz;
mod harness;
mod hosts;
mod inputs;
mod job;
mod library;
mod params;
mod probe;
mod process;
mod reach;
mod run_cases;
mod select;
mod state;
mod subject;
mod tools;
mod verdict;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use alhost_base::near::nearest;
use serde_json::{Map, Value};
use thiserror::Error;

pub use cases::{CASES, Case};
pub use harness::{test_main, test_main_with};
pub use verdict::{Status, Verdict};

pub(crate) use job::case_program;

use cases::Stage;
use job::{Job, Task};
use process::{End, Left};
use subject::Subject;
use verdict::Told;

use crate::error::PluginError;
use crate::resolve::{SearchPath, resolve};

/// Strictness of `alhost plugin check` unless told otherwise.
pub const STRICTNESS: u8 = 5;
/// Longest time that a case may take, unless it is known to take longer.
pub const DEADLINE: Duration = Duration::from_secs(45);
/// Texts of the pool in `select.huge`.
pub const HUGE: usize = 1_000_000;

/// Says what to check, and how.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    pub plugin: PathBuf,
    /// Parameters that are set in all cases, and not moved by those about parameters.
    pub params: Map<String, Value>,
    /// Ids of cases, or their groups; empty for all up to `strictness`.
    pub only: Vec<String>,
    pub strictness: u8,
    pub seed: u64,
    /// Deadline for one case; a case that is known to take longer gets longer.
    pub deadline: Duration,
    /// Texts of the pool in `select.huge`.
    pub huge: usize,
    /// The program that runs a case when its first argument is `case`: `alhost-worker`.
    pub runner: PathBuf,
}

/// Why there are no verdicts.
#[derive(Debug, Error)]
pub enum CheckError {
    #[error("there is no case `{id}`{}\nhint: docs/plugin-check.md lists them", near.as_deref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    NoSuchCase { id: String, near: Option<String> },
    #[error("no plugin at {}: {error}", path.display())]
    Missing { path: PathBuf, error: std::io::Error },
    #[error("cannot start {}, which runs the cases: {error}\nhint: it is built and installed together with `alhost`", path.display())]
    Runner { path: PathBuf, error: std::io::Error },
}

impl CheckOptions {
    pub fn new(plugin: PathBuf, runner: PathBuf) -> Self {
        let (params, only) = (Map::new(), Vec::new());
        let (strictness, seed, deadline, huge) = (STRICTNESS, 0, DEADLINE, HUGE);
        Self { plugin, params, only, strictness, seed, deadline, huge, runner }
    }

    /// The cases that are asked for, in the order in which they are told.
    pub fn chosen(&self) -> Result<Vec<&'static Case>, CheckError> {
        for id in &self.only {
            if !CASES.iter().any(|case| case.is_called(id)) {
                let near = nearest(id, CASES.iter().map(|case| case.id), 0.0);
                let near = near.map(str::to_owned);
                return Err(CheckError::NoSuchCase { id: id.clone(), near });
            }
        }
        let is_chosen = |case: &&Case| match self.only.as_slice() {
            [] => case.level <= self.strictness,
            only => only.iter().any(|id| case.is_called(id)),
        };
        Ok(CASES.iter().filter(is_chosen).collect())
    }
}

/// The file of a plugin that was named by path or id; whether it is one is for the cases to say.
pub fn find(plugin: &str, search: &SearchPath) -> Result<PathBuf, PluginError> {
    resolve(plugin, search)
}

/// Runs the chosen cases and tells each verdict as it comes. The verdicts are in the order of the
/// list, which is not that of the calls: a case that decides whether others make sense comes first.
pub fn run(
    options: &CheckOptions,
    mut tell: impl FnMut(&Verdict),
) -> Result<Vec<Verdict>, CheckError> {
    let chosen = options.chosen()?;
    let path = fs_err::canonicalize(&options.plugin)
        .map_err(|error| CheckError::Missing { path: options.plugin.clone(), error })?;
    let CheckOptions { params, seed, huge, .. } = options.clone();
    let subject = Subject { path, params, seed, huge };
    let mut verdicts: Vec<Option<Verdict>> = vec![None; chosen.len()];
    // The stage that cannot be reached, and what is in the way.
    let mut closed: Option<(Stage, &str)> = None;
    for i in in_order(&chosen) {
        let case = chosen[i];
        let (verdict, blocks) = match closed {
            Some((stage, gate)) if case.needs >= stage => {
                (case.verdict(Status::Skip, format!("see `{gate}`"), 0.0), false)
            }
            _ => run_case(options, &subject, case)?,
        };
        if let (Some(gate), true, None) = (gate(case), blocks, closed) {
            closed = Some((GATES[gate].1, case.id));
        }
        tell(&verdict);
        verdicts[i] = Some(verdict);
    }
    Ok(verdicts.into_iter().flatten().collect())
}

/// Cases that are run first, in this order, and what cannot be reached where one blocks.
const GATES: [(&str, Stage); 7] = [
    ("lib.manifest-static", Stage::Loaded),
    ("lib.api-version", Stage::Loaded),
    ("lib.load-now", Stage::Loaded),
    ("lib.layout", Stage::Loaded),
    ("params.defaults-valid", Stage::Created),
    ("run.hang", Stage::Answering),
    ("select.count", Stage::Answering),
];

fn gate(case: &Case) -> Option<usize> {
    GATES.iter().position(|gate| gate.0 == case.id)
}

fn in_order(chosen: &[&Case]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..chosen.len()).collect();
    order.sort_by_key(|&i| (gate(chosen[i]).unwrap_or(GATES.len()), i));
    order
}

/// Runs a case; returns the verdict, and whether later cases would only say the same.
fn run_case(
    options: &CheckOptions,
    subject: &Subject,
    case: &'static Case,
) -> Result<(Verdict, bool), CheckError> {
    let task = Task::Case(case.id.to_owned());
    let job = Job { subject: subject.clone(), task, answer: None };
    let deadline = options.deadline.max(Duration::from_secs(case.seconds));
    let started = Instant::now();
    let left = process::run(&options.runner, &job, deadline)
        .map_err(|error| CheckError::Runner { path: options.runner.clone(), error })?;
    let told = told(left, deadline);
    let seconds = started.elapsed().as_secs_f64();
    Ok((case.verdict(told.status, told.detail, seconds), told.blocks))
}

fn told(left: Left, deadline: Duration) -> Told {
    let bad = |status, detail| Told { status, detail, blocks: true };
    match left.end {
        End::Answer(text) => serde_json::from_str(&text)
            .unwrap_or_else(|_| bad(Status::Crash, format!("no verdict, but `{text}`"))),
        End::Hung => {
            let seconds = deadline.as_secs();
            bad(Status::Fail, format!("hang: killed after {seconds} s"))
        }
        End::Died(cause) => {
            let last: Vec<&str> = left.stderr.lines().rev().take(4).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            let said =
                if last.is_empty() { String::new() } else { format!("; {}", last.join(" | ")) };
            bad(Status::Crash, cause + &said)
        }
    }
}

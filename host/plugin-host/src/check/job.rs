//! Tells the process of a case what to do, as its arguments, and does it there.

use std::path::PathBuf;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde::Serialize;
use serde_json::{Map, Value};

use super::cases::{self, Case};
use super::probe::Probe;
use super::subject::Subject;
use super::verdict::Told;

/// Address space that a case may take: a plugin that runs away must not take the machine along.
const MEMORY: u64 = 8 << 30;
/// Bytes of a file that a case may write, its output among them: nor must its disk.
const MAX_FILE: u64 = 256 << 20;

/// One process's work.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) subject: Subject,
    pub(super) task: Task,
    /// File that the answer goes to; absent where a person asks, who gets it on standard error.
    pub(super) answer: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub(super) enum Task {
    /// A case, by its id.
    Case(String),
    Probe(Probe),
}

impl Job {
    /// The arguments that `parse` reads, `case` first.
    pub(super) fn args(&self) -> Vec<String> {
        let Subject { path, params, seed, huge } = &self.subject;
        let (flag, task) = match &self.task {
            Task::Case(id) => ("--id", id.clone()),
            Task::Probe(probe) => ("--probe", json(probe)),
        };
        let params = Value::Object(params.clone()).to_string();
        let mut args = vec!["case".to_owned()];
        let mut push = |name: &str, value: String| args.extend([name.to_owned(), value]);
        push("--plugin", path.display().to_string());
        push(flag, task);
        push("--seed", seed.to_string());
        push("--params", params);
        push("--huge", huge.to_string());
        if let Some(answer) = &self.answer {
            push("--answer", answer.display().to_string());
        }
        args
    }

    /// Reads the arguments after `case`.
    pub(super) fn parse(args: &[&str]) -> Result<Self, String> {
        let (mut path, mut task, mut answer) = (None, None, None);
        let (mut seed, mut huge, mut params) = (0, super::HUGE, Map::new());
        for pair in args.chunks(2) {
            let [name, value] = pair else { return Err(format!("`{}` lacks a value", pair[0])) };
            let bad = |why: &dyn std::fmt::Display| format!("`{name} {value}`: {why}");
            match *name {
                "--plugin" => path = Some(PathBuf::from(value)),
                "--id" => task = Some(Task::Case((*value).to_owned())),
                "--probe" => {
                    task = Some(Task::Probe(serde_json::from_str(value).map_err(|e| bad(&e))?));
                }
                "--seed" => seed = value.parse().map_err(|e| bad(&e))?,
                "--huge" => huge = value.parse().map_err(|e| bad(&e))?,
                "--params" => params = serde_json::from_str(value).map_err(|e| bad(&e))?,
                "--answer" => answer = Some(PathBuf::from(value)),
                _ => return Err(format!("unknown argument `{name}`")),
            }
        }
        let path = path.ok_or("`--plugin` is missing")?;
        let path = std::path::absolute(path).map_err(|e| e.to_string())?;
        let task = task.ok_or("`--id` is missing")?;
        Ok(Self { subject: Subject { path, params, seed, huge }, task, answer })
    }
}

/// The program of the process: `args` is everything after `case`.
pub(crate) fn case_program(args: &[&str]) -> ExitCode {
    match Job::parse(args).and_then(|job| work(&job)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain(&format!("error: {why}"));
            ExitCode::from(2)
        }
    }
}

fn work(job: &Job) -> Result<(), String> {
    // Nobody is left to tell when whoever started this process is gone.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| e.to_string())?;
    // What it starts ends with it, also what leaves its group or loses its parent.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|e| e.to_string())?;
    let answer = match &job.task {
        Task::Case(id) => {
            let case = cases::find(id).ok_or_else(|| format!("there is no case `{id}`"))?;
            limit(case)?;
            json(&Told::from((case.run)(&job.subject)))
        }
        Task::Probe(probe) => json(&probe.run(&job.subject)),
    };
    match &job.answer {
        Some(path) => fs_err::write(path, answer).map_err(|e| e.to_string()),
        None => {
            complain(&answer);
            Ok(())
        }
    }
}

/// Sets only the soft limits: a case that needs more gives it to the programs that it starts.
fn limit(case: &Case) -> Result<(), String> {
    let set = |resource, at: u64| {
        let maximum = getrlimit(resource).maximum;
        let current = maximum.map_or(at, |maximum| maximum.min(at));
        setrlimit(resource, Rlimit { current: Some(current), maximum }).map_err(|e| e.to_string())
    };
    set(Resource::Core, 0)?;
    if case.is_unlimited {
        return Ok(());
    }
    set(Resource::Fsize, MAX_FILE)?;
    set(Resource::As, MEMORY)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data has a JSON form")
}

#[expect(clippy::print_stderr, reason = "a program of its own")]
fn complain(line: &str) {
    eprintln!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_back() {
        let params = serde_json::json!({ "fault": "none" });
        let subject = Subject {
            path: "/a folder/libx.so".into(),
            params: params.as_object().cloned().unwrap(),
            seed: 7,
            huge: 100,
        };
        let task = Task::Case("select.count".to_owned());
        let job = Job { subject, task, answer: Some("/tmp/answer".into()) };
        let args = job.args();
        let args: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
        let again = Job::parse(&args).unwrap();
        assert_eq!(again.args(), job.args());
        let refused = |args: &[&str]| Job::parse(args).unwrap_err();
        assert_eq!(refused(&["--plugin"]), "`--plugin` lacks a value");
        assert_eq!(refused(&["--plugin", "x"]), "`--id` is missing");
        assert_eq!(refused(&["--what", "x"]), "unknown argument `--what`");
        assert!(refused(&["--seed", "x"]).starts_with("`--seed x`: "));
    }
}

//! A query in a process of its own: started, waited for, and stopped when it takes too long.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::cost::Outcome;
use crate::options::Options;
use crate::shelf::Variant;

/// How often a child is looked after.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs this program as the child that measures `variant`.
pub(crate) fn one_of_ours(options: &Options, variant: &Variant, folder: &Path) -> Result<Outcome> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(options.size.arguments()).arg(format!("--n={}", options.n));
    command.arg(format!("--one={}", serde_json::to_string(variant)?));
    command.arg("--folder").arg(folder);
    outcome(&mut command, options.limit)
}

/// Runs a command whose last line is an [`Outcome`] in JSON; it is stopped after `limit` seconds.
pub(crate) fn outcome(command: &mut Command, limit: u64) -> Result<Outcome> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let deadline = Instant::now() + Duration::from_secs(limit);
    loop {
        if let Some(status) = child.try_wait()? {
            return match last_line(&mut child)? {
                Some(outcome) if status.success() => Ok(outcome),
                _ => Ok(Outcome::Failed(format!("it ended early ({status})"))),
            };
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(Outcome::More(format!("{limit} s")));
        }
        std::thread::sleep(PAUSE);
    }
}

fn last_line(child: &mut Child) -> Result<Option<Outcome>> {
    let mut text = String::new();
    let stdout = child.stdout.as_mut().context("the child's output was not caught")?;
    stdout.read_to_string(&mut text)?;
    let last = text.lines().last();
    Ok(last.and_then(|line| serde_json::from_str(line).ok()))
}

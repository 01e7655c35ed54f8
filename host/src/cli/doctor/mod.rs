//! `alhost doctor`: what works on this machine, and what to do where something does not.

mod checks;
mod program;

use std::process::ExitCode;

use serde::Serialize;

use super::terminal::{self, say};
pub(super) use program::version;

/// What was found of one thing.
#[derive(Debug, Serialize)]
struct Found {
    what: &'static str,
    verdict: Verdict,
    /// One line, without a full stop.
    says: String,
    hint: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Works,
    /// Something is slower or missing that most people do not need.
    Note,
    /// Runs will fail.
    Broken,
}

impl Found {
    fn works(what: &'static str, says: String) -> Self {
        Self { what, verdict: Verdict::Works, says, hint: None }
    }

    fn note(what: &'static str, says: String, hint: &str) -> Self {
        Self { what, verdict: Verdict::Note, says, hint: Some(hint.to_owned()) }
    }

    fn broken(what: &'static str, says: String, hint: &str) -> Self {
        Self { what, verdict: Verdict::Broken, says, hint: Some(hint.to_owned()) }
    }
}

/// Looks at everything, and says it. The exit status is 1 where something is broken.
pub(super) fn doctor(as_json: bool) -> anyhow::Result<ExitCode> {
    let found = checks::all();
    if as_json {
        terminal::print_json(&found)?;
    } else {
        found.iter().for_each(tell);
    }
    let n_broken = found.iter().filter(|found| found.verdict == Verdict::Broken).count();
    if n_broken == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    if !as_json {
        say!("{n_broken} of {} things are broken", found.len());
    }
    Ok(ExitCode::from(1))
}

fn tell(found: &Found) {
    let verdict = match found.verdict {
        Verdict::Works => "works",
        Verdict::Note => "note",
        Verdict::Broken => "BROKEN",
    };
    say!("{verdict:<7} {:<11} {}", found.what, found.says);
    if let Some(hint) = &found.hint {
        say!("{:<19} hint: {hint}", "");
    }
}

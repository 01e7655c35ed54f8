//! Strategies of Python libraries on the same arrays, beside ours. `benches/peers/peers.py` runs them, one a
//! process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::child;
use crate::cost::{Cost, Outcome};
use crate::options::Options;
use crate::shelf::Variant;

/// One strategy of another library.
#[derive(Debug, Deserialize)]
pub(crate) struct Peer {
    name: String,
    /// The strategy that it is compared with.
    ours: String,
    /// The part of the pool that it runs on, where it could not on the whole.
    pub(crate) candidates: Option<usize>,
}

/// The strategies of other libraries, where they are set up.
pub(crate) struct Peers {
    python: PathBuf,
    script: PathBuf,
    all: Vec<Peer>,
}

impl Peers {
    /// Those that are compared with the strategy `id`.
    pub(crate) fn of(&self, id: &str) -> impl Iterator<Item = &Peer> {
        self.all.iter().filter(move |peer| peer.ours == id)
    }
}

/// The peers in `target/peers`; none where that is not there, or where they are not wanted.
pub(crate) fn found(options: &Options) -> Result<Peers> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).context("the benchmark lies in no folder")?;
    let python = target.join("peers/bin/python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/peers/peers.py");
    let are_wanted = python.exists() && !options.no_peers;
    let all = if are_wanted { listed(&python, &script)? } else { Vec::new() };
    Ok(Peers { python, script, all })
}

fn listed(python: &Path, script: &Path) -> Result<Vec<Peer>> {
    let output = Command::new(python).arg(script).arg("list").stderr(Stdio::inherit()).output()?;
    ensure!(
        output.status.success(),
        "{} does not run in {}\nhint: `sh benches/peers/setup.sh`",
        script.display(),
        python.display()
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs those that are compared with something that has run, and prints how many times as much each took.
pub(crate) fn compare(
    options: &Options,
    peers: &Peers,
    costs: &[(Variant, Outcome)],
    folder: &Path,
) -> Result<()> {
    if options.no_peers {
        return Ok(());
    }
    if peers.all.is_empty() {
        println!("Python's libraries are not set up, so that there is nothing to compare with");
        println!("hint: `sh benches/peers/setup.sh`");
        return Ok(());
    }
    println!("{}     times as much as ours", Outcome::TITLE);
    for peer in &peers.all {
        let candidates = options.candidates.or(peer.candidates);
        let has_run = |(variant, ours): &&(Variant, Outcome)| {
            let is_its = variant.plugin == peer.ours && variant.params.is_empty();
            is_its && variant.candidates == candidates && !matches!(ours, Outcome::Failed(_))
        };
        if let Some((variant, ours)) = costs.iter().find(has_run) {
            let outcome = run(options, peers, &peer.name, candidates, folder)?;
            let among = candidates.map_or(String::new(), |n| format!(", {n} texts"));
            let row = outcome.row(&format!("{}{among}", peer.name));
            println!("{row}{}", ratios(&outcome, ours, &variant.plugin));
        }
    }
    Ok(())
}

fn run(
    options: &Options,
    peers: &Peers,
    name: &str,
    candidates: Option<usize>,
    folder: &Path,
) -> Result<Outcome> {
    let unlabeled = options.size.texts.saturating_sub(options.size.labeled);
    let candidates = candidates.unwrap_or(unlabeled).min(unlabeled);
    let mut command = Command::new(&peers.python);
    command.arg(&peers.script).args(["run", name]).arg(folder);
    command.args([options.size.labeled, candidates, options.n].map(|number| number.to_string()));
    command.arg(options.memory.to_string()).stderr(Stdio::null());
    child::outcome(&mut command, options.limit)
}

/// By the clock, of processor time, of memory.
fn ratios(theirs: &Outcome, ours: &Outcome, id: &str) -> String {
    match (theirs, ours) {
        (Outcome::Cost(theirs), Outcome::Cost(ours)) => {
            let times = |of: fn(&Cost) -> f64, least: f64| of(theirs) / of(ours).max(least);
            let seconds = times(|cost| cost.seconds, 1e-3);
            let processor = times(|cost| cost.processor, 1e-3);
            let mib = times(|cost| cost.mib, 1.0);
            format!("     {id}: {seconds:.1} s, {processor:.1} processor s, {mib:.1} MiB")
        }
        _ => String::new(),
    }
}

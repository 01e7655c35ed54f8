//! Cases about saved state: it carries a strategy over, and a bad one does no harm.

use super::contract::sound;
use super::hosts::{self, Experiment};
use super::library::differs;
use super::probe::Probe;
use super::subject::{Instance, Subject, is_panic};
use super::verdict::{Checked, Problem, demand};

/// Rounds before and after a restart.
const ROUNDS: usize = 2;

pub(super) fn round_trip(subject: &Subject) -> Checked {
    let unbroken = Probe::new(subject.seed, 2 * ROUNDS).apart(subject)?.done;
    let before = Probe::new(subject.seed, ROUNDS).apart(subject)?;
    let rest = Probe { done: before.done, state: before.state, ..Probe::new(subject.seed, ROUNDS) };
    let resumed = rest.apart(subject)?.done;
    demand(resumed == unbroken, || differs("after a restart", &unbroken, &resumed))
}

/// An instance after some rounds.
fn used(subject: &Subject) -> Result<Instance, Problem> {
    let library = subject.library()?;
    let mut instance = subject.instance(&library)?;
    let mut experiment = Experiment::new(subject.seed);
    for _ in 0..ROUNDS {
        experiment.step(&mut instance).map_err(|error| Problem::Fail(error.to_string()))?;
    }
    Ok(instance)
}

fn saved(instance: &mut Instance) -> Result<Vec<u8>, Problem> {
    instance.save().map_err(|error| Problem::Fail(format!("save: {error}")))
}

pub(super) fn binary(subject: &Subject) -> Checked {
    let mut instance = used(subject)?;
    let first = saved(&mut instance)?;
    demand(saved(&mut instance)? == first, || "saved twice, it gives other bytes".to_owned())?;
    let library = subject.library()?;
    let mut again = subject.instance(&library)?;
    if !first.is_empty() {
        again.load(&first).map_err(|error| Problem::Fail(format!("load: {error}")))?;
        let second = saved(&mut again)?;
        demand(second == first, || "saved, loaded and saved, it gives other bytes".to_owned())?;
    }
    Ok(())
}

/// Loads what no instance has saved: an error or not, but no panic, and the next query is sound.
/// Says whether it was taken.
fn loads(subject: &Subject, state: &[u8]) -> Result<bool, Problem> {
    let library = subject.library()?;
    let mut instance = subject.instance(&library)?;
    let when = format!("{} bytes to load", state.len());
    let loaded = instance.load(state);
    if let Err(error) = &loaded {
        demand(!is_panic(error), || format!("{when}: {error}"))?;
    }
    sound(&mut instance, &hosts::ordinary(subject.seed), 10, &format!("a query after {when}"))?;
    Ok(loaded.is_ok())
}

pub(super) fn empty(subject: &Subject) -> Checked {
    loads(subject, &[]).map(drop)
}

pub(super) fn random(subject: &Subject) -> Checked {
    let own = saved(&mut used(subject)?)?.len();
    let mut rng = hosts::rng(subject.seed, "state.random");
    for len in [1, own + 1, 2 * own + 3, 64, 4096] {
        let state: Vec<u8> = (0..len).map(|_| rng.next_u64() as u8).collect();
        if loads(subject, &state)? && len != own {
            return Err(Problem::Warn(format!("{len} random bytes pass for a state")));
        }
    }
    Ok(())
}

pub(super) fn truncated(subject: &Subject) -> Checked {
    let state = saved(&mut used(subject)?)?;
    if state.is_empty() {
        return Err(Problem::Skip("it keeps no state".to_owned()));
    }
    for len in [state.len() - 1, state.len() / 2] {
        let is_taken = len > 0 && loads(subject, &state[..len])?;
        let all = state.len();
        demand(!is_taken, || format!("{len} of {all} bytes of its state pass for the whole"))?;
    }
    Ok(())
}

pub(super) fn future_schema(subject: &Subject) -> Checked {
    let mut state = saved(&mut used(subject)?)?;
    if state.is_empty() {
        return Err(Problem::Skip("it keeps no state".to_owned()));
    }
    // What a later version might write: more of it, and another first byte.
    state.extend([0xff; 16]);
    loads(subject, &state)?;
    state[0] ^= 0xff;
    loads(subject, &state).map(drop)
}

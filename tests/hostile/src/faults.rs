//! Faults that conformance cases are there to find: each fails its case and none of the basic ones.

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use alhost_plugin_api::prelude::*;

use crate::{Fault, Hostile};

/// Queries that a strategy takes which tires.
const STAMINA: u32 = 5;

/// Does what goes wrong before the sound answer, or returns what is given instead of it.
pub(crate) fn instead(hostile: &Hostile, ctx: &Context<'_>, n: usize) -> Result<Option<Selection>> {
    let pool = ctx.pool();
    let from_round = hostile.params.from_round;
    match hostile.params.fault {
        Fault::AtTheBound => assert!(from_round < 1000, "at the bound"),
        Fault::Between => assert!([0, 1, 1000].contains(&from_round), "between the bounds"),
        Fault::ByPosition => {
            return Ok(Some(Selection::ranked(pool.iter().copied().take(n).collect())));
        }
        Fault::Deaf if ctx.cancelled() => std::thread::sleep(Duration::from_millis(1500)),
        Fault::EmptyPool => assert!(!pool.is_empty(), "nothing left"),
        Fault::EmptyText => expect_beginnings(ctx)?,
        Fault::ForNothing if n == 0 => return Err("asked for nothing".into()),
        Fault::LabelsOfAll => expect_labels(ctx),
        Fault::Leaks => {
            black_box(Box::leak(vec![1_u8; 100_000].into_boxed_slice()));
        }
        Fault::MoreThanAll if n > pool.len() => return Err("asked for more than all".into()),
        Fault::NeedsLabels => assert!(!ctx.labeled().is_empty(), "nothing labeled"),
        Fault::OneAtATime => one_at_a_time(),
        Fault::OneClass => assert!(ctx.n_labels() != 1, "one label"),
        Fault::OneLeft => assert!(pool.len() != 1, "one text"),
        Fault::PanicTwice => {
            let _second = PanicsInItsTurn;
            logits(ctx)?;
        }
        Fault::Quadratic => quadratic(pool),
        Fault::Tires => assert!(hostile.answered < STAMINA, "tired"),
        Fault::NoSpread | Fault::Saturated | Fault::UnwrapsNan => {
            judge(hostile.params.fault, &logits(ctx)?);
        }
        Fault::Unwraps => drop(ctx.logits(pool).expect("logits")),
        Fault::UnwrapsMissing => expect_logits(ctx),
        Fault::WritesInput => write_input(ctx)?,
        _ => {}
    }
    Ok(None)
}

fn expect_beginnings(ctx: &Context<'_>) -> Result<()> {
    let texts = ctx.texts(ctx.pool())?;
    assert!(texts.iter().all(|text| !text.is_empty()), "a text without a beginning");
    Ok(())
}

fn expect_labels(ctx: &Context<'_>) {
    let labeled = ctx.labeled();
    (0..labeled.len()).for_each(|i| assert!(!labeled.labels(i).is_empty(), "no label"));
}

fn expect_logits(ctx: &Context<'_>) {
    if let Err(error) = ctx.logits(ctx.pool()) {
        assert!(!error.message().contains("there is no"), "no logits");
    }
}

fn logits(ctx: &Context<'_>) -> Result<Vec<f32>> {
    Ok(ctx.logits(ctx.pool())?.rows().flatten().copied().collect())
}

/// Assumes things that values do not keep to.
fn judge(fault: Fault, logits: &[f32]) {
    let mut sorted = logits.to_vec();
    match fault {
        Fault::UnwrapsNan => sorted.sort_by(|a, b| a.partial_cmp(b).expect("numbers")),
        _ => sorted.sort_by(f32::total_cmp),
    }
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else { return };
    match fault {
        Fault::NoSpread => assert!(most.to_bits() != least.to_bits(), "divided by zero"),
        Fault::Saturated => assert!(*least < 20.0 && *most > -20.0, "nothing is uncertain"),
        _ => {}
    }
}

/// A destructor that panics while another panic is on its way, which ends the process.
struct PanicsInItsTurn;

impl Drop for PanicsInItsTurn {
    fn drop(&mut self) {
        assert!(!std::thread::panicking(), "a second panic");
    }
}

fn one_at_a_time() {
    static IS_BUSY: AtomicBool = AtomicBool::new(false);
    assert!(!IS_BUSY.swap(true, Ordering::SeqCst), "busy with another query");
    std::thread::sleep(Duration::from_millis(20));
    IS_BUSY.store(false, Ordering::SeqCst);
}

fn quadratic(pool: &[DocId]) {
    let mut n_larger = 0_u64;
    for a in pool {
        for b in pool {
            n_larger += u64::from(black_box(a) > black_box(b));
        }
    }
    black_box(n_larger);
}

fn write_input(ctx: &Context<'_>) -> Result<()> {
    let logits = ctx.logits(ctx.pool())?;
    if logits.n_rows() > 0 {
        let first = logits.row(0).as_ptr().cast_mut();
        // SAFETY: none; the fault is wanted.
        unsafe { first.write_volatile(42.0) };
    }
    Ok(())
}

/// Returns what else comes into the random stream.
pub(crate) fn salt(fault: Fault) -> String {
    static N_ASKED: AtomicU32 = AtomicU32::new(0);
    match fault {
        Fault::GlobalState => N_ASKED.fetch_add(1, Ordering::SeqCst).to_string(),
        Fault::HashOrder => format!("{:?}", (0..20).collect::<HashSet<u32>>()),
        Fault::Peeks => read("train.jsonl"),
        Fault::SeesOthers => {
            let maps = read("/proc/self/maps");
            let files: HashSet<&str> = maps
                .lines()
                .filter_map(|line| line.split_once('/'))
                .map(|(_, file)| file)
                .collect();
            files.len().to_string()
        }
        Fault::TimeZone => time_zone(),
        _ => String::new(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a fault")]
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "a fault")]
fn time_zone() -> String {
    std::env::var("TZ").unwrap_or_default()
}

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

pub(crate) fn claim_the_only_instance() -> Result<()> {
    if IS_TAKEN.swap(true, Ordering::SeqCst) {
        return Err("there is an instance already".into());
    }
    Ok(())
}

pub(crate) fn give_up_the_only_instance() {
    IS_TAKEN.store(false, Ordering::SeqCst);
}

pub(crate) fn saved(fault: Fault, answered: u32) -> Vec<u8> {
    static N_SAVED: AtomicU32 = AtomicU32::new(0);
    let mut state = answered.to_le_bytes().to_vec();
    match fault {
        Fault::BigState => state.resize((64 << 20) + 1, 7),
        Fault::Forgets => state.clear(),
        Fault::SaveCounts => {
            state.extend(N_SAVED.fetch_add(1, Ordering::SeqCst).to_le_bytes());
        }
        _ => {}
    }
    state
}

pub(crate) fn loaded(fault: Fault, state: &[u8]) -> Result<u32> {
    let padded = || {
        let mut bytes = [0; 4];
        bytes.iter_mut().zip(state).for_each(|(byte, &given)| *byte = given);
        u32::from_le_bytes(bytes)
    };
    match fault {
        Fault::LoadAny | Fault::SaveCounts => return Ok(padded()),
        Fault::LoadShort if state.len() < 4 => return Ok(padded()),
        Fault::LoadEmpty => assert!(!state.is_empty(), "nothing to load"),
        Fault::LoadLong => assert!(state.len() <= 4, "too much to load"),
        _ => {}
    }
    let bytes = state.try_into().map_err(|_| "the saved state is not mine")?;
    Ok(u32::from_le_bytes(bytes))
}

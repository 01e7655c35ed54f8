//! `alhost bench-worker`: runs the cells that its bench tells it to, one after the other.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alhost_config::{ConfigFile, Overrides};
use alhost_engine::grid::{Order, Reply, die_with_parent};
use alhost_engine::{Experiment, Plan, Session, Strategies, Watch};
use alhost_record::RecordError;
use anyhow::Context as _;

use super::progress::Bars;
use super::run::{self, cancel_on_interrupt, shelf};
use super::{environment, terminal};

/// One data set, opened for the cells that follow each other.
struct Opened {
    config: PathBuf,
    experiment: Experiment,
    strategies: Strategies,
}

pub(super) fn work(parent: u32, bars: &Bars) -> anyhow::Result<ExitCode> {
    die_with_parent(parent)?;
    let cancelled = cancel_on_interrupt();
    let mut opened = None;
    for line in std::io::stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line?).context("not an order")?;
        tracing::info!("{}, {}, seed {}", order.config.display(), order.strategy, order.seed);
        let error = follow(&order, &mut opened, bars, cancelled).err();
        let is_elsewhere = error.as_ref().is_some_and(is_locked);
        let reply = Reply { order, error: error.as_ref().map(terminal::error_text), is_elsewhere };
        if let Some(error) = &reply.error {
            tracing::warn!("{error}");
        }
        // On a line of its own, whatever a plugin has printed.
        let line = format!("\n{}", terminal::json_line(&reply)?);
        terminal::Output.write_all(line.as_bytes())?;
        if cancelled.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn follow(
    order: &Order,
    opened: &mut Option<Opened>,
    bars: &Bars,
    cancelled: &'static AtomicBool,
) -> anyhow::Result<()> {
    if opened.as_ref().is_none_or(|opened| opened.config != order.config) {
        *opened = None;
        *opened = Some(open(order, bars)?);
    }
    let opened = opened.as_mut().context("it has just been opened")?;
    let Opened { experiment, strategies, .. } = opened;
    let watch = Watch { progress: bars, cancelled };
    let mut run = || {
        let session = Session::open(experiment, strategies, &order.strategy, order.seed, watch)?;
        if order.only_begin { session.run_rounds(1) } else { session.run().map(drop) }
    };
    // A process that has just been killed may hold its lock for a moment yet.
    for _attempt in 0..LOCK_ATTEMPTS {
        match run() {
            Err(error) if is_locked(&error) => std::thread::sleep(LOCK_PAUSE),
            done => return done,
        }
    }
    run()
}

const LOCK_ATTEMPTS: usize = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

fn is_locked(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    causes.any(|cause| matches!(cause, RecordError::Locked { .. }))
}

fn open(order: &Order, bars: &Bars) -> anyhow::Result<Opened> {
    let overrides = Overrides { device: order.device.clone(), ..Overrides::default() };
    let config = ConfigFile::read(&order.config, &overrides)?.check(&environment::lookup)?;
    let plan = Plan::of(&config, &[], &shelf())?;
    let (experiment, strategies) = run::open(config, plan, bars)?;
    Ok(Opened { config: order.config.clone(), experiment, strategies })
}

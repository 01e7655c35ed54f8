//! Cases about what every answer owes the host, whatever the size of pool and query.

use alhost_plugin_api::testing::StandIn;
use rustix::time::{ClockId, clock_gettime};

use super::contract::{Breach, breaches, sound, sound_or_error};
use super::hosts::{self, N_TEXTS, POOL};
use super::subject::Subject;
use super::verdict::{Checked, Problem};

pub(super) fn count(subject: &Subject) -> Checked {
    ordinary(subject, Breach::Count)
}

pub(super) fn in_pool(subject: &Subject) -> Checked {
    ordinary(subject, Breach::Outside)
}

pub(super) fn unique(subject: &Subject) -> Checked {
    ordinary(subject, Breach::Twice)
}

pub(super) fn scores(subject: &Subject) -> Checked {
    ordinary(subject, Breach::Scores)
}

/// Ordinary queries of several sizes, held to one promise.
fn ordinary(subject: &Subject, promise: Breach) -> Checked {
    let library = subject.library()?;
    let mut instance = subject.instance(&library)?;
    for n in [10, 1, POOL / 2, POOL] {
        let host = hosts::ordinary(subject.seed);
        let selection = instance
            .select(&host, n)
            .map_err(|error| Problem::Blocks(format!("asked for {n} of {POOL} texts: {error}")))?;
        let broken = breaches(&selection, &host, n).into_iter().find(|b| b.0 == promise);
        if let Some((_, what)) = broken {
            return Err(Problem::Fail(what));
        }
    }
    Ok(())
}

/// One query on this host.
fn one(subject: &Subject, host: &StandIn, n: usize, when: &str) -> Checked {
    let library = subject.library()?;
    sound(&mut subject.instance(&library)?, host, n, when).map(drop)
}

pub(super) fn n_gt_pool(subject: &Subject) -> Checked {
    for n in [POOL + 1, 10 * POOL] {
        one(subject, &hosts::ordinary(subject.seed), n, "more asked for than there is")?;
    }
    Ok(())
}

pub(super) fn n_zero(subject: &Subject) -> Checked {
    one(subject, &hosts::ordinary(subject.seed), 0, "nothing asked for")
}

pub(super) fn pool_empty(subject: &Subject) -> Checked {
    let host = || with_pool(subject.seed, 0);
    one(subject, &host(), 10, "an empty pool")?;
    one(subject, &host(), 0, "an empty pool, nothing asked for")
}

pub(super) fn pool_one(subject: &Subject) -> Checked {
    let host = || with_pool(subject.seed, 1);
    one(subject, &host(), 10, "a pool of one text")?;
    one(subject, &host(), 1, "a pool of one text")
}

/// All texts labeled but the last `n`.
fn with_pool(seed: u64, n: usize) -> StandIn {
    let ids: Vec<u32> = (0..(N_TEXTS - n) as u32).collect();
    hosts::labeled(StandIn::new(N_TEXTS, hosts::N_LABELS), &ids).seed(seed as u8).quick()
}

pub(super) fn cold_start(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let mut instance = subject.instance(&library)?;
    let host = StandIn::new(N_TEXTS, hosts::N_LABELS).quick().seed(subject.seed as u8).untrained();
    let when = "nothing labeled, nothing trained";
    if library.manifest.is_cold_start() {
        sound(&mut instance, &host, 10, when)?;
    } else {
        // That it needs a classifier or labeled texts is an answer too.
        sound_or_error(&mut instance, &host, 10, when)?;
    }
    Ok(())
}

pub(super) fn huge(subject: &Subject) -> Checked {
    let seconds = |n_texts: usize| {
        let library = subject.library()?;
        let mut instance = subject.instance_for(&library, n_texts, hosts::N_LABELS)?;
        let host = StandIn::new(n_texts, hosts::N_LABELS);
        let host = hosts::labeled(host, &hosts::first_labeled()).quick();
        let started = cpu_seconds();
        sound(&mut instance, &host, 100, &format!("a pool of {n_texts} texts"))?;
        Ok(cpu_seconds() - started)
    };
    let (tenth, whole) = (seconds((subject.huge / 10).max(N_TEXTS))?, seconds(subject.huge)?);
    // Ten times the texts may take 10 log(10) times as long, and new memory costs time.
    let is_steep = whole > 40.0 * tenth && whole > 2e-6 * subject.huge as f64;
    if is_steep {
        let times = whole / tenth;
        let n = subject.huge;
        let what =
            format!("{n} texts take {whole:.2} s, {times:.0} times as long as a tenth of them");
        return Err(Problem::Warn(what));
    }
    Ok(())
}

/// Seconds that this process has had of the processors, however busy the machine is.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

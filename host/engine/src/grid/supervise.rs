//! Keeps workers busy until every cell is finished or failed: hands out cells, replaces workers that
//! die, and tells how it stands.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cell::{Cell, State};
use super::error::BenchError;
use super::queue::{Next, Queue};
use super::worker::{Order, Worker, interrupt};

/// The workers of a bench, and who watches.
pub struct Crew<'a> {
    /// The device of each worker, where that is not the config's.
    pub devices: Vec<Option<String>>,
    /// Makes the command that starts a worker.
    pub start: &'a (dyn Fn(usize) -> std::io::Result<Command> + Sync),
    /// Called when a cell changes its state, and once a second.
    pub watch: &'a mut dyn FnMut(&Standing),
    /// Called when a cell changes its state.
    pub keep: &'a mut dyn FnMut(&[Cell]) -> Result<(), BenchError>,
    /// Once set, no cell is begun, and the workers are asked to stop after their round.
    pub cancelled: &'a AtomicBool,
}

/// The progress of a bench.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    pub cells: usize,
    pub finished: usize,
    /// Names, with rounds done.
    pub running: Vec<String>,
    pub failed: usize,
    /// Rounds recorded of those that all cells have.
    pub rounds: (usize, usize),
    /// Time left, once there is something to go by.
    pub left: Option<Duration>,
}

/// Deaths of workers at one step of one cell before the cell has failed. More where the system
/// killed them, which may be for reasons of its own.
const CRASHES: usize = 3;
const KILLS: usize = 6;
const TICK: Duration = Duration::from_millis(200);

/// The state that the threads of all workers look at.
struct Desk<'a> {
    queue: Queue,
    cells: &'a mut [Cell],
    /// Counts changes of state.
    changes: usize,
    workers: usize,
    /// Process ids of those that have a cell.
    busy: BTreeSet<u32>,
}

/// Runs all cells that are waiting.
pub fn supervise(cells: &mut [Cell], crew: Crew<'_>) -> Result<(), BenchError> {
    let Crew { devices, start, watch, keep, cancelled } = crew;
    let before: usize = cells.iter().map(Cell::rounds_done).sum();
    let started = Instant::now();
    let queue = Queue::new(groups(cells), waiting(cells));
    let (workers, busy) = (devices.len(), BTreeSet::new());
    let desk = Mutex::new(Desk { queue, cells, changes: 0, workers, busy });
    std::thread::scope(|scope| {
        for (number, device) in devices.into_iter().enumerate() {
            let desk = &desk;
            let work = move || {
                Slot { number, device, start, desk, cancelled }.work();
                lock(desk).workers -= 1;
            };
            // Those that there are do the work of all.
            if let Err(error) = std::thread::Builder::new().spawn_scoped(scope, work) {
                tracing::warn!("no thread for worker {number}: {error}");
                lock(desk).workers -= 1;
            }
        }
        let mut told = (usize::MAX, Instant::now());
        let mut interrupted = BTreeSet::new();
        loop {
            if cancelled.load(Ordering::Relaxed) {
                let busy = lock(&desk).busy.clone();
                busy.into_iter().filter(|&id| interrupted.insert(id)).for_each(interrupt);
            }
            let (changes, workers, snapshot) = look(&desk);
            let changed = changes != told.0;
            if changed {
                keep(&snapshot)?;
            }
            if changed || told.1.elapsed() >= Duration::from_secs(1) {
                watch(&standing(&snapshot, before, started.elapsed()));
                told = (changes, Instant::now());
            }
            if workers == 0 && !changed {
                return Ok(());
            }
            std::thread::sleep(TICK);
        }
    })
}

/// The number of changes so far, that of workers, and the cells.
fn look(desk: &Mutex<Desk<'_>>) -> (usize, usize, Vec<Cell>) {
    let desk = lock(desk);
    (desk.changes, desk.workers, desk.cells.to_vec())
}

/// A place for one worker after the other.
struct Slot<'a> {
    number: usize,
    device: Option<String>,
    start: &'a (dyn Fn(usize) -> std::io::Result<Command> + Sync),
    desk: &'a Mutex<Desk<'a>>,
    cancelled: &'a AtomicBool,
}

impl Slot<'_> {
    fn work(&self) {
        let (mut worker, mut last) = (None, None);
        while !self.cancelled.load(Ordering::Relaxed) {
            let next = lock(self.desk).queue.next(last);
            match next {
                Next::Nothing => break,
                Next::Wait => std::thread::sleep(TICK),
                Next::Cell(number) => {
                    self.set(number, State::Running);
                    self.run(number, &mut worker);
                    last = Some(number);
                }
            }
        }
    }

    fn run(&self, number: usize, worker: &mut Option<Worker>) {
        let cell = lock(self.desk).cells[number].clone();
        let order = Order {
            config: cell.config.clone(),
            strategy: cell.strategy.clone(),
            seed: cell.seed,
            device: self.device.clone(),
        };
        let started = match worker.take() {
            Some(worker) => Ok(worker),
            None => (self.start)(self.number).and_then(Worker::start),
        };
        let mut running = match started {
            Ok(running) => running,
            Err(error) => return self.end(number, failed(&format!("no worker: {error}"))),
        };
        let id = running.id();
        lock(self.desk).busy.insert(id);
        let done = running.run(&order);
        lock(self.desk).busy.remove(&id);
        match done {
            Ok(reply) => {
                *worker = Some(running);
                let stopped = self.cancelled.load(Ordering::Relaxed);
                match reply.error {
                    None => self.end(number, State::Finished),
                    // A run that was told to stop says so as an error.
                    Some(_) if stopped => self.end(number, State::Waiting),
                    Some(reason) => self.end(number, failed(&reason)),
                }
            }
            Err(_) if self.cancelled.load(Ordering::Relaxed) => self.end(number, State::Waiting),
            Err(how) => self.died(number, &cell, &how),
        }
    }

    /// Back into the queue, unless too many have died on it.
    fn died(&self, number: usize, cell: &Cell, how: &str) {
        let most = if how == "signal 9" { KILLS } else { CRASHES };
        tracing::warn!("{}: its worker process died ({how})", cell.name());
        let again = lock(self.desk).queue.died(number, cell.steps_done(), most);
        let reason = format!("{most} worker processes died on it at the same step ({how})");
        self.set(number, if again { State::Waiting } else { failed(&reason) });
    }

    fn end(&self, number: usize, state: State) {
        lock(self.desk).queue.done(number);
        self.set(number, state);
    }

    fn set(&self, number: usize, state: State) {
        let mut desk = lock(self.desk);
        desk.cells[number].state = state;
        desk.changes += 1;
    }
}

fn failed(reason: &str) -> State {
    State::Failed(reason.to_owned())
}

fn lock<'a, 'b>(desk: &'a Mutex<Desk<'b>>) -> MutexGuard<'a, Desk<'b>> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of each cell's group.
fn groups(cells: &[Cell]) -> Vec<usize> {
    let first = |cell: &Cell| cells.iter().position(|other| other.group() == cell.group());
    cells.iter().map(|cell| first(cell).unwrap_or(0)).collect()
}

fn waiting(cells: &[Cell]) -> Vec<usize> {
    let waits = |&number: &usize| cells[number].state == State::Waiting;
    (0..cells.len()).filter(waits).collect()
}

fn standing(cells: &[Cell], before: usize, elapsed: Duration) -> Standing {
    let mut standing = Standing { cells: cells.len(), ..Standing::default() };
    for cell in cells {
        let done = cell.rounds_done();
        // A run that ends early has no more to do, and one that failed neither.
        let all = match &cell.state {
            State::Finished | State::Failed(_) => done,
            State::Waiting | State::Running => cell.rounds.max(done),
        };
        standing.rounds.0 += done;
        standing.rounds.1 += all;
        match &cell.state {
            State::Finished => standing.finished += 1,
            State::Failed(_) => standing.failed += 1,
            State::Running => standing.running.push(format!("{} ({done}/{all})", cell.name())),
            State::Waiting => {}
        }
    }
    let (now, all) = standing.rounds;
    let here = now.saturating_sub(before);
    standing.left = (here > 0).then(|| elapsed.mul_f64((all - now) as f64 / here as f64));
    standing
}

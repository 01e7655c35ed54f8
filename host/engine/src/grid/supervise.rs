//! Keeps workers busy until every cell is finished or failed: hands out cells, replaces workers that
//! die, and tells how it stands.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cell::Cell;
use super::error::BenchError;
use super::outcome::State;
use super::queue::{Next, Queue};
use super::standing::{Rounds, Standing};
use super::worker::{Order, Reply, Worker, interrupt};

/// The workers of a bench, and who watches.
pub struct Crew<'a> {
    /// The device of each worker, where that is not the config's.
    pub devices: Vec<Option<String>>,
    /// Whether the first round of each cell is all that is to be done.
    pub only_begin: bool,
    /// Makes the command that starts a worker.
    pub start: &'a (dyn Fn(usize) -> std::io::Result<Command> + Sync),
    /// Called when a cell changes its state, and once a second.
    pub watch: &'a mut dyn FnMut(&Standing),
    /// Called when a cell changes its state.
    pub keep: &'a mut dyn FnMut(&[Cell]) -> Result<(), BenchError>,
    /// Once set, no cell is begun, and the workers are asked to stop after their round.
    pub cancelled: &'a AtomicBool,
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

/// Runs the cells whose numbers are `left`. Those that failed before are tried again.
pub fn supervise(cells: &mut [Cell], left: &[usize], crew: Crew<'_>) -> Result<(), BenchError> {
    let Crew { devices, only_begin, start, watch, keep, cancelled } = crew;
    for &number in left {
        cells[number].state = State::Waiting;
    }
    let rounds = Rounds::of(cells);
    let queue = Queue::new(groups(cells), left.iter().copied());
    let (workers, busy) = (devices.len(), BTreeSet::new());
    let desk = Mutex::new(Desk { queue, cells, changes: 0, workers, busy });
    std::thread::scope(|scope| {
        for (number, device) in devices.into_iter().enumerate() {
            let desk = &desk;
            let work = move || {
                Slot { number, device, only_begin, start, desk, cancelled }.work();
                lock(desk).workers -= 1;
            };
            // Those that there are do the work of all.
            if let Err(error) = std::thread::Builder::new().spawn_scoped(scope, work) {
                tracing::warn!("no thread for worker {number}: {error}");
                lock(desk).workers -= 1;
            }
        }
        look_after(&desk, rounds, (watch, keep), cancelled)
    })
}

type Keep<'a> = &'a mut dyn FnMut(&[Cell]) -> Result<(), BenchError>;

/// Tells how it stands until no worker is left, and passes on that they are to stop.
fn look_after(
    desk: &Mutex<Desk<'_>>,
    mut rounds: Rounds,
    (watch, keep): (&mut dyn FnMut(&Standing), Keep<'_>),
    cancelled: &AtomicBool,
) -> Result<(), BenchError> {
    let mut told = (usize::MAX, Instant::now());
    let mut interrupted = BTreeSet::new();
    loop {
        if cancelled.load(Ordering::Relaxed) {
            let busy = lock(desk).busy.clone();
            busy.into_iter().filter(|&id| interrupted.insert(id)).for_each(interrupt);
        }
        let (changes, workers, snapshot) = look(desk);
        let changed = changes != told.0;
        if changed {
            keep(&snapshot)?;
        }
        if changed || told.1.elapsed() >= Duration::from_secs(1) {
            watch(&rounds.standing(&snapshot));
            told = (changes, Instant::now());
        }
        if workers == 0 && !changed {
            return Ok(());
        }
        std::thread::sleep(TICK);
    }
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
    only_begin: bool,
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
            only_begin: self.only_begin,
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
                self.replied(number, &cell, reply);
            }
            Err(_) if self.cancelled.load(Ordering::Relaxed) => self.end(number, State::Waiting),
            Err(how) => self.died(number, &cell, &how),
        }
    }

    fn replied(&self, number: usize, cell: &Cell, reply: Reply) {
        let state = match reply.error {
            None if self.only_begin => State::Waiting,
            None => State::Finished,
            // A run that was told to stop says so as an error.
            Some(_) if self.cancelled.load(Ordering::Relaxed) => State::Waiting,
            // How it ends is for whoever works on it to write down.
            Some(reason) if reply.is_elsewhere => return self.end(number, failed(&reason)),
            Some(reason) => failed(&reason),
        };
        self.end(number, kept(cell, state));
    }

    /// Back into the queue, unless too many have died on it.
    fn died(&self, number: usize, cell: &Cell, how: &str) {
        let most = if how == "signal 9" { KILLS } else { CRASHES };
        tracing::warn!("{}: its worker process died ({how})", cell.name());
        let again = lock(self.desk).queue.died(number, cell.steps_done(), most);
        let reason = format!("{most} worker processes died on it at the same step ({how})");
        self.set(number, if again { State::Waiting } else { kept(cell, failed(&reason)) });
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

/// Writes into the cell's folder how it ended; one of which that cannot be said has failed.
fn kept(cell: &Cell, state: State) -> State {
    if state == State::Waiting {
        return state;
    }
    match cell.keep(state.clone()) {
        Ok(()) => state,
        Err(error) => match state {
            State::Finished => failed(&format!("{error:#}")),
            _ => state,
        },
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

//! What waits and runs on the cluster of a grid's cells, by one call of `squeue`.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::SlurmError;
use crate::job::JobId;
use crate::name::{self, GridName};

/// The jobs of alhost that are in the queue.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// By what their names begin with.
    grids: BTreeMap<String, Vec<Task>>,
}

/// A task of an array, or a job that is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Task {
    pub job: JobId,
    /// Names what the grid was when it was submitted.
    plan: String,
    pub kind: String,
    /// The cell that it does, if it is of an array.
    pub cell: Option<u32>,
    pub user: String,
    pub state: State,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum State {
    Running,
    /// Its processes are being ended. It leaves the queue then, or waits again if it is put back.
    Ending,
    /// In Slurm's word for the reason: `Resources`, `Priority`, `Dependency`, `BeginTime` (after a requeue),
    /// `JobHeldUser`, ...
    Waiting {
        reason: String,
    },
    /// Any other state in Slurm's word: `SUSPENDED`, `CONFIGURING`, `PREEMPTED`, ...
    Other(String),
}

/// Number of the job, index, state, user, name, reason: the reason last, since it can have any characters.
pub(crate) const FORMAT: &str = "%F|%K|%T|%u|%j|%r";

impl Queue {
    /// Reads lines of [`FORMAT`]. Those of jobs that are not ours are passed over.
    pub(crate) fn parse(answer: &str) -> Result<Self, SlurmError> {
        let mut queue = Self::default();
        for line in answer.lines().filter(|line| line.contains("|alhost-")) {
            let [job, index, state, user, name, reason] = fields(line).ok_or_else(|| odd(line))?;
            let Some(parts) = name::parts(name) else { continue };
            let cell = match index {
                "N/A" => None,
                index => {
                    let index = index.parse::<u32>().map_err(|_| odd(line))?;
                    Some(index.checked_add(parts.offset).ok_or_else(|| odd(line))?)
                }
            };
            let task = Task {
                job: JobId(job.parse().map_err(|_| odd(line))?),
                plan: parts.plan.to_owned(),
                kind: parts.kind.to_owned(),
                cell,
                user: user.to_owned(),
                state: State::of(state, reason),
            };
            queue.grids.entry(parts.hash.to_owned()).or_default().push(task);
        }
        Ok(queue)
    }

    /// The tasks of a grid, of all kinds and all users, and whatever it was when they were submitted.
    pub fn tasks(&self, grid: &GridName) -> &[Task] {
        self.grids.get(grid.hash()).map_or(&[], Vec::as_slice)
    }

    /// Finds which of the cells wait or run, and where. Of several tasks for one cell, the one that runs.
    pub fn cells(
        &self,
        grid: &GridName,
        kind: &str,
        cells: &BTreeSet<u32>,
    ) -> BTreeMap<u32, &Task> {
        let mut found: BTreeMap<u32, &Task> = BTreeMap::new();
        let tasks = self.tasks(grid).iter();
        for task in tasks.filter(|task| task.kind == kind && task.plan == grid.plan()) {
            let Some(cell) = task.cell.filter(|cell| cells.contains(cell)) else { continue };
            let so_far = found.entry(cell).or_insert(task);
            if task.state < so_far.state {
                *so_far = task;
            }
        }
        found
    }

    /// The tasks of a grid that were submitted when it was another than now.
    pub fn outdated<'a>(&'a self, grid: &'a GridName) -> impl Iterator<Item = &'a Task> {
        self.tasks(grid).iter().filter(|task| task.plan != grid.plan())
    }

    /// The jobs of a grid that a user has in the queue, for [`crate::Commands::cancel`].
    pub fn jobs(&self, grid: &GridName, user: &str) -> BTreeSet<JobId> {
        let tasks = self.tasks(grid).iter();
        tasks.filter(|task| task.user == user).map(|task| task.job).collect()
    }
}

impl State {
    fn of(state: &str, reason: &str) -> Self {
        match state {
            "RUNNING" => Self::Running,
            "COMPLETING" => Self::Ending,
            "PENDING" => Self::Waiting { reason: reason.to_owned() },
            other => Self::Other(other.to_owned()),
        }
    }
}

fn fields(line: &str) -> Option<[&str; 6]> {
    line.splitn(6, '|').map(str::trim).collect::<Vec<_>>().try_into().ok()
}

fn odd(line: &str) -> SlurmError {
    let answer = alhost_base::text::in_line(line).into_owned();
    SlurmError::Unexpected { program: "squeue".to_owned(), answer }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::time::{Duration, Instant};

    use super::*;

    fn grid() -> (tempfile::TempDir, GridName) {
        let folder = tempfile::tempdir().unwrap();
        let grid = GridName::of(folder.path(), "p").unwrap();
        (folder, grid)
    }

    #[test]
    fn cells_are_found_whatever_array_they_are_in() {
        let (folder, grid) = grid();
        let name = grid.job("cells");
        let other = "alhost-0123456789abcdef-01234567-cells";
        let answer = format!(
            "7|1|RUNNING|ann|{name}|None\n7|4|PENDING|ann|{name}|Resources\n\
             8|0|PENDING|bob|{name}+1001|launch failed | held\n9|N/A|COMPLETING|ann|{}|None\n\
             5|2|SUSPENDED|ann|{name}|None\n6|1|PENDING|ann|{name}|Priority\n\
             10|3|RUNNING|ann|{other}|None\n11|N/A|RUNNING|eve|alhost-mine|None\n\
             12|N/A|RUNNING|eve|a|b|None\n",
            grid.job("once")
        );
        let queue = Queue::parse(&answer).unwrap();
        let found = queue.cells(&grid, "cells", &BTreeSet::from([0, 1, 2, 3, 4, 1001]));
        let found: Vec<_> =
            found.into_iter().map(|(cell, task)| (cell, task.job.0, task.state.clone())).collect();
        let waiting = |reason: &str| State::Waiting { reason: reason.to_owned() };
        let expected = [
            (1, 7, State::Running),
            (2, 5, State::Other("SUSPENDED".to_owned())),
            (4, 7, waiting("Resources")),
            (1001, 8, waiting("launch failed | held")),
        ];
        assert_eq!(found, expected);
        assert_eq!(queue.jobs(&grid, "ann"), [5, 6, 7, 9].map(JobId).into());
        assert_eq!(queue.jobs(&grid, "bob"), [8].map(JobId).into());
        let once = queue.tasks(&grid).iter().find(|task| task.kind == "once").unwrap();
        assert_eq!((once.cell, &once.state), (None, &State::Ending));
        assert_eq!(queue.outdated(&grid).count(), 0);
        let changed = GridName::of(folder.path(), "q").unwrap();
        assert_eq!(queue.outdated(&changed).count(), queue.tasks(&grid).len());
        assert!(queue.cells(&changed, "cells", &(0..2000).collect()).is_empty());
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let name = "alhost-0123456789abcdef-01234567-cells";
        for line in [
            format!("7|1-4%2|PENDING|ann|{name}|None"),
            format!("x|1|PENDING|ann|{name}|None"),
            format!("7|{}|PENDING|ann|{name}+1|None", u32::MAX),
            format!("7|1|PENDING|{name}"),
        ] {
            let error = Queue::parse(&line).unwrap_err().to_string();
            assert!(error.contains(&line) && error.contains("hint: "), "{error}");
        }
    }

    #[test]
    fn two_thousand_tasks_among_as_many_of_others_are_read_at_once() {
        let (_folder, grid) = grid();
        let mut answer = String::new();
        for cell in 0..2000 {
            let name = name::with_offset(&grid.job("cells"), cell - cell % 1001);
            let index = cell % 1001;
            writeln!(answer, "{}|{index}|PENDING|ann|{name}|Resources", 7 + cell / 1001).unwrap();
            writeln!(answer, "9|{index}|RUNNING|eve|simulation|None").unwrap();
        }
        let started = Instant::now();
        let queue = Queue::parse(&answer).unwrap();
        let found = queue.cells(&grid, "cells", &(0..3000).collect());
        assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), (0..2000).collect::<Vec<_>>());
    }
}

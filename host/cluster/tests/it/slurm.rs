//! The same on a real Slurm, where `tests/cluster/start.sh` has started one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use alhost_cluster::{Commands, GridName, Job, JobId, Queue, SlurmError, State, Word};

use crate::job;

/// Slurm's programs as they reach that cluster, if it answers.
fn cluster() -> Option<Commands> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/cluster");
    let bin = folder.join("bin");
    let sinfo = Command::new(bin.join("sinfo")).output();
    let answers = sinfo.is_ok_and(|output| output.status.success());
    if folder.join("slurm.conf").exists() && answers {
        return Some(Commands { bin: Some(bin) });
    }
    println!("nothing was done: no cluster runs (tests/cluster/start.sh)");
    None
}

/// A grid's folder, with what is hard in a path, and the jobs of one kind in it.
struct Grid {
    _kept: tempfile::TempDir,
    folder: PathBuf,
    name: GridName,
    commands: Commands,
}

impl Grid {
    fn new(commands: Commands) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let folder = kept.path().join("it's 50% \"of\" #a $grid");
        fs_err::create_dir(&folder).unwrap();
        let name = GridName::of(&folder, "p").unwrap();
        Self { _kept: kept, folder, name, commands }
    }

    fn job(&self, script: &str, settings: &str) -> Job {
        let mut job = job(&self.folder.join("logs"), &["bash", "-c", script, "x"], settings);
        job.name = self.name.job("cells");
        job
    }

    fn submit(&self, job: &Job) -> Result<Vec<JobId>, SlurmError> {
        let scripts = job.scripts(self.commands.limits().unwrap()).unwrap();
        scripts.iter().map(|script| self.commands.submit(script, &job.settings)).collect()
    }

    fn queue(&self) -> Queue {
        self.commands.queue(None).unwrap()
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&Queue) -> bool) {
        let until = Instant::now() + Duration::from_mins(1);
        while !holds(&self.queue()) {
            assert!(Instant::now() < until, "{what}: {:?}", self.queue().tasks(&self.name));
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn wait_for_the_end(&self) {
        self.wait_until("ends", |queue| queue.tasks(&self.name).is_empty());
    }

    fn log(&self, name: &str) -> String {
        fs_err::read_to_string(self.folder.join("logs").join(name)).unwrap()
    }

    fn control(&self, args: &[&str]) {
        let scontrol = self.commands.bin.as_ref().unwrap().join("scontrol");
        assert!(Command::new(scontrol).args(args).status().unwrap().success());
    }
}

impl Drop for Grid {
    fn drop(&mut self) {
        let jobs = self.queue().jobs(&self.name, &user());
        let _cancelled = self.commands.cancel(&jobs);
    }
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn tasks_do_their_cells_beyond_the_largest_index_too_and_what_comes_after_waits() {
    let Some(commands) = cluster() else { return };
    let grid = Grid::new(commands);
    let mut first =
        grid.job("echo cell $1; sleep 1", "array_parallelism = 4\ncomment = 'two words #1'");
    first.command.push(Word::Cell);
    let numbers = BTreeSet::from([0, 2, 3, 4, 1000, 1001, 1004]);
    first.array = Some(numbers.clone());
    let ids = grid.submit(&first).unwrap();
    let mut after = grid.job("echo after", "");
    after.name = grid.name.job("report");
    after.after_ok = Some(ids[0]);
    let [after] = grid.submit(&after).unwrap()[..] else { panic!("one job") };
    let queue = grid.queue();
    let found = queue.cells(&grid.name, "cells", &(0..2000).collect());
    assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), numbers);
    let job_of = |cell| found[&cell].job;
    assert_eq!((job_of(1000), job_of(1001)), (ids[0], ids[1]));
    let jobs: BTreeSet<JobId> = ids.iter().copied().chain([after]).collect();
    assert_eq!(queue.jobs(&grid.name, &user()), jobs);
    grid.wait_for_the_end();
    assert_eq!(grid.log(&format!("{}_1000.log", ids[0])), "cell 1000\n");
    assert_eq!(grid.log(&format!("{}_3.log", ids[1])), "cell 1004\n");
    assert_eq!(grid.log(&format!("{after}.log")), "after\n");
}

#[test]
fn what_waits_for_a_job_that_failed_leaves_the_queue() {
    let Some(commands) = cluster() else { return };
    let grid = Grid::new(commands);
    let [failed] = grid.submit(&grid.job("exit 1", "")).unwrap()[..] else { panic!("one job") };
    let mut after = grid.job("echo after", "");
    after.after_ok = Some(failed);
    let [after] = grid.submit(&after).unwrap()[..] else { panic!("one job") };
    grid.wait_for_the_end();
    assert!(!grid.folder.join(format!("logs/{after}.log")).exists());
}

#[test]
fn a_job_that_was_put_back_goes_on_in_the_same_log() {
    let Some(commands) = cluster() else { return };
    let grid = Grid::new(commands);
    let script = "echo run ${SLURM_RESTART_COUNT:-0}; [ -n \"$SLURM_RESTART_COUNT\" ] || sleep 60";
    let mut job = grid.job(script, "gres = 'gpu:1'");
    job.array = Some([5].into());
    let [id] = grid.submit(&job).unwrap()[..] else { panic!("one job") };
    let state = |queue: &Queue| queue.tasks(&grid.name).first().map(|task| task.state.clone());
    grid.wait_until("runs", |queue| state(queue) == Some(State::Running));
    let log = grid.folder.join(format!("logs/{id}_5.log"));
    grid.wait_until("prints", |_| fs_err::read_to_string(&log).is_ok_and(|log| !log.is_empty()));
    grid.control(&["requeue", &format!("{id}_5")]);
    grid.wait_until("waits", |queue| matches!(state(queue), Some(State::Waiting { .. })));
    grid.wait_for_the_end();
    let log = grid.log(&format!("{id}_5.log"));
    assert!(log.starts_with("run 0\n") && log.ends_with("run 1\n"), "{log}");
}

#[test]
fn a_job_that_is_to_make_room_ends_its_round() {
    let Some(commands) = cluster() else { return };
    let grid = Grid::new(commands);
    let round =
        "trap 'echo interrupted; n=1' INT; echo begins; while [ -z \"$n\" ]; do sleep 0.1; done
                 sleep 2; echo ends; exit 130";
    let job = grid.job(round, "partition = 'spare'\ncpus_per_task = 8\nsignal_lead = 10");
    let [id] = grid.submit(&job).unwrap()[..] else { panic!("one job") };
    let log = grid.folder.join(format!("logs/{id}.log"));
    grid.wait_until("begins", |_| fs_err::read_to_string(&log).is_ok_and(|log| !log.is_empty()));
    let other = grid.submit(&grid.job("true", "partition = 'main'\ncpus_per_task = 8")).unwrap();
    grid.wait_for_the_end();
    assert_eq!(grid.log(&format!("{id}.log")), "begins\ninterrupted\nends\n");
    assert_eq!(grid.log(&format!("{}.log", other[0])), "");
}

#[test]
fn what_sbatch_refuses_is_told_by_its_key() {
    let Some(commands) = cluster() else { return };
    let grid = Grid::new(commands);
    let check = |settings: &str, expected: &[&str]| match grid.submit(&grid.job("true", settings)) {
        Err(SlurmError::Refused { keys, words, .. }) => assert_eq!(keys, expected, "{words}"),
        other => panic!("{settings}: {other:?}"),
    };
    check("partition = 'nope'", &["partition"]);
    check("gres = 'nope:1'", &["gres"]);
    check("gres = 'gpu:9'", &["gres"]);
    check("mem = '1000G'", &["mem"]);
    check("time = 'soon'", &["time"]);
    check("constraint = 'fast'", &["constraint"]);
    check("cpus_per_task = 'many'", &["cpus_per_task"]);
    check("array_paralelism = 4", &["array_paralelism"]);
    check("extra = ['--faster']", &["extra"]);
}

#[test]
fn cancelled_jobs_leave_the_queue() {
    let Some(commands) = cluster() else { return };
    let grid = Grid::new(commands);
    let mut job = grid.job("sleep 60", "");
    job.array = Some((0..20).collect());
    let ids: BTreeSet<JobId> = grid.submit(&job).unwrap().into_iter().collect();
    assert_eq!(grid.queue().tasks(&grid.name).len(), 20);
    grid.commands.cancel(&ids).unwrap();
    grid.wait_for_the_end();
    grid.commands.cancel(&ids).unwrap();
}

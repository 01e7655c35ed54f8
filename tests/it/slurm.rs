//! Grids on a real Slurm, where `tests/cluster/start.sh` has started one.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::bench::{bench, records, sandbox};
use crate::support::{Ran, Sandbox, ran, workspace};

/// The folder of Slurm's programs, if a cluster answers by them.
fn cluster() -> Option<PathBuf> {
    let bin = workspace().join("target/cluster/bin");
    let answers = Command::new(bin.join("sinfo")).output();
    if answers.is_ok_and(|output| output.status.success()) {
        return Some(bin);
    }
    eprintln!("nothing was done: no cluster runs (tests/cluster/start.sh)");
    None
}

struct OnSlurm {
    sandbox: Sandbox,
    bin: PathBuf,
}

impl OnSlurm {
    fn bench(&self, args: &[&str]) -> Ran {
        let path = format!("{}:/usr/bin:/bin", self.bin.display());
        let mut command = self.sandbox.command();
        command.args(["bench", "grid.toml"]).args(args).env("PATH", path);
        ran(&command.output().unwrap())
    }

    fn wait(&self) {
        let until = Instant::now() + Duration::from_mins(3);
        loop {
            let status = self.bench(&["--status"]).ok().stdout;
            let row = status.lines().find(|line| line.trim_start().starts_with("all ")).unwrap();
            let words: Vec<&str> = row.split_whitespace().collect();
            if words[2] == "·" && words[3] == "·" {
                return;
            }
            assert!(Instant::now() < until, "{status}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

impl Drop for OnSlurm {
    fn drop(&mut self) {
        let _cancelled = self.bench(&["--cancel"]);
    }
}

const SLURM: &str = "[slurm]\ncpus_per_task = 1\nmem = \"500M\"\ntime = \"0:10:00\"\n";

fn check(more: &str, jobs: usize) {
    let Some(bin) = cluster() else { return };
    let local = sandbox(more);
    bench(&local, &[]).ok();
    let there = OnSlurm { sandbox: sandbox(&format!("{more}{SLURM}")), bin };
    let submitted = there.bench(&["--on", "slurm"]).ok().stdout;
    assert!(submitted.contains(&format!("submitted {jobs} jobs for 4 of 4 cells")), "{submitted}");
    there.wait();
    let done = there.bench(&["--on", "slurm"]).ok().stdout;
    assert!(done.contains("4 of 4 cells finished"), "{done}");
    assert!(done.contains("report: "), "{done}");
    assert_eq!(records(&there.sandbox), records(&local));
}

#[test]
fn a_grid_on_slurm_has_the_records_of_one_here() {
    check("", 1);
}

#[test]
fn what_is_shared_comes_first_and_a_seeds_cells_go_together() {
    check("[model]\nhead = \"logistic\"\nencoder = \"frozen\"\n", 2);
}

#[test]
fn what_fails_on_slurm_is_told_and_the_rest_is_done() {
    let Some(bin) = cluster() else { return };
    let more = format!("params.fault = \"segfault\"\n[isolation]\nmode = \"off\"\n{SLURM}");
    let there = OnSlurm { sandbox: sandbox(&more), bin };
    there.bench(&["--on", "slurm"]).ok();
    there.wait();
    let status = there.bench(&["--status"]).ok().stdout;
    assert!(status.contains("failed: grid, hostile, seed 3: 3 worker processes died"), "{status}");
    let again = there.bench(&["--on", "slurm"]).ok().stdout;
    assert!(again.contains("for 2 of 4 cells"), "what failed is tried again: {again}");
    there.bench(&["--cancel"]).ok();
    there.wait();
}

#[test]
fn what_slurm_refuses_is_told_with_its_key() {
    let Some(bin) = cluster() else { return };
    let more = "[slurm]\npartition = \"nonesuch\"\n";
    let there = OnSlurm { sandbox: sandbox(more), bin };
    there.bench(&["--on", "slurm"]).refused(&["nonesuch", "see `partition` in [slurm]"]);
}

#[test]
fn a_grid_that_changed_while_its_jobs_wait_is_refused_until_they_are_gone() {
    let Some(bin) = cluster() else { return };
    let there = OnSlurm { sandbox: sandbox("[slurm]\nbegin = \"now+1hour\"\n"), bin };
    there.bench(&["--on", "slurm"]).ok();
    let again = there.bench(&["--on", "slurm"]).ok().stdout;
    assert!(again.contains("nothing to submit: 4 run or wait already"), "{again}");
    let changed = ["--on", "slurm", "--seed", "3", "--seed", "5"];
    there.bench(&changed).refused(&["jobs of this grid as it was", "`--cancel` takes them"]);
    let status = there.bench(&["--status", "--seed", "3", "--seed", "5"]).ok().stdout;
    assert!(status.contains("4 tasks in the queue are of this grid as it was"), "{status}");
    let cancelled = there.bench(&["--cancel"]).ok().stdout;
    assert!(cancelled.contains("1 jobs were taken out"), "{cancelled}");
    there.wait();
    there.bench(&changed).ok();
}

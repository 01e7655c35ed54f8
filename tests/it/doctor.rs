//! What alhost says of itself and of the machine; completions and manual pages.

use serde_json::Value;

use crate::support::{Ran, Sandbox, ran};

fn doctor(sandbox: &Sandbox, cache: &str) -> Ran {
    let mut command = sandbox.command();
    command.args(["doctor", "--json"]).env("XDG_CACHE_HOME", sandbox.path(cache));
    ran(&command.output().unwrap())
}

fn verdict(ran: &Ran, what: &str) -> Option<(String, bool)> {
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let one = found.as_array().unwrap().iter().find(|found| found["what"] == what)?;
    Some((one["verdict"].as_str().unwrap().to_owned(), one["hint"].is_string()))
}

#[test]
fn a_machine_on_which_runs_work_has_nothing_broken() {
    let sandbox = Sandbox::new();
    let ran = doctor(&sandbox, "cached").ok();
    for what in ["libtorch", "cache", "locks", "worker"] {
        assert_eq!(verdict(&ran, what), Some(("works".to_owned(), false)), "{}", ran.stdout);
    }
    let left: Vec<_> = fs_err::read_dir(sandbox.path("cached/alhost")).unwrap().collect();
    assert!(left.is_empty(), "it leaves nothing behind: {left:?}");
    let text = sandbox.alhost(&["doctor"]).ok().stdout;
    assert!(text.contains("works   libtorch    2.11.0"), "{text}");
}

#[test]
fn what_is_broken_is_told_with_a_hint_and_by_the_exit_status() {
    let sandbox = Sandbox::new();
    sandbox.write("cached", "a file in the way");
    let ran = doctor(&sandbox, "cached");
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert_eq!(verdict(&ran, "cache"), Some(("broken".to_owned(), true)), "{}", ran.stdout);
    assert_eq!(verdict(&ran, "locks"), None, "there is no place to look at them");
}

#[test]
fn the_version_says_more_if_asked() {
    let sandbox = Sandbox::new();
    let short = sandbox.alhost(&["--version"]).ok().stdout;
    assert_eq!(short, format!("alhost {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(sandbox.alhost(&["-V"]).ok().stdout, short);
    let long = sandbox.alhost(&["--version", "--verbose"]).ok().stdout;
    assert!(long.starts_with(&short), "{long}");
    for part in ["build: ", "plugin api: 1.", "libtorch: 2.11.0, /", "cuda: ", "threads: 1 of"] {
        assert!(long.contains(part), "no `{part}` in {long}");
    }
}

#[test]
fn shells_and_man_know_every_command() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = sandbox.alhost(&["completions", shell]).ok().stdout;
        assert!(text.contains("bench") && text.contains("dry-run"), "{shell}");
    }
    sandbox.alhost(&["man", "pages"]).ok();
    for page in ["alhost", "alhost-bench", "alhost-label-serve", "alhost-plugin-new"] {
        let text = sandbox.read(&format!("pages/{page}.1"));
        assert!(text.contains(&format!(".TH {page}")), "{page}: {text}");
    }
    assert!(!sandbox.path("pages/alhost-bench-worker.1").exists());
}

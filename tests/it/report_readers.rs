//! Opens what `alhost report` writes with the programs it is meant for: a browser, TensorBoard.

use std::path::{Path, PathBuf};

use crate::report::{FIVE, grid, report};
use crate::support::Sandbox;

/// Renders the report, looks for messages on the console, and leaves pictures to look at.
#[test]
fn a_browser_renders_it_without_a_complaint() {
    let Some(browser) = browser() else {
        eprintln!("did nothing: there is no chromium here");
        return;
    };
    let sandbox = Sandbox::new();
    grid(&sandbox, &["arxiv", "eurlex", "reuters", "nyt"], &FIVE, 5, 1000);
    report(&sandbox, &[]).ok();
    let pictures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report");
    fs_err::create_dir_all(&pictures).unwrap();
    let (html, profile) = (sandbox.path("out/report.html"), sandbox.path("profile"));
    fs_err::copy(&html, pictures.join("report.html")).unwrap();
    let looks = [
        ("light.png", "1200,6000", "--blink-settings=preferredColorScheme=1"),
        ("dark.png", "1200,3000", "--blink-settings=preferredColorScheme=0"),
        ("phone.png", "500,4000", "--blink-settings=preferredColorScheme=1"),
    ];
    for (name, size, scheme) in looks {
        let picture = pictures.join(name);
        let _none_from_before = fs_err::remove_file(&picture);
        let told = look(
            &browser,
            &profile,
            &html,
            &[
                &format!("--window-size={size}"),
                &format!("--screenshot={}", picture.display()),
                scheme,
            ],
        );
        let complaints: Vec<&str> = told.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(complaints.is_empty(), "{complaints:?}");
        assert!(fs_err::metadata(&picture).unwrap().len() > 50_000, "{told}");
    }
    // What the browser made of it: all sections and figures, so nothing was cut by bad markup.
    let dom = look(&browser, &profile, &html, &["--dump-dom"]);
    let written = sandbox.read("out/report.html");
    for part in ["<h2", "<h3", "<figure", "<svg", "<table", "<details"] {
        assert_eq!(dom.matches(part).count(), written.matches(part).count(), "{part}");
    }
    eprintln!("pictures: {}", pictures.display());
}

fn browser() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut places =
        std::env::split_paths(&folders).flat_map(|folder| names.map(|name| folder.join(name)));
    places.find(|place| place.is_file())
}

/// Returns what the browser says on both of its outputs.
fn look(browser: &Path, profile: &Path, page: &Path, args: &[&str]) -> String {
    let mut command = std::process::Command::new(browser);
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]);
    command.args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000"]);
    command.arg(format!("--user-data-dir={}", profile.display())).args(args);
    let output = command.arg(format!("file://{}", page.display())).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// A script that prints what TensorBoard reads: a line for each run and tag, in it each step, time
/// and value.
const SCALARS: &str = "\
import sys
try:
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
except ImportError:
    print('no tensorboard'); sys.exit()
runs = EventMultiplexer().AddRunsFromDirectory('events').Reload()
for run, tags in sorted(runs.Runs().items()):
    for tag in sorted(tags['scalars']):
        values = ' '.join(f'{e.step}:{e.wall_time:.1f}:{e.value:.6f}' for e in runs.Scalars(run, tag))
        print(run, tag, values)
";

/// Returns what `SCALARS` prints of the micro-F1 of `random` with seed 1.
fn scalars_of_csv(rounds: &str) -> Vec<String> {
    rounds
        .lines()
        .filter_map(|line| line.strip_prefix("arxiv,random,1,"))
        .enumerate()
        .map(|(round, line)| {
            let cells: Vec<&str> = line.split(',').collect();
            let micro_f1: f64 = cells[2].parse().unwrap();
            // 14.6 s a round, the last one without a query.
            let elapsed = 14.6 * (round + 1) as f64 - if round == 3 { 1.6 } else { 0.0 };
            format!("{}:{elapsed:.1}:{:.6}", cells[1], micro_f1 as f32)
        })
        .collect()
}

/// TensorBoard itself reads the events, where it is installed for `python3`.
#[test]
fn tensorboard_reads_the_events() {
    let sandbox = Sandbox::new();
    grid(&sandbox, &["arxiv"], &FIVE[..2], 2, 400);
    report(&sandbox, &["--tensorboard", "events"]).ok();
    let python = std::env::var_os("ALHOST_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let output = std::process::Command::new(python)
        .args(["-c", SCALARS])
        .current_dir(sandbox.folder.path())
        .output();
    let Ok(output) = output else {
        eprintln!("did nothing: there is no python3 here");
        return;
    };
    let told = String::from_utf8_lossy(&output.stdout);
    if told.starts_with("no tensorboard") {
        eprintln!("did nothing: python3 has no tensorboard");
        return;
    }
    let expected = scalars_of_csv(&sandbox.read("out/csv/rounds.csv"));
    let line = format!("arxiv/random/seed-1 test/micro_f1 {}", expected.join(" "));
    assert!(told.lines().any(|told| told == line), "no `{line}` in:\n{told}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(told.lines().filter(|line| line.contains(" test/micro_f1 ")).count(), 4, "{errors}");
}

//! People at the labeling page: a real browser, its keys, and what is on disk afterwards.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::page::{Page, annotations, project};
use crate::support::{Sandbox, workspace};

/// Texts that are labeled: several batches of 10, so that trainings come between.
const TEXTS: usize = 40;

/// What the driver at the keyboard reports; `None` where there is nothing to drive, or to drive with.
fn driven(page: &Page) -> Option<Value> {
    let driver = workspace().join("tests/tools/label_page.py");
    let url = format!("http://{}/", page.address);
    let mut command = Command::new("python3");
    command.arg("-B").arg(driver).args([&url, "--texts", &TEXTS.to_string()]);
    let Ok(output) = command.output() else {
        eprintln!("did nothing: there is no python3 here");
        return None;
    };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    if let Some(why) = report.get("skipped") {
        eprintln!("did nothing: {why}");
        return None;
    }
    Some(report)
}

/// By text: its status, and the labels of its last answer in the order of their names.
fn last_answers(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let said = |line: &Value| {
        let mut labels: Vec<&str> = line["labels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|label| label.as_str().unwrap())
            .collect();
        labels.sort_unstable();
        serde_json::json!({ "labels": labels, "status": line["status"] })
    };
    let answer = |line: &Value| (line["id"].as_str().unwrap().to_owned(), said(line));
    annotations(sandbox).iter().map(answer).collect()
}

#[test]
fn what_is_typed_on_the_page_is_what_is_on_disk() {
    let sandbox = project(true);
    let page = Page::serve(&sandbox, &[]);
    let Some(report) = driven(&page) else { return };
    assert_eq!(report["troubles"], serde_json::json!([]), "the page complained");
    let typed: BTreeMap<String, Value> = serde_json::from_value(report["answers"].clone()).unwrap();
    assert_eq!(typed.len(), TEXTS);
    assert_eq!(last_answers(&sandbox), typed);

    // Each change is a line of its own, and nothing was sent twice.
    let n = |what: &str| usize::try_from(report[what].as_u64().unwrap()).unwrap();
    let (undone, corrected) = (n("n_undone"), n("n_corrected"));
    assert!(undone >= 2 && corrected >= 1 && n("n_skipped") >= 3, "{report}");
    assert_eq!(annotations(&sandbox).len(), TEXTS + undone + corrected);
    assert!(annotations(&sandbox).iter().all(|line| line["by"] == "Ada" && line["from"] == "page"));

    let rounds = page.get("/api/progress").json()["rounds"].clone();
    assert!(rounds.as_array().unwrap().len() >= 2, "trained meanwhile: {rounds}");
}

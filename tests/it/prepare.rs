//! `alhost data prepare` on a replica of a distribution, and `alhost data stats` on what it made.

use std::process::Command;

use crate::support::Sandbox;

/// 40 papers under four codes, and one under a code of old.
fn dump() -> String {
    let codes = ["math.CO", "math.AG cs.IT", "hep-th", "quant-ph hep-th"];
    let paper = |i: usize, categories: &str| {
        format!(
            "{{\"id\":\"0704.{i:04}\",\"title\":\"Paper\\n  {i}\",\"abstract\":\"  About {i}.\\n\",\
             \"categories\":\"{categories}\"}}\n"
        )
    };
    let papers: Vec<String> = (0..40).map(|i| paper(i, codes[i % 4])).collect();
    papers.concat() + &paper(99, "astro-ph")
}

fn prepare(sandbox: &Sandbox, out: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alhost"));
    command.args(["data", "prepare", "arxiv", "--source"]).arg(sandbox.path("source"));
    let output = command.arg("--out").arg(sandbox.path(out)).args(more).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("source/arxiv-metadata-oai-snapshot.json", &dump());
    sandbox
}

#[test]
fn what_is_prepared_can_be_used() {
    let sandbox = sandbox();
    let (code, table, stderr) = prepare(&sandbox, "arxiv", &[]);
    assert_eq!(code, Some(0), "{stderr}");
    for line in ["documents read", "left out: without a label that the leaf rule keeps", "classes"]
    {
        assert!(table.contains(line), "no `{line}` in {table}");
    }
    assert!(table.contains("the paper's Table 1: 294,830 texts, 113 classes"), "{table}");
    assert!(table.contains("this differs: 294,790 fewer texts, 108 fewer classes"), "{table}");

    let mut stats = Command::new(env!("CARGO_BIN_EXE_alhost"));
    stats.args(["data", "stats", "--json", "--set", "data.format=jsonl", "--set"]);
    stats.arg(format!("data.path={}", sandbox.path("arxiv").display()));
    let output = stats.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let n_texts = ["train", "dev", "test"].map(|part| figures[part].as_u64().unwrap());
    assert_eq!(n_texts.iter().sum::<u64>(), 40);
    assert_eq!(figures["classes"], 5);
    assert_eq!(figures["no_label_texts"], 0);
    assert!((figures["classes_per_text"].as_f64().unwrap() - 1.5).abs() < 1e-9);
}

#[test]
fn options_reach_the_recipe() {
    let sandbox = sandbox();
    let options =
        ["--min-count", "15", "--split", "holdout", "--test-share", "0.25", "--text", "title"];
    let (code, table, stderr) = prepare(&sandbox, "frequent", &options);
    assert_eq!(code, Some(0), "{stderr}");
    // `hep-th` alone is on 20 texts; a quarter, then a tenth of the rest, were held out of 40.
    assert!(table.contains("not compared with the paper's Table 1"), "{table}");
    let meta = fs_err::read_to_string(sandbox.path("frequent/meta.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
    assert_eq!(meta["options"]["split"]["kind"], "holdout");
    assert_eq!(meta["options"]["text"], serde_json::json!(["title"]));
    assert_eq!(meta["classes"], 1);
    assert_eq!(fs_err::read_to_string(sandbox.path("frequent/labels.txt")).unwrap(), "hep-th\n");
}

#[test]
fn what_cannot_be_done_is_said() {
    let sandbox = sandbox();
    let (code, _, stderr) = prepare(&sandbox, "a", &["--split", "official"]);
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("error: `--split official` does not apply to arXiv"), "{stderr}");
    assert!(stderr.contains("\nhint: "), "{stderr}");
    let (code, _, stderr) = prepare(&sandbox, "a", &["--date-range", "2007"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("YYYY-MM-DD"), "{stderr}");
    let (code, _, stderr) = prepare(&sandbox, "a", &["--text", "body"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("no field `body`; the fields are title, abstract"), "{stderr}");
    assert!(!sandbox.path("a").exists());
}

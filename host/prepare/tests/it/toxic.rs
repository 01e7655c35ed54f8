//! Toxic comments: quoted CSV over many lines, and comments without a label.

use alhost_prepare::{Choices, Unlabeled};

use crate::support::Sandbox;

const HEADER: &str = "\"id\",\"comment_text\",\"toxic\",\"severe_toxic\",\"obscene\",\"threat\",\"insult\",\"identity_hate\"\n";

/// A comment over several lines with commas and doubled quotes, one with an empty line, one label
/// set of two, and 20 more without a label.
fn replica() -> String {
    let mut csv = HEADER.to_owned();
    csv += "0000997932d777bf,\"Explanation\nWhy the edits, made \"\"under\"\" my name?\n\n89.205\",0,0,0,0,0,0\n";
    csv += "0002bcb3da6cb337,\"BEFORE, YOU\n\",1,1,1,0,1,0\n";
    csv += "00031b1e95af7921,short,0,0,0,1,0,0\r\n";
    csv + &rows("plain", 20, "0,0,0,0,0,0")
}

fn rows(name: &str, n: usize, labels: &str) -> String {
    let rows: Vec<String> =
        (0..n).map(|i| format!("{name}{i},\"comment {i}\",{labels}\n")).collect();
    rows.concat()
}

#[test]
fn comments_are_read_as_they_stand() {
    let sandbox = Sandbox::new();
    sandbox.write("train.csv", replica());
    let made = sandbox.make("toxic", &Choices::default());
    let all = made.all();
    assert_eq!(all.len(), 23);
    let text = &all["0000997932d777bf"];
    assert_eq!(text.text, "Explanation\nWhy the edits, made \"under\" my name?\n\n89.205");
    assert_eq!(text.labels, [""; 0]);
    assert_eq!(all["0002bcb3da6cb337"].labels, ["toxic", "severe_toxic", "obscene", "insult"]);
    // 23 texts: dev ceil(4.6), test ceil(0.2 * 18).
    assert_eq!(made.prepared.n_texts, [14, 5, 4]);
    assert_eq!(made.classes(), ["insult", "obscene", "severe_toxic", "threat", "toxic"]);
    assert!(made.prepared.by_default);
    assert_eq!(made.prepared.n_read, 23);
}

#[test]
fn comments_without_a_label_can_be_dropped() {
    let sandbox = Sandbox::new();
    sandbox.write("train.csv", replica() + &rows("labeled", 9, "1,0,0,0,0,0"));
    let choices = Choices { unlabeled: Some(Unlabeled::Drop), ..Choices::default() };
    let made = sandbox.make("toxic", &choices);
    assert_eq!(made.left_out("without a label"), 21);
    // The share is of the 11 texts that stay: ceil(2.2), ceil(0.2 * 8).
    assert_eq!(made.prepared.n_texts, [6, 3, 2]);
    assert!(!made.prepared.by_default);
}

#[test]
fn other_csv_is_refused() {
    let check = |csv: &str, expected: &[&str]| {
        let sandbox = Sandbox::new();
        sandbox.write("train.csv", csv);
        let error = sandbox.error("toxic", &Choices::default());
        for part in expected {
            assert!(error.contains(part), "{error}");
        }
    };
    check("id,text\n", &["train.csv:1: the header is `id,text`", "hint: Kaggle's train.csv"]);
    check(&(HEADER.to_owned() + "a,b\n"), &["train.csv:2: 2 fields", "have 8"]);
    check(&(replica() + "a,b,2,0,0,0,0,0\n"), &["`toxic` is `2`", "train.csv:29:"]);
}

//! What is wrong with a source is said with its place and a hint, and leaves no folder behind.

use alhost_prepare::{Choices, IdFiles, SplitKind, prepare};
use alhost_prepare::{Silent, recipes};

use crate::support::{Sandbox, gz, zip};

fn check(files: &[(&str, Vec<u8>)], name: &str, choices: &Choices, expected: &[&str]) {
    let sandbox = Sandbox::new();
    for (name, bytes) in files {
        sandbox.write(name, bytes);
    }
    let error = sandbox.error(name, choices);
    for part in expected {
        assert!(error.contains(part), "no `{part}` in: {error}");
    }
    assert!(error.contains("\nhint: "), "{error}");
}

const PAPER: &str = "{\"id\":\"1\",\"title\":\"t\",\"abstract\":\"a\",\"categories\":\"hep-th\"}\n";
const SNAPSHOT: &str = "arxiv-metadata-oai-snapshot.json";

fn plain() -> Choices {
    Choices::default()
}

#[test]
fn a_missing_file_is_named_with_where_it_is_obtained_and_its_licence() {
    for about in recipes() {
        let sandbox = Sandbox::new();
        sandbox.write("readme.txt", "");
        let error = sandbox.error(about.name, &plain());
        assert!(error.contains("the folder holds `readme.txt`"), "{error}");
        assert!(error.contains(about.obtain) && error.contains(about.licence), "{error}");
    }
    let sandbox = Sandbox::new();
    let nowhere = sandbox.path("nowhere");
    let out = sandbox.path("out");
    let error = prepare("arxiv", &nowhere, &out, &plain(), &Silent).unwrap_err().to_string();
    assert!(error.contains("nowhere: the source folder does not exist"), "{error}");
}

#[test]
fn an_unknown_data_set_gets_the_nearest_name() {
    let sandbox = Sandbox::new();
    let error = sandbox.error("arxive", &plain());
    assert!(error.contains("no recipe for `arxive`\nhint: did you mean `arxiv`? "), "{error}");
}

#[test]
fn a_truncated_archive_is_an_error() {
    // Incompressible, so that the cut is in the middle of the lines.
    let lines: String = (0..5_000_u64)
        .map(|i| PAPER.replace('t', &i.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string()))
        .collect();
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let name = "arxiv-metadata-oai-snapshot.json.gz";
    let truncated = ["cannot be read", "whole", name];
    check(&[(name, cut(gz(&lines)))], "arxiv", &plain(), &truncated);
    let zst = zstd::encode_all(lines.as_bytes(), 1).unwrap();
    let name = "arxiv-metadata-oai-snapshot.json.zst";
    check(&[(name, cut(zst))], "arxiv", &plain(), &["cannot be read", name]);
    let name = "archive.zip";
    check(&[(name, cut(zip(&[(SNAPSHOT, &lines)])))], "arxiv", &plain(), &["cannot be read", name]);
    let whole = PAPER.repeat(2);
    let half_a_line = whole.as_bytes()[..whole.len() - 20].to_vec();
    check(
        &[(SNAPSHOT, half_a_line)],
        "arxiv",
        &plain(),
        &["snapshot.json:2:", "EOF", "interrupted"],
    );
    let files = [("eurovoc_en.json", b"{}".to_vec()), ("datasets.zip", cut(zip(&[("a", "b")])))];
    check(&files, "eurlex", &plain(), &["cannot be read", "datasets.zip"]);
}

#[test]
fn another_encoding_is_an_error_with_its_place() {
    let latin: Vec<u8> = (PAPER.to_owned() + &PAPER.replace('t', "é"))
        .chars()
        .map(|c| u8::try_from(c).unwrap())
        .collect();
    check(&[(SNAPSHOT, latin)], "arxiv", &plain(), &["snapshot.json:2:", "not UTF-8", "Latin-1"]);
    let csv = b"\"1\",\"caf\xe9\",\"x\"\n".to_vec();
    check(&[("train.csv", csv)], "ag-news", &plain(), &["train.csv:1:", "not UTF-8"]);
    check(&[("eurovoc_en.json", b"\xff\xfe{\0".to_vec())], "eurlex", &plain(), &["UTF-16"]);
}

#[test]
fn a_hierarchy_with_a_cycle_is_an_error() {
    let cycle = br#"{"1": {"label": "a", "parents": ["2"]}, "2": {"label": "b", "parents": ["3"]},
                     "3": {"label": "c", "parents": ["2"]}}"#;
    let expected =
        ["eurovoc_en.json: the hierarchy of labels has a cycle: `2` below `3` below `2`"];
    check(&[("eurovoc_en.json", cycle.to_vec())], "eurlex", &plain(), &expected);
    let own = br#"{"1": {"label": "a", "parents": ["1"]}}"#;
    check(&[("eurovoc_en.json", own.to_vec())], "eurlex", &plain(), &["`1` below `1`"]);
}

fn law(id: &str, concept: &str) -> Vec<u8> {
    format!("{{\"celex_id\": \"{id}\", \"header\": \"x\", \"concepts\": [\"{concept}\"]}}").into()
}

#[test]
fn a_part_that_loses_all_texts_is_an_error() {
    let hierarchy = br#"{"1": {"label": "a", "parents": []}, "2": {"label": "b", "parents": []}}"#;
    let files = [
        ("eurovoc_en.json", hierarchy.to_vec()),
        ("train/a.json", law("a", "1")),
        ("train/b.json", law("b", "1")),
        ("dev/c.json", law("c", "2")),
        ("test/d.json", law("d", "1")),
    ];
    let choices = Choices { min_count: Some(2), ..plain() };
    let expected = ["no dev text is left: 1 without a class that is frequent enough"];
    check(&files, "eurlex", &choices, &expected);
    check(&files[..4], "eurlex", &plain(), &["no `test/*.json`"]);
}

#[test]
fn an_id_that_is_used_twice_is_an_error() {
    let hierarchy = br#"{"1": {"label": "a", "parents": []}}"#.to_vec();
    let files = |other: &'static str| {
        vec![
            ("eurovoc_en.json", hierarchy.clone()),
            ("train/a.json", law("a", "1")),
            (other, law("a", "1")),
            ("dev/c.json", law("c", "1")),
            ("test/d.json", law("d", "1")),
        ]
    };
    let mixed = ["two documents have the id `a`, one in train and one in test", "mixed up"];
    check(&files("test/a.json"), "eurlex", &plain(), &mixed);
    check(&files("train/aa.json"), "eurlex", &plain(), &["the id `a`, both in train"]);
}

#[test]
fn two_files_that_could_be_meant_are_an_error() {
    let paper = PAPER.as_bytes().to_vec();
    let files = [(SNAPSHOT, paper.clone()), ("arxiv-metadata-oai-2020.json", paper)];
    check(&files, "arxiv", &plain(), &["more than one file could be", SNAPSHOT, "2020.json"]);
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.write(SNAPSHOT, PAPER.repeat(3));
    let out = sandbox.path("mine");
    fs_err::create_dir(&out).unwrap();
    fs_err::write(out.join("thesis.tex"), "x").unwrap();
    let error = prepare("arxiv", &sandbox.source(), &out, &plain(), &Silent).unwrap_err();
    assert!(
        error.to_string().contains("mine: the folder for the data set is not empty"),
        "{error}"
    );
    assert_eq!(fs_err::read_dir(&out).unwrap().count(), 1);
}

#[test]
fn choices_that_do_nothing_are_refused() {
    let refused = |name: &str, choices: Choices, expected: &str| {
        check(&[], name, &choices, &[expected, "does not apply", "leave the option out"]);
    };
    refused("toxic", Choices { merge_aliases: true, ..plain() }, "--merge-aliases");
    refused("toxic", Choices { clean: true, ..plain() }, "--clean");
    refused("toxic", Choices { sample: Some(0.1), ..plain() }, "--sample");
    refused("eurlex", Choices { split_seed: Some(3), ..plain() }, "--split-seed");
    refused("eurlex", Choices { split: Some(SplitKind::Holdout), ..plain() }, "--split");
    refused("arxiv", Choices { split: Some(SplitKind::Official), ..plain() }, "--split official");
}

#[test]
fn id_lists_that_share_an_id_are_an_error() {
    let sandbox = Sandbox::new();
    sandbox.write(SNAPSHOT, PAPER);
    sandbox.write("train.ids", "1\n2\n");
    sandbox.write("dev.ids", "3\n");
    sandbox.write("test.ids", "2\n");
    let file = |name: &str| sandbox.source().join(name);
    let ids = IdFiles { train: file("train.ids"), dev: file("dev.ids"), test: file("test.ids") };
    let error = sandbox.error("arxiv", &Choices { ids: Some(ids), ..plain() });
    assert!(error.contains("the id `2`, one in train and one in test"), "{error}");
}

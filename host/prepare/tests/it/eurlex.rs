//! EURLEX57K: one JSON file a law, in folders or in the zip, and the EuroVoc hierarchy.

use alhost_prepare::{Choices, LeafRule, Scope, UnknownLabels};
use serde_json::json;

use crate::support::{Sandbox, zip};

/// `10` above `11` and `12`; `12` above `13`; `20` below something that is no descriptor.
const HIERARCHY: &str = r#"{
    "10": {"label": "law", "parents": []},
    "11": {"label": "civil\tlaw", "parents": ["10"], "alt_labels": ["private law"]},
    "12": {"label": "public law", "parents": ["10"]},
    "13": {"label": "tax law", "parents": ["12", "20"]},
    "20": {"label": "money", "parents": ["100141"]},
    "21": {"label": "never used", "parents": ["20"]}
}"#;

fn law(celex: &str, concepts: &[&str]) -> String {
    json!({
        "celex_id": celex, "uri": "http://publications.europa.eu/resource/cellar/1", "type": "Decision",
        "concepts": concepts, "title": format!("Title {celex}"), "header": "Header\n",
        "recitals": "Whereas é", "main_body": ["Article 1", "Article 2"], "attachments": "Done",
    })
    .to_string()
}

/// (folder, CELEX number, concepts)
const LAWS: [(&str, &str, &[&str]); 7] = [
    ("train", "31979D0509", &["11", "10", "13"]),
    ("train", "31979D0510", &["11"]),
    ("train", "31979D0511", &["12"]),
    ("train", "31979D0512", &[]),
    ("dev", "31980D0001", &["11", "13"]),
    ("test", "31981D0001", &["11", "12"]),
    ("test", "31981D0002", &["13"]),
];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("eurovoc_en.json", HIERARCHY);
    for (folder, celex, concepts) in LAWS {
        sandbox.write(&format!("dataset/{folder}/{celex}.json"), law(celex, concepts));
    }
    // What unpacking on a Mac leaves.
    sandbox.write("dataset/train/.DS_Store", [0, 1]);
    sandbox
}

fn at_least(min_count: u64) -> Choices {
    Choices { min_count: Some(min_count), ..Choices::default() }
}

#[test]
fn leaves_are_counted_then_classes_and_texts_dropped() {
    let sandbox = sandbox();
    let made = sandbox.make("eurlex", &at_least(1));
    let all = made.all();
    assert_eq!(
        all["31979D0509"].text, "Header\n\nWhereas é\nArticle 1\nArticle 2\nDone",
        "fields joined by line ends, without the title"
    );
    assert_eq!(all["31979D0509"].labels, ["11", "13"]);
    assert_eq!(all["31981D0001"].labels, ["11"]);
    assert_eq!(made.left_out("without a label"), 1);
    assert_eq!(made.left_out("without a label that the leaf rule keeps"), 1);
    assert_eq!(made.prepared.n_texts, [2, 1, 2]);
    assert_eq!(made.classes(), ["11", "13"]);
    assert_eq!(
        made.file("labels.tsv"),
        "id\tname\tparents\tn_train\tn_all\n11\tcivil law\t10\t2\t4\n13\ttax law\t12,20\t1\t3\n"
    );
    assert_eq!(made.remarked("parents that are no labels themselves"), 1);
    assert_eq!(made.file("splits/test.ids"), "31981D0001\n31981D0002\n");
}

#[test]
fn what_a_sample_is_can_be_chosen() {
    let sandbox = sandbox();
    // `13` is on three texts, one of them in train.
    let all = sandbox.make("eurlex", &at_least(3));
    assert_eq!(all.classes(), ["11", "13"]);
    let train = Choices { min_count_scope: Some(Scope::Train), ..at_least(2) };
    let train = sandbox.make("eurlex", &train);
    assert_eq!(train.classes(), ["11"]);
    assert_eq!(train.left_out("without a class that is frequent enough"), 1);
    assert_eq!(train.ids("test"), ["31981D0001"]);
}

#[test]
fn leaf_rules_differ() {
    let sandbox = sandbox();
    let made = |rule| sandbox.make("eurlex", &Choices { leaf: Some(rule), ..at_least(1) }).all();
    let most_specific = made(LeafRule::MostSpecific);
    assert_eq!(most_specific["31979D0509"].labels, ["11", "13"]);
    assert_eq!(most_specific["31979D0511"].labels, ["12"]);
    assert_eq!(most_specific["31981D0001"].labels, ["11", "12"]);
    assert_eq!(made(LeafRule::None)["31979D0509"].labels, ["11", "10", "13"]);
}

#[test]
fn the_zip_is_read_as_it_is() {
    let expected = sandbox().make("eurlex", &at_least(1)).all();
    let files: Vec<(String, String)> = LAWS
        .iter()
        .map(|(folder, celex, concepts)| {
            (format!("dataset/{folder}/{celex}.json"), law(celex, concepts))
        })
        .chain([("__MACOSX/dataset/train/._31979D0509.json".to_owned(), "\0".to_owned())])
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let sandbox = Sandbox::new();
    sandbox.write("datasets.zip", zip(&files));
    // The name that the reference code saves the hierarchy under.
    sandbox.write("EURLEX57K.json", HIERARCHY);
    assert_eq!(sandbox.make("eurlex", &at_least(1)).all(), expected);
}

#[test]
fn titles_can_be_part_of_the_text() {
    let fields = ["title", "main_body"].map(str::to_owned).to_vec();
    let made = sandbox().make("eurlex", &Choices { text: Some(fields), ..at_least(1) }).all();
    assert_eq!(made["31980D0001"].text, "Title 31980D0001\nArticle 1\nArticle 2");
}

#[test]
fn a_label_outside_the_hierarchy_is_an_error_unless_told_otherwise() {
    let sandbox = sandbox();
    sandbox.write("dataset/train/31999D0001.json", law("31999D0001", &["111", "11"]));
    let error = sandbox.error("eurlex", &at_least(1));
    assert!(error.contains("document `31999D0001` has the label `111`"), "{error}");
    assert!(error.contains("hint: did you mean `11`?"), "{error}");
    let made =
        |rule| sandbox.make("eurlex", &Choices { unknown_labels: Some(rule), ..at_least(1) });
    let dropped = made(UnknownLabels::Drop);
    assert_eq!(dropped.all()["31999D0001"].labels, ["11"]);
    assert_eq!(dropped.remarked("labels that the hierarchy does not have, dropped"), 1);
    let kept = made(UnknownLabels::Keep);
    assert_eq!(kept.all()["31999D0001"].labels, ["111", "11"]);
}

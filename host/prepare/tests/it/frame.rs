//! Tests what all recipes have in common: folders, records, id lists, threads, and the rules
//! against brute force.

use std::collections::{BTreeMap, BTreeSet};

use alhost_prepare::{Choices, IdFiles, LeafRule, Scope};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{Sandbox, Text, tree};

const SNAPSHOT: &str = "arxiv-metadata-oai-snapshot.json";

fn dump(n_papers: usize, n_words: usize) -> String {
    let codes = ["math.CO", "math.AG cs.IT", "hep-th", "quant-ph math-ph", "cs.LG stat.ML"];
    let lines = (0..n_papers).map(|i| {
        let words: String =
            (0..n_words).map(|word| ((i * 31 + word * 17) % 997).to_string() + " ").collect();
        json!({"id": format!("p{i}"), "title": "t", "abstract": words, "categories": codes[i % 5]})
            .to_string()
            + "\n"
    });
    lines.collect()
}

#[test]
fn a_folder_is_the_same_whatever_the_number_of_threads() {
    let sandbox = Sandbox::new();
    // Some blocks and packs.
    sandbox.write(SNAPSHOT, dump(9_000, 1_000));
    let made = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let made = pool.install(|| sandbox.make("arxiv", &Choices::default()));
        tree(&made.folder)
    };
    let (one, three) = (made(1), made(3));
    assert_eq!(one.keys().collect::<Vec<_>>(), three.keys().collect::<Vec<_>>());
    for (path, bytes) in one {
        assert!(bytes == three[&path], "{} differs", path.display());
    }
}

#[test]
fn meta_tells_everything() {
    let sandbox = Sandbox::new();
    sandbox.write(SNAPSHOT, dump(50, 5));
    let made = sandbox.make("arxiv", &Choices { min_count: Some(7), ..Choices::default() });
    let meta = made.meta();
    assert_eq!(meta["recipe"], "arxiv");
    assert_eq!(meta["options"]["leaf"], "structural");
    assert_eq!(meta["options"]["min_count"], 7);
    assert_eq!(meta["options"]["min_count_scope"], "all");
    assert_eq!(meta["options"]["split"]["kind"], "bernoulli");
    assert_eq!(
        meta["options"]["split"]["draws"][0],
        json!({"part": "test", "share": {"fraction": 0.1}})
    );
    let bytes = fs_err::read(sandbox.source().join(SNAPSHOT)).unwrap();
    let source = json!({"name": SNAPSHOT, "files": 1, "bytes": bytes.len(),
                        "blake3": blake3::hash(&bytes).to_string()});
    assert_eq!(meta["source"], json!([source]));
    assert_eq!(meta["documents_read"], 50);
    let steps: Vec<_> =
        meta["steps"].as_array().unwrap().iter().map(|step| &step["after"]).collect();
    assert_eq!(steps, ["reading", "leaf rule", "minimum count"]);
    let n_texts: u64 =
        ["train", "dev", "test"].iter().map(|p| meta["texts"][p].as_u64().unwrap()).sum();
    assert_eq!(n_texts, 50);
    assert_eq!(meta["classes"], 8);
}

#[test]
fn a_split_can_be_had_again_from_its_id_lists() {
    let sandbox = Sandbox::new();
    sandbox.write(SNAPSHOT, dump(60, 5));
    let first = sandbox.make("arxiv", &Choices { split_seed: Some(9), ..Choices::default() });
    let file = |part: &str| first.folder.join(format!("splits/{part}.ids"));
    let ids = IdFiles { train: file("train"), dev: file("dev"), test: file("test") };
    let again = sandbox.make("arxiv", &Choices { ids: Some(ids.clone()), ..Choices::default() });
    assert_eq!(again.ids("dev"), first.ids("dev"));
    assert_eq!(again.ids("test"), first.ids("test"));

    // Texts in no list are left out; ids without a text are told.
    let kept: Vec<String> = first.ids("train")[..5].to_vec();
    fs_err::write(&ids.train, kept.join("\r\n") + "\n\nnowhere\n").unwrap();
    let fewer = sandbox.make("arxiv", &Choices { ids: Some(ids), ..Choices::default() });
    assert_eq!(fewer.ids("train"), kept);
    assert_eq!(fewer.left_out("in none of the id lists"), first.ids("train").len() as u64 - 5);
    assert_eq!(fewer.remarked("ids of the lists that are not in the source"), 1);
}

#[test]
fn the_real_hierarchy_has_the_leaves_that_are_known() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/eurovoc-hierarchy.tsv");
    let Ok(table) = fs_err::read_to_string(&path) else {
        println!("nothing was tested: {} is not there", path.display());
        return;
    };
    let rows: Vec<Vec<&str>> =
        table.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let concepts: BTreeMap<&str, _> = rows
        .iter()
        .map(|row| {
            let parents: Vec<&str> =
                row[2].split(',').filter(|parent| !parent.is_empty()).collect();
            (row[0], json!({"label": row[1], "parents": parents}))
        })
        .collect();
    let sandbox = Sandbox::new();
    sandbox.write("eurovoc_en.json", serde_json::to_string(&concepts).unwrap());
    let law = |id: &str, concepts: &[&str]| {
        json!({"celex_id": id, "header": "x", "concepts": concepts}).to_string()
    };
    let all: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    sandbox.write("train/a.json", law("a", &all));
    sandbox.write("dev/b.json", law("b", &all));
    sandbox.write("test/c.json", law("c", &all));
    let choices = Choices { min_count: Some(1), ..Choices::default() };
    let made = sandbox.make("eurlex", &choices);
    let leaves: BTreeSet<String> =
        rows.iter().filter(|row| row[4] == "1").map(|row| row[0].to_owned()).collect();
    assert_eq!((rows.len(), leaves.len()), (7_317, 5_794));
    assert_eq!(made.classes().into_iter().collect::<BTreeSet<_>>(), leaves);
    // Of all concepts together, the most specific are the leaves.
    let choices = Choices { leaf: Some(LeafRule::MostSpecific), ..choices };
    let made = sandbox.make("eurlex", &choices);
    assert_eq!(made.classes().into_iter().collect::<BTreeSet<_>>(), leaves);
}

/// A small hierarchy (the parents of a label have smaller numbers), texts, and a rule.
#[derive(Clone, Debug)]
struct Case {
    parents: Vec<BTreeSet<usize>>,
    /// Part and labels of each text.
    texts: Vec<(usize, BTreeSet<usize>)>,
    leaf: LeafRule,
    min_count: u64,
    scope: Scope,
}

fn cases() -> impl Strategy<Value = Case> {
    let parents = prop::collection::vec(prop::collection::btree_set(0..8_usize, 0..3), 8);
    let text = (0..3_usize, prop::collection::btree_set(0..8_usize, 0..5));
    let leaf =
        prop::sample::select(vec![LeafRule::Structural, LeafRule::MostSpecific, LeafRule::None]);
    let scope = prop::sample::select(vec![Scope::Train, Scope::All]);
    let texts = prop::collection::vec(text, 3..20);
    (parents, texts, leaf, 0..4_u64, scope).prop_map(|(parents, texts, leaf, min_count, scope)| {
        let smaller = |(label, parents): (usize, BTreeSet<usize>)| {
            parents.into_iter().filter(|&parent| parent < label).collect()
        };
        let parents = parents.into_iter().enumerate().map(smaller).collect();
        Case { parents, texts, leaf, min_count, scope }
    })
}

impl Case {
    fn is_above(&self, above: usize, label: usize) -> bool {
        self.parents[label].iter().any(|&parent| parent == above || self.is_above(above, parent))
    }

    fn keeps(&self, label: usize, of: &BTreeSet<usize>) -> bool {
        match self.leaf {
            LeafRule::None => true,
            LeafRule::Structural => !self.parents.iter().any(|parents| parents.contains(&label)),
            LeafRule::MostSpecific => !of.iter().any(|&other| self.is_above(label, other)),
        }
    }

    /// The labels of each text, by the definitions.
    fn expected(&self) -> Vec<BTreeSet<usize>> {
        let leaves: Vec<BTreeSet<usize>> = self
            .texts
            .iter()
            .map(|(_, labels)| labels.iter().copied().filter(|&l| self.keeps(l, labels)).collect())
            .collect();
        let count = |label: usize| {
            let counted = self.texts.iter().zip(&leaves);
            let counts = |part: usize| self.scope == Scope::All || part == 0;
            counted.filter(|((part, _), labels)| counts(*part) && labels.contains(&label)).count()
        };
        let frequent: BTreeSet<usize> =
            (0..8).filter(|&label| count(label) as u64 >= self.min_count).collect();
        leaves.iter().map(|labels| labels & &frequent).collect()
    }

    fn sandbox(&self) -> Sandbox {
        let sandbox = Sandbox::new();
        let hierarchy: BTreeMap<String, _> = self
            .parents
            .iter()
            .enumerate()
            .map(|(label, parents)| {
                let parents: Vec<String> = parents.iter().map(usize::to_string).collect();
                (label.to_string(), json!({"label": "x", "parents": parents}))
            })
            .collect();
        sandbox.write("eurovoc_en.json", serde_json::to_string(&hierarchy).unwrap());
        for (i, (part, labels)) in self.texts.iter().enumerate() {
            let labels: Vec<String> = labels.iter().map(usize::to_string).collect();
            let law = json!({"celex_id": i.to_string(), "header": "x", "concepts": labels});
            let part = ["train", "dev", "test"][*part];
            sandbox.write(&format!("{part}/{i}.json"), law.to_string());
        }
        sandbox
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn leaf_rules_and_counts_are_as_defined(case in cases()) {
        let expected = case.expected();
        let stay: Vec<usize> =
            (0..case.texts.len()).filter(|&text| !expected[text].is_empty()).collect();
        let parts: BTreeSet<usize> = stay.iter().map(|&text| case.texts[text].0).collect();
        let choices = Choices {
            leaf: Some(case.leaf),
            min_count: Some(case.min_count),
            min_count_scope: Some(case.scope),
            ..Choices::default()
        };
        let sandbox = case.sandbox();
        let made = sandbox.prepare("eurlex", &choices);
        if parts.len() < 3 {
            prop_assert!(made.is_err());
            return Ok(());
        }
        let made = made.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let got: BTreeMap<usize, BTreeSet<usize>> = made
            .all()
            .into_values()
            .map(|text| {
                let labels = text.labels.iter().map(|label| label.parse().unwrap()).collect();
                (text.id.parse().unwrap(), labels)
            })
            .collect();
        let expected: BTreeMap<usize, BTreeSet<usize>> =
            stay.into_iter().map(|text| (text, expected[text].clone())).collect();
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn texts_keep_the_order_of_the_source() {
    let sandbox = Sandbox::new();
    sandbox.write(SNAPSHOT, dump(40, 3));
    let made = sandbox.make("arxiv", &Choices::default());
    let numbers = |texts: Vec<Text>| -> Vec<usize> {
        texts.iter().map(|text| text.id[1..].parse().unwrap()).collect()
    };
    assert!(numbers(made.texts("train")).is_sorted());
}

//! Holds `docs/config.md` and `configs/` to the types: every key, its default, and no other.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::protocol::PAPER;
use super::ranges::RANGES;
use super::{ConfigFile, GridFile, HeadKind, OnUnlabeled, Overrides, keys};

const DOC: &str = include_str!("../../../docs/config.md");

/// Key and second column of each table row below `heading`, up to the next heading.
fn rows(heading: &str) -> BTreeMap<String, String> {
    let start = DOC.find(heading).unwrap_or_else(|| panic!("docs/config.md has no `{heading}`"));
    let section = &DOC[start + heading.len()..];
    let section = &section[..section.find("\n# ").unwrap_or(section.len())];
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let key = cells[1].trim_matches('`').to_owned();
        assert!(!cells[2].is_empty() && !cells[3].is_empty(), "an empty cell: {line}");
        let before = rows.insert(key, cells[2].trim_matches('`').to_owned());
        assert_eq!(before, None, "twice in docs/config.md: {line}");
    }
    rows
}

/// Writes a value as a user would.
fn as_toml(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Object(table) if table.is_empty() => "{}".to_owned(),
        other => toml::Value::try_from(other).unwrap().to_string(),
    }
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(table) => {
            for (name, value) in table {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, into);
            }
        }
        other => {
            into.insert(path.to_owned(), as_toml(other));
        }
    }
}

#[test]
fn the_reference_names_every_key_with_its_default_and_no_other() {
    let ours: BTreeMap<String, String> =
        keys().iter().map(|key| (key.path.clone(), as_toml(&key.default))).collect();
    assert_eq!(rows("\n# Keys"), ours);
}

#[test]
fn the_reference_says_the_range_of_every_number() {
    for (key, range) in RANGES {
        let row = DOC.lines().find(|line| line.starts_with(&format!("| `{key}` |"))).unwrap();
        assert!(row.ends_with(&format!("{range} |")), "no `{range}` in: {row}");
    }
}

#[test]
fn the_paper_protocol_is_documented_as_it_is() {
    let table: toml::Table = PAPER.parse().unwrap();
    let mut ours = BTreeMap::new();
    flatten("", &serde_json::to_value(table).unwrap(), &mut ours);
    assert_eq!(rows("\n# The paper's protocol"), ours);
}

#[test]
fn every_config_that_is_shipped_checks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let mut checked = 0;
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        let is_grid =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("bench-"));
        let files = if is_grid {
            GridFile::read(&path, &Overrides::default()).unwrap().configs
        } else {
            vec![ConfigFile::read(&path, &Overrides::default()).unwrap()]
        };
        for file in files {
            let config = file.check(&|name| Some(format!("/data/{name}"))).unwrap();
            let n = config.strategies().unwrap().len();
            assert!(n == 5 || path.ends_with("demo.toml") || path.ends_with("bench-shelf.toml"));
            checked += 1;
        }
    }
    assert!(checked >= 11, "only {checked} configs found");
}

/// The data folder need not be there for a check.
#[test]
fn each_data_set_of_the_paper_has_a_config_with_its_protocol() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    for name in ["eurlex", "arxiv", "nyt", "rcv1", "yelp", "ag-news", "toxic"] {
        let path = folder.join(format!("{name}.toml"));
        let file = ConfigFile::read(&path, &Overrides::default()).unwrap();
        let config = file.check(&|_| None).unwrap();
        assert_eq!(config.name, name);
        assert_eq!(config.data.path, Some(format!("data/{name}")));
        assert_eq!(config.data.unlabeled == OnUnlabeled::Keep, name == "toxic");
        let model = (config.model.checkpoint.as_str(), config.model.max_tokens, config.model.head);
        assert_eq!(model, ("bert-base-uncased", 512, HeadKind::Cnn));
        assert_eq!((config.r#loop.query_size, config.r#loop.budget), (100, 2000));
        assert_eq!(config.seeds, [1, 2, 3]);
        let plugins: Vec<&str> =
            config.strategies().unwrap().iter().map(|strategy| strategy.plugin.as_str()).collect();
        assert_eq!(plugins, ["random", "subword", "alps", "dal", "cvirs"]);
    }
}
